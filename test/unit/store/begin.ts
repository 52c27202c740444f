/** Begins a cache in a process of its own, and prints the kind of its journal. */

import { beginDatabase } from '../../../src/store/database/beginning';
import { Connection } from '../../../src/store/database/Connection';

async function main(path: string): Promise<void> {
  await beginDatabase(path);
  const connection = await Connection.open(path, 'read');
  const row = await connection.get('PRAGMA journal_mode');
  await connection.close();
  process.stdout.write(String(row?.journal_mode));
}

void main(process.argv[2] ?? '');
