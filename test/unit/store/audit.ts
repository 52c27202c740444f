import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BlobFolder } from '../../../src/store/BlobFolder';
import { sealOf } from '../../../src/store/checksums';
import { Connection } from '../../../src/store/Connection';

/**
 * The store's own check, with which every test of it ends: SQLite's integrity and foreign keys,
 * totals against what they sum up, seals, blobs against the items that need them, rows against files
 * both ways. A database that the test took away has nothing to check.
 *
 * @param allowed faults that the test made itself, as this function words them.
 */
export async function audit(path: string, allowed: readonly RegExp[] = []): Promise<void> {
  if (!existsSync(path)) return;
  const connection = await Connection.open(path, 'write');
  const faults: string[] = [];
  try {
    for (const { integrity_check } of await connection.all('PRAGMA integrity_check')) {
      if (integrity_check !== 'ok') faults.push(String(integrity_check));
    }
    for (const { table } of await connection.all('PRAGMA foreign_key_check')) {
      faults.push(`${String(table)} refers to a row that is not there`);
    }
    for (const row of await connection.all(wrongTotals)) {
      faults.push(`totals of cell ${String(row.cell_id)} are wrong`);
    }
    for (const { key, digest, size, seal } of await connection.all(
      `SELECT i.key, lower(hex(i.digest)) AS digest, b.size, i.seal
       FROM items AS i JOIN blobs AS b USING (digest)`,
    )) {
      if (sealOf(String(key), String(digest), Number(size)) !== seal) {
        faults.push(`${String(key)} has a wrong seal`);
      }
    }
    for (const { digest } of await connection.all(
      'SELECT hex(digest) AS digest FROM blobs WHERE digest NOT IN (SELECT digest FROM items)',
    )) {
      faults.push(`blob ${String(digest)} is needed by nobody`);
    }
    for (const { code_digest } of await connection.all(
      `SELECT hex(code_digest) AS code_digest FROM sources
       WHERE code_digest NOT IN (SELECT code_digest FROM nodes)`,
    )) {
      faults.push(`source ${String(code_digest)} is needed by nobody`);
    }
    faults.push(...(await compareFiles(connection, dirname(await realpath(path)))));
  } finally {
    await connection.close();
  }
  assert.deepEqual(
    faults.filter((fault) => !allowed.some((each) => each.test(fault))),
    [],
  );
}

const wrongTotals = `
  SELECT cell_id FROM totals AS t WHERE
    entries <> (SELECT count(*) FROM entries AS e WHERE e.cell_id = t.cell_id)
    OR size <> (SELECT total(b.size) FROM blobs AS b
      WHERE b.digest IN (SELECT i.digest FROM items AS i WHERE i.cell_id = t.cell_id))
    OR abs(runtime - (SELECT total(runtime) FROM entries AS e WHERE e.cell_id = t.cell_id)) > 1e-6
  UNION SELECT cell_id FROM cells WHERE cell_id NOT IN (SELECT cell_id FROM totals)`;

async function compareFiles(connection: Connection, folder: string): Promise<string[]> {
  const faults: string[] = [];
  const blobs = new BlobFolder(folder);
  const named = new Set<string>();
  for (const row of await connection.all(
    'SELECT file, lower(hex(digest)) AS digest, size FROM blobs WHERE file IS NOT NULL',
  )) {
    const file = String(row.file);
    named.add(file);
    const found = await blobs.find(file, String(row.digest), Number(row.size));
    if (found.kind === 'lost') faults.push(`file ${file}: ${found.why}`);
    else if ((await stat(found.path)).nlink !== 1) faults.push(`file ${file} has two names`);
  }
  if (!existsSync(blobs.path)) return faults;
  for (const entry of await readdir(blobs.path, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const file = join(entry.parentPath, entry.name)
      .slice(blobs.path.length + 1)
      .split('\\')
      .join('/');
    if (!named.has(file)) faults.push(`file ${file} has no row`);
  }
  return faults;
}
