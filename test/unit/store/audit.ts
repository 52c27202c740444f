import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BlobFolder } from '../../../src/store/blobs/BlobFolder';
import { check } from '../../../src/store/checking/checking';
import { Connection } from '../../../src/store/database/Connection';

/**
 * The store's own check, with which every test of it ends. A database that the test took away has
 * nothing to check.
 *
 * @param allowed faults that the test made itself, as `{kind} {about}: {message}`.
 */
export async function audit(path: string, allowed: readonly RegExp[] = []): Promise<void> {
  if (!existsSync(path)) return;
  const connection = await Connection.open(path, 'read');
  try {
    const blobs = new BlobFolder(dirname(await realpath(path)));
    // At the end of a test no save is under way: no file is too young to count.
    const { faults } = await check(connection, blobs, { now: Infinity });
    const told = faults
      // Tests save values alone, or none, as marimo does not.
      .filter(({ kind }) => kind !== 'not-whole' && kind !== 'no-items')
      .map(({ kind, about, message }) => `${kind} ${about}: ${message}`);
    for (const { file } of await connection.all('SELECT file FROM blobs WHERE file IS NOT NULL')) {
      const found = await stat(join(blobs.path, String(file))).catch(() => undefined);
      if (found !== undefined && found.nlink !== 1) told.push(`${String(file)} has two names`);
    }
    assert.deepEqual(
      told.filter((fault) => !allowed.some((each) => each.test(fault))),
      [],
    );
  } finally {
    await connection.close();
  }
}
