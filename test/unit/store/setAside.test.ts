import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { findSetAside, removeSetAside } from '../../../src/store/checking/setAside';
import { makeFolder } from './cacheFolder';

test('damaged databases that were set aside are found with their logs, and go with them', async (t) => {
  const folder = await makeFolder(t);
  const database = path.join(folder, 'cache.db');
  const files = {
    'cache.db': 'new',
    'cache.db-wal': 'log',
    'cache.db.damaged-2026-01-02T03-04-05': 'old',
    'cache.db.damaged-2026-01-02T03-04-05-wal': 'its log',
    'cache.db.damaged-2026-01-02T03-04-05-2': 'another',
    'cache.db.damaged-by-hand': '',
    'other.db.damaged-2026-01-02T03-04-05': 'not ours',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
  const found = await findSetAside(database);
  const at = new Date(2026, 0, 2, 3, 4, 5).getTime() / 1000;
  assert.deepEqual(
    found.map(({ path: file, size, at }) => [path.basename(file), size, at]),
    [
      ['cache.db.damaged-2026-01-02T03-04-05', 10, at],
      ['cache.db.damaged-2026-01-02T03-04-05-2', 7, at],
      ['cache.db.damaged-by-hand', 0, undefined],
    ],
  );
  for (const aside of found) await removeSetAside(aside);
  assert.deepEqual((await readdir(folder)).sort(), [
    'cache.db',
    'cache.db-wal',
    'other.db.damaged-2026-01-02T03-04-05',
  ]);
  assert.deepEqual(await findSetAside(path.join(folder, 'gone', 'cache.db')), []);
});
