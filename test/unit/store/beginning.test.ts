import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { beginDatabase } from '../../../src/store/database/beginning';
import { CacheError } from '../../../src/store/database/CacheError';
import { Connection } from '../../../src/store/database/Connection';
import { audit } from './audit';
import { makeCache, makeEntry, makeFolder, makeItem, openCache, runSql } from './cacheFolder';

const pragmas = ['page_size', 'auto_vacuum', 'application_id', 'user_version', 'journal_mode'];

async function marksOf(path: string): Promise<unknown> {
  const connection = await Connection.open(path, 'read');
  try {
    const rows = pragmas.map((pragma) => connection.get(`PRAGMA ${pragma}`));
    const schema = await connection.all('SELECT type, name, sql FROM sqlite_schema ORDER BY name');
    return [await Promise.all(rows), schema];
  } finally {
    await connection.close();
  }
}

test('a cache that is begun is like one that a kernel begins', async (t) => {
  const path = join(await makeFolder(t), '__marimo__', 'cache', 'cache.db');
  await Promise.all(Array.from({ length: 5 }, () => beginDatabase(path)));
  assert.deepEqual(await marksOf(path), await marksOf(await makeCache(t)));
  const names = await readdir(dirname(path));
  assert.ok(names.includes('.gitignore') && names.includes('CACHEDIR.TAG'), String(names));
  const kernels = await readFile(
    join(__dirname, '../../../python/marimo_cellar/folder.py'),
    'utf8',
  );
  for (const name of ['.gitignore', 'CACHEDIR.TAG']) {
    for (const line of (await readFile(join(dirname(path), name), 'utf8')).split('\n')) {
      assert.ok(kernels.includes(line), line);
    }
  }
});

test('beginning a cache that is there changes nothing', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await loader.save(makeEntry());
  await beginDatabase(path);
  assert.equal((await loader.apps())[0]?.entries, 1);
});

test("a folder that holds the user's work is not hidden from Git and backups", async (t) => {
  const folder = join(await makeFolder(t), 'theirs');
  await mkdir(folder);
  await writeFile(join(folder, 'thesis.txt'), '');
  await beginDatabase(join(folder, 'cache.db'));
  assert.deepEqual(
    (await readdir(folder)).filter((name) => !name.startsWith('cache.db')),
    ['thesis.txt'],
  );
});

test('what stands there and is not ours is left alone', async (t) => {
  const folder = await makeFolder(t);
  const foreign = join(folder, 'foreign.db');
  await runSql(foreign, 'CREATE TABLE theirs (x)');
  const before = await readFile(foreign);
  await beginDatabase(foreign);
  assert.deepEqual(await readFile(foreign), before);
  const text = join(folder, 'text.db');
  await writeFile(text, 'no database at all, but long enough to be looked at as one');
  await assert.rejects(beginDatabase(text), CacheError);
});

test('what no cell saved belongs to one cell of its app', async (t) => {
  const loader = await openCache(t, await makeCache(t));
  const save = (hash: string, app: string) =>
    loader.save({
      ...makeEntry({ hash, items: [makeItem(`k/${hash}`, 'x', Buffer.from(hash))] }),
      cell: { outsideOf: app },
    });
  await save('h1', '../../served');
  await save('h2', '../../served');
  await save('h1', '../../imported');
  const apps = await loader.apps();
  assert.deepEqual(
    apps.map(({ path, cells, entries }) => [path, cells, entries]),
    [
      ['../../imported', 1, 1],
      ['../../served', 1, 2],
    ],
  );
});

test('a value can be held ahead of its save, and given up', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  const large = await loader.hold(makeItem('k/large', 'large', Buffer.alloc(100_000, 1)));
  const small = await loader.hold(makeItem('k/small', 'small', Buffer.from('small')));
  assert.deepEqual(await loader.apps(), []);
  await loader.save(makeEntry({ items: [large, small] }));
  await loader.release([large, small]);
  const [first] = await loader.itemsByKey('../../served', 'k/large');
  assert.equal(first?.size, 100_000);

  const given = await loader.hold(makeItem('k/other', 'other', Buffer.alloc(100_000, 2)));
  await loader.release([given]);
  await loader.release([given]);
  const names = await readdir(join(dirname(path), 'blobs'));
  assert.deepEqual(
    names.filter((name) => name.startsWith('.partial')),
    [],
  );
});

test('a key is answered by the newest of its folder, and by nothing that was found wrong', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  const save = async (app: string, bytes: string) => {
    const entry = makeEntry({ items: [makeItem('k/x', 'x', Buffer.from(bytes))] });
    return loader.save({ ...entry, cell: { ...entry.cell, app } });
  };
  const old = await save('../../a.py', 'old');
  const young = await save('../../b.py', 'young');
  await save('../../below/c.py', 'elsewhere');
  await save('unsaved', 'unsaved');
  await runSql(
    path,
    `UPDATE entries SET created_at = 5 WHERE entry_id = ${young};
    UPDATE entries SET created_at = 4 WHERE entry_id = ${old};
    UPDATE entries SET created_at = 3 WHERE entry_id NOT IN (${young}, ${old});`,
  );
  const found = async () =>
    (await loader.itemsByKey('../../served', 'k/x')).map(({ size }) => size);
  assert.deepEqual(await found(), [5, 3, 7]);
  await runSql(path, 'UPDATE blobs SET quarantined_at = 1 WHERE size = 5');
  assert.deepEqual(await found(), [3, 7]);
});

test('where programs cannot share memory a rollback journal is used', async (t) => {
  const folder = await makeFolder(t);
  const faults = join(__dirname, '../../../python/tests/resilience/faults.c');
  const library = join(await makeFolder(t), 'faults.so');
  const built =
    process.platform === 'linux' &&
    spawnSync('cc', ['-shared', '-fPIC', '-o', library, faults, '-ldl', '-lpthread']).status === 0;
  if (!built) {
    t.skip('files fail to be mapped on Linux with a C compiler only');
    return;
  }
  const path = join(folder, 'cache', 'cache.db');
  const loads = ['--import', 'tsx', '--require', './test/register.cjs'];
  const begun = spawnSync(process.execPath, [...loads, 'test/unit/store/begin.ts', path], {
    env: {
      ...process.env,
      LD_PRELOAD: library,
      CELLAR_FAULTS_IN: folder,
      CELLAR_FAULT_SHM: '1',
    },
    encoding: 'utf8',
  });
  assert.equal(begun.status, 0, begun.stderr);
  assert.equal(begun.stdout, 'delete');

  // It is a cache like any other.
  const loader = await openCache(t, path);
  await loader.save(makeEntry());
  assert.equal((await loader.apps()).length, 1);
  await audit(path);
});
