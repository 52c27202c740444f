import assert from 'node:assert/strict';
import {
  cp,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import test, { type TestContext } from 'node:test';
import { Caches } from '../../../src/store/Caches';
import { exportFiles } from '../../../src/store/stock/exporting';
import { importFiles } from '../../../src/store/stock/importing';
import type { SqliteLoader } from '../../../src/store/SqliteLoader';
import { atEnd, makeCache, makeEntry, makeFolder, makeItem, openCache } from './cacheFolder';

const fixture = join(__dirname, '../../fixtures/store/1.1/cache');

/** A cache as real kernels wrote it, with values in rows and in files. */
async function copyCache(t: TestContext, allowed: readonly RegExp[] = []): Promise<SqliteLoader> {
  const cache = join(await makeFolder(t), '__marimo__', 'cache');
  await cp(fixture, cache, { recursive: true });
  return openCache(t, join(cache, 'cache.db'), { allowed });
}

async function filesIn(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((each) => each.isFile())
    .map((each) =>
      join(each.parentPath, each.name)
        .slice(folder.length + 1)
        .split(sep)
        .join('/'),
    )
    .sort();
}

/** All of a cache into one folder. */
async function allTo(loader: SqliteLoader, destination: string) {
  return (await loader.apps()).map(({ appId }) => ({ appId, destination }));
}

async function entriesOf(loader: SqliteLoader) {
  const all = [];
  for (const { appId } of await loader.apps()) {
    for (const { cellId } of await loader.cells(appId)) all.push(...(await loader.entries(cellId)));
  }
  return all;
}

test('what is exported is what an import takes in, byte for byte and with its time', async (t) => {
  const loader = await copyCache(t);
  const notebooks = await makeFolder(t);
  const stock = join(notebooks, '__marimo__', 'cache');
  const heard: number[] = [];
  const report = await exportFiles(loader, await allTo(loader, stock), {
    step: (done, total) => heard.push(done / total),
  });
  const before = await entriesOf(loader);
  const keys = new Set(
    before.map(({ cacheName, cacheType, hash }) => [cacheName, cacheType, hash].join()),
  );
  assert.deepEqual(report, { written: keys.size, newer: 0, damaged: [], stopped: false });
  assert.equal(heard.at(-1), 1);
  assert.ok(!(await filesIn(stock)).some((name) => name.includes('.tmp')));

  const caches = new Caches();
  atEnd(t, () => caches.close());
  const database = join(stock, 'cache.db');
  const imported = await importFiles(caches, { notebooks, stock, database });
  assert.deepEqual([imported.imported, imported.damaged], [keys.size, []]);
  const after = await entriesOf(await caches.open(database));
  const times = ({ hash, createdAt }: { hash: string; createdAt: number }) =>
    `${hash} ${Math.round(createdAt)}`;
  const known = new Set(before.map(times));
  for (const entry of after) assert.ok(known.has(times(entry)), times(entry));
});

test('a notebook goes alone, and to its own folder', async (t) => {
  const loader = await copyCache(t);
  const apps = (await loader.apps()).filter(({ entries }) => entries > 0);
  const root = await makeFolder(t);
  const to = apps.map(({ appId }) => ({ appId, destination: join(root, String(appId)) }));
  const [one] = to;
  assert.ok(one && to.length > 1);
  const { written } = await exportFiles(loader, [one]);
  assert.deepEqual(await readdir(root), [String(one.appId)]);
  const all = await exportFiles(loader, to);
  assert.ok(written > 0 && all.written > written);
  assert.equal((await readdir(root)).length, to.length);
});

test('what is damaged is left out, and the older one that is whole goes instead', async (t) => {
  const loader = await openCache(t, await makeCache(t), { allowed: [/./] });
  const key = 'block/P_abc.pickle';
  const entry = (bytes: string, app: string) =>
    makeEntry({
      cell: { app, cellId: undefined, name: 'a', ordinal: 0, code: 'a = 1', defs: ['a'] },
      cacheName: 'block',
      cacheType: 'P',
      hash: 'abc',
      loader: 'pickle',
      items: [{ ...makeItem(key, 'abc', Buffer.from(bytes)), format: 'pickle' }],
    });
  await loader.save(entry('older', '../../a.py'));
  await loader.save(entry('x'.repeat(200_000), '../../b.py'));
  const blobs = join(dirname(loader.path), 'blobs');
  const [file = ''] = await filesIn(blobs);
  await rm(join(blobs, file));
  const folder = await makeFolder(t);
  const report = await exportFiles(loader, await allTo(loader, folder));
  assert.deepEqual([report.written, report.damaged], [1, []]);
  assert.equal(await readFile(join(folder, key), 'utf8'), 'older');
  const [, b] = await loader.apps();
  assert.ok(b);
  const alone = await exportFiles(loader, [{ appId: b.appId, destination: join(folder, 'b') }]);
  assert.deepEqual([alone.written, alone.damaged], [0, [key]]);
});

test('a newer file stays, an older one is replaced', async (t) => {
  const loader = await copyCache(t);
  const folder = await makeFolder(t);
  await exportFiles(loader, await allTo(loader, folder));
  const [name = ''] = (await filesIn(folder)).filter((each) => /^[^/]+\/[PCEXDU]_/.test(each));
  const file = join(folder, name);
  const [before, { mtime }] = [await readFile(file), await stat(file)];
  await writeFile(file, 'theirs');
  const report = await exportFiles(loader, await allTo(loader, folder));
  assert.equal(report.newer, 1);
  assert.equal(await readFile(file, 'utf8'), 'theirs');
  await utimes(file, 1, 1);
  await exportFiles(loader, await allTo(loader, folder));
  assert.deepEqual([await readFile(file), (await stat(file)).mtime], [before, mtime]);
});

test('a key that is no plain path, or leads through a link, is left out', async (t) => {
  const loader = await openCache(t, await makeCache(t), { allowed: [/./] });
  const outside = await makeFolder(t);
  const folder = await makeFolder(t);
  await symlink(outside, join(folder, 'linked'));
  for (const key of ['../up.bin', 'linked/x.bin', 'cache.db', 'fine.bin']) {
    const slash = key.lastIndexOf('/');
    await loader.save(
      makeEntry({
        cacheName: key.slice(0, Math.max(0, slash)),
        cacheType: 'U',
        hash: key.slice(slash + 1),
        loader: 'store',
        items: [{ ...makeItem(key, 'x', Buffer.from('x')), format: 'bin' }],
      }),
    );
  }
  const report = await exportFiles(loader, await allTo(loader, folder));
  assert.deepEqual(
    [report.written, [...report.damaged].sort()],
    [1, ['../up.bin', 'cache.db', 'linked/x.bin']],
  );
  assert.deepEqual([await readdir(outside), await filesIn(folder)], [[], ['fine.bin']]);
});

test('what a kernel wrote for an export of its own is not taken back', async (t) => {
  const loader = await copyCache(t);
  const folder = await makeFolder(t);
  const record = join(folder, '.cellar-published-0123456789abcdef.jsonl');
  await mkdir(folder, { recursive: true });
  await writeFile(record, '"nb.py"\n');
  await exportFiles(loader, await allTo(loader, folder));
  assert.ok(!(await readdir(folder)).some((name) => name.startsWith('.cellar')));
});

test('an export that is stopped says so, and leaves nothing half written', async (t) => {
  const loader = await copyCache(t);
  const folder = await makeFolder(t);
  const asked = new AbortController();
  const report = await exportFiles(loader, await allTo(loader, folder), {
    signal: asked.signal,
    step: () => {
      asked.abort();
    },
  });
  assert.deepEqual([report.written, report.stopped], [1, true]);
  assert.ok(!(await filesIn(folder)).some((name) => name.includes('.tmp')));
});
