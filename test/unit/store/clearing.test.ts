import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cp, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'node:test';
import type { ClearTarget, NewCell } from '../../../src/store/rows';
import type { SqliteLoader } from '../../../src/store/SqliteLoader';
import { makeCache, makeEntry, makeFolder, makeItem, openCache, runSql } from './cacheFolder';
import { OtherProcess } from './OtherProcess';

const shared = Buffer.alloc(100_000, 'shared');

/** Two notebooks of two cells; all cells share one large value and have one small and one large of their own. */
async function fill(loader: SqliteLoader): Promise<void> {
  for (const [i, app] of ['../../a.py', '../../a.py', '../../b.py', '../../b.py'].entries()) {
    const cell: NewCell = { ...makeEntry().cell, app, ordinal: i, name: `cell${i + 1}` };
    await loader.save(
      makeEntry({
        cell,
        hash: `h${i}`,
        runtime: 2 ** i,
        items: [
          makeItem(`k${i}/shared`, 'shared', shared),
          makeItem(`k${i}/small`, 'small', Buffer.alloc(100, i)),
          makeItem(`k${i}/large`, 'large', Buffer.alloc(70_000, i)),
        ],
      }),
    );
  }
}

/** All that can be read of a cell, bytes included. */
async function everything(loader: SqliteLoader, cellId: number): Promise<unknown> {
  const entries = await loader.entries(cellId);
  return {
    cell: await loader.cell(cellId),
    loads: await Promise.all(entries.map(({ entryId }) => loader.load(entryId))),
  };
}

async function diskSize(path: string): Promise<number> {
  const sizes = [path, `${path}-wal`].map((file) =>
    stat(file).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

const own = 70_100;

for (const [what, targets, expected] of [
  [
    'a cell',
    [{ kind: 'cell', cellId: 1 }],
    { apps: ['a.py'], cells: 1, entries: 1, size: own, runtime: 1 },
  ],
  [
    'a notebook',
    [{ kind: 'app', appId: 2 }],
    { apps: ['b.py'], cells: 2, entries: 2, size: 2 * own, runtime: 12 },
  ],
  [
    'one entry',
    [{ kind: 'entry', entryId: 4 }],
    { apps: ['b.py'], cells: 1, entries: 1, size: own, runtime: 8 },
  ],
  [
    'a notebook, one of its cells, and an entry elsewhere',
    [
      { kind: 'app', appId: 1 },
      { kind: 'cell', cellId: 1 },
      { kind: 'entry', entryId: 3 },
    ],
    { apps: ['a.py', 'b.py'], cells: 3, entries: 3, size: 3 * own, runtime: 7 },
  ],
  [
    'everything, and what is shared with it',
    [
      { kind: 'app', appId: 1 },
      { kind: 'app', appId: 2 },
    ],
    { apps: ['a.py', 'b.py'], cells: 4, entries: 4, size: 4 * own + shared.length, runtime: 15 },
  ],
  [
    'what is not there',
    [
      { kind: 'cell', cellId: 77 },
      { kind: 'app', appId: 9 },
    ],
    { apps: [], cells: 0, entries: 0, size: 0, runtime: 0 },
  ],
] as const satisfies [string, ClearTarget[], object][]) {
  test(`clearing ${what}: what was planned goes, everything else stays as it was`, async (t) => {
    const path = await makeCache(t);
    const loader = await openCache(t, path);
    await fill(loader);
    const folder = dirname(dirname(dirname(path)));
    const apps = expected.apps.map((name) => join(folder, name));
    const whole = { ...expected, apps, amount: 0, worth: 0, pinned: 0 };
    const planned = await loader.planClear(targets);
    assert.deepEqual(planned, { ...whole, undoable: true });
    const stake = { ...whole, apps: undefined, size: undefined };
    assert.deepEqual({ ...(await loader.stake(targets)), apps: undefined, size: undefined }, stake);
    const entries = await Promise.all([1, 2, 3, 4].map((id) => loader.entry(id)));
    const before = await Promise.all([1, 2, 3, 4].map((id) => everything(loader, id)));
    assert.deepEqual(await loader.clear(targets), whole);

    for (const [i, entry] of entries.entries()) {
      const cellId = i + 1;
      const gone = targets.some(
        (target) =>
          (target.kind === 'app' && target.appId === (i < 2 ? 1 : 2)) ||
          (target.kind === 'cell' && target.cellId === cellId) ||
          (target.kind === 'entry' && target.entryId === entry?.entryId),
      );
      if (!gone) assert.deepEqual(await everything(loader, cellId), before[i]);
      else assert.deepEqual(await loader.entries(cellId), []);
      assert.equal((await loader.cell(cellId))?.name, `cell${cellId}`, 'a cell stays known');
    }
    assert.deepEqual((await loader.planClear(targets)).entries, 0);
  });
}

test('pinned entries are counted, and cleared when told to', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await fill(loader);
  await runSql(path, 'UPDATE entries SET pinned = 1 WHERE entry_id < 3');
  assert.equal((await loader.planClear([{ kind: 'app', appId: 1 }])).pinned, 2);
  assert.equal((await loader.clearApp(1)).pinned, 2);
});

test('money is told, and what a cell paid for in its functions once', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await fill(loader);
  await runSql(
    path,
    `INSERT INTO entries (entry_id, cell_id, cache_name, cache_type, hash, loader, runtime, created_at)
       VALUES (5, 1, 'ask', 'P', 'f', 'pickle', 0.5, 1);
     INSERT INTO costs VALUES (1, 0.42, 25.2), (5, 0.4, 24), (2, 1, 60);`,
  );
  const { amount, worth, runtime } = await loader.stake([{ kind: 'cell', cellId: 1 }]);
  assert.deepEqual({ amount, worth, runtime }, { amount: 0.42, worth: 25.2, runtime: 1 });
  assert.equal((await loader.planClear([{ kind: 'app', appId: 1 }])).amount, 1.42);
  assert.equal((await loader.clearApp(1)).amount, 1.42);
});

test('a cache of format 1.0, which knows of no money, is cleared as well', async (t) => {
  const folder = join(await makeFolder(t), '__marimo__', 'cache');
  await cp(join(__dirname, '../../fixtures/store/1.0/cache'), folder, { recursive: true });
  const old = await openCache(t, join(folder, 'cache.db'));
  const targets: ClearTarget[] = [{ kind: 'app', appId: 1 }];
  const { entries, amount, worth } = await old.stake(targets);
  assert.ok(entries > 0);
  assert.deepEqual({ amount, worth }, { amount: 0, worth: 0 });
  assert.equal((await old.clear(targets)).entries, entries);
});

test('what the runs of a cleared cell met stays known', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await fill(loader);
  await runSql(
    path,
    "INSERT INTO lookups (cell_id, cache_name, hash, outcome, at) VALUES (1, 'cell_cache', 'h0', 'hit', 5)",
  );
  await loader.clearCell(1);
  assert.equal((await loader.lookups(1, 5)).length, 1);
});

test('what a clear leaves over is seen by no check, and gone once it has settled', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await fill(loader);
  const { size } = await loader.check();
  const cleared = await loader.clearCell(1);
  const after = await loader.check();
  // Entries of tests have no manifest.
  assert.deepEqual(
    after.faults.filter(({ kind }) => kind !== 'not-whole'),
    [],
  );
  assert.equal(after.size, size - cleared.size);
  assert.equal((await loader.load(2)).kind, 'hit');
});

test('the disk gets its space back', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  const empty = await diskSize(path);
  for (let i = 0; i < 200; i++) {
    await loader.save(
      makeEntry({ hash: `h${i}`, items: [makeItem(`k${i}`, 'x', Buffer.alloc(60_000, i))] }),
    );
  }
  const full = await diskSize(path);
  assert.ok(full > 200 * 60_000);
  await loader.clearApp(1);
  await loader.settled();
  // What is left: two hundred cells with their code, and a log of at most its limit.
  assert.ok((await stat(path)).size < empty + 200_000, `${(await stat(path)).size} of ${full}`);
  assert.ok((await diskSize(path)) < empty + 5_000_000);
});

test('files that are gone already, or were changed, do not stand in the way', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await fill(loader);
  const [item] = (await loader.items(1)).filter(({ name }) => name === 'large');
  assert.ok(item?.file);
  const file = join(dirname(path), 'blobs', item.file);
  await writeFile(file, 'cut short');
  await loader.clearCell(1);
  assert.ok(!existsSync(file));
});

test('clearing waits for a writer of another process, who waits for it', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await fill(loader);
  const other = await OtherProcess.start(t, path);
  await other.run("BEGIN IMMEDIATE; UPDATE apps SET last_seen_at = 7 WHERE path = '../../a.py'");
  const clearing = loader.clearCell(1);
  // Long enough for SQLite's own wait to have run out several times.
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.equal((await loader.entries(1)).length, 1, 'readers do not wait');
  await other.run('COMMIT');
  assert.equal((await clearing).entries, 1);
  assert.deepEqual(await loader.entries(1), []);
  assert.equal((await loader.app(1))?.lastSeenAt, 7);
});

test('bytes that somebody saves again while they are cleared are not lost', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await fill(loader);
  const entry = makeEntry({
    hash: 'again',
    items: [makeItem('k/again', 'x', Buffer.alloc(70_000, 0))],
  });
  const [, id] = await Promise.all([loader.clearCell(1), loader.save(entry)]);
  assert.equal((await loader.load(id)).kind, 'hit');
});
