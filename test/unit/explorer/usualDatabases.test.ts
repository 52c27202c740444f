import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { usualDatabases } from '../../../src/explorer/tree/usualDatabases';
import { makeFolder } from '../store/cacheFolder';

test('a database at the top of a folder is found, and nothing that only has its name', async (t) => {
  const root = await makeFolder(t);
  const cacheOf = (folder: string) => path.join(root, folder, '__marimo__', 'cache', 'cache.db');
  await mkdir(path.dirname(cacheOf('has')), { recursive: true });
  await writeFile(cacheOf('has'), '');
  await mkdir(cacheOf('odd'), { recursive: true });
  await mkdir(path.join(root, 'without'));
  const folders = ['without', 'has', 'odd', 'missing'].map((name) => path.join(root, name));
  assert.deepEqual(await usualDatabases(folders), [cacheOf('has')]);
  assert.deepEqual(await usualDatabases([]), []);
});
