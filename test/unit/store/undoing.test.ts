import assert from 'node:assert/strict';
import { cp, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'node:test';
import type { ClearTarget } from '../../../src/store/rows';
import { formatVersion } from '../../../src/store/database/schema';
import { makeCache, makeEntry, makeFolder, makeItem, openCache, runSql } from './cacheFolder';
import { clearKept, dump, entryOf, fill, filesOf, large, ofApp, ofCell, small } from './clearable';

for (const [what, targets] of [
  ['a cell', [ofCell(1)]],
  ['a notebook', [ofApp(1)]],
  ['an entry', [{ kind: 'entry', entryId: 3 }]],
  ['all', [ofApp(1), ofApp(2)]],
  ['a cell and an entry elsewhere', [ofCell(2), { kind: 'entry', entryId: 3 }]],
] as const satisfies [string, ClearTarget[]][]) {
  for (const settled of [false, true]) {
    test(`${what}, cleared and brought back ${settled ? 'after' : 'before'} it was tidied up, is as it was`, async (t) => {
      const { path, loader } = await fill(t);
      const before = await dump(path);
      const plan = await loader.planClear(targets);
      assert.ok(plan.undoable);
      const { clearance, undo } = await loader.clearUndoably(targets);
      assert.deepEqual({ ...clearance, undoable: true }, plan);
      assert.ok(undo);
      if (settled) await loader.settled();
      assert.equal((await loader.planClear(targets)).entries, 0);
      assert.deepEqual(await undo.bringBack(), {
        entries: clearance.entries,
        there: 0,
        lost: 0,
      });
      await loader.settled();
      assert.deepEqual(await dump(path), before);
      await undo.forget();
      assert.deepEqual(await dump(path), before);
    });
  }
}

for (const name of ['python', 'typescript', '1.0', '1.1', '1.2']) {
  test(`each notebook of the cache ${name} is as it was`, async (t) => {
    const folder = join(await makeFolder(t), '__marimo__', 'cache');
    await cp(join(__dirname, '../../fixtures/store', name, 'cache'), folder, { recursive: true });
    const path = join(folder, 'cache.db');
    const loader = await openCache(t, path);
    for (const { appId, entries } of await loader.apps()) {
      // What no entry needs goes for good.
      await loader.clear([{ kind: 'entry', entryId: 0 }, ofApp(999)]);
      const before = await dump(path);
      const undo = await clearKept(loader, ofApp(appId));
      await loader.settled();
      assert.equal((await undo.bringBack()).entries, entries);
      await undo.forget();
      await loader.settled();
      assert.deepEqual(await dump(path), before);
    }
  });
}

test('what was computed again meanwhile stays, and the rest comes back beside it', async (t) => {
  const { path, loader } = await fill(t);
  await loader.save(entryOf(0, { hash: 'other', cell: { ...entryOf(0).cell, cellId: 1 } }));
  const undo = await clearKept(loader, ofCell(1));
  const id = await loader.save(
    entryOf(0, { cell: { ...entryOf(0).cell, cellId: 1 }, runtime: 99 }),
  );
  assert.deepEqual(await undo.bringBack(), { entries: 1, there: 1, lost: 0 });
  await undo.forget();
  const entries = await loader.entries(1);
  assert.deepEqual(entries.map(({ hash }) => hash).sort(), ['h0', 'other']);
  assert.equal((await loader.entry(id))?.runtime, 99);
  for (const { entryId } of entries) assert.equal((await loader.load(entryId)).kind, 'hit');
  assert.ok((await filesOf(path)).every((file) => !file.includes('partial')));
});

test('ids that others have got meanwhile stay theirs', async (t) => {
  const { loader } = await fill(t);
  const undo = await clearKept(loader, ofApp(2));
  // SQLite gives the two highest ids out again.
  const others = [await loader.save(entryOf(4)), await loader.save(entryOf(5))];
  assert.deepEqual(others, [3, 4]);
  assert.equal((await undo.bringBack()).entries, 2);
  await undo.forget();
  assert.deepEqual((await loader.entry(3))?.hash, 'h4');
  const [third] = await loader.entries(3);
  const [fourth] = await loader.entries(4);
  assert.deepEqual([third?.entryId, fourth?.entryId], [5, 6]);
  const loaded = await loader.load(5);
  assert.ok(loaded.kind === 'hit' && loaded.items.length === 3);
  assert.equal(loaded.entry.amount, 3.1);
});

test('bytes that were saved again meanwhile are left as they are', async (t) => {
  const { path, loader } = await fill(t);
  const undo = await clearKept(loader, ofCell(1));
  await loader.settled();
  await loader.save(
    entryOf(4, { items: [makeItem('k/l', 'l', large(0)), makeItem('k/s', 's', small(0))] }),
  );
  const file = (await loader.items(5)).find(({ key }) => key === 'k/l')?.file ?? '';
  const { ino } = await stat(join(dirname(path), 'blobs', file));
  assert.deepEqual(await undo.bringBack(), { entries: 1, there: 0, lost: 0 });
  await undo.forget();
  assert.equal((await stat(join(dirname(path), 'blobs', file))).ino, ino);
  for (const { entryId } of await loader.entries(1)) {
    assert.equal((await loader.load(entryId)).kind, 'hit');
  }
  assert.equal((await loader.load(5)).kind, 'hit');
});

test('to bring back an entry is not to compute an evicted one again', async (t) => {
  const { path, loader } = await fill(t);
  const undo = await clearKept(loader, ofCell(1));
  await runSql(
    path,
    `INSERT INTO ghosts (hash, cache_name, cache_type, loader, at, size, seconds, reason, evicted)
       VALUES ('h0', 'cell_cache', 'C', 'lazy', 1, 1, 1, 'room', 1)`,
  );
  const before = await dump(path);
  await undo.bringBack();
  await undo.forget();
  const after = await dump(path);
  for (const table of ['ghosts', 'regrets', 'savings', 'lookups', 'cleanings']) {
    assert.deepEqual(after[table], before[table], table);
  }
});

test('a cell that was cleared again comes back in the order in which it went', async (t) => {
  const { path, loader } = await fill(t);
  const before = await dump(path);
  const first = await clearKept(loader, ofCell(1));
  const again = await clearKept(loader, ofApp(1));
  await loader.settled();
  const marked = await dump(path);
  assert.deepEqual(await first.bringBack(), { entries: 0, there: 0, lost: 1 });
  assert.deepEqual(await dump(path), marked);
  assert.equal((await again.bringBack()).entries, 1);
  assert.equal((await first.bringBack()).entries, 1);
  await loader.settled();
  await again.forget();
  await first.forget();
  assert.deepEqual(await dump(path), before);
});

test('a value that was shared comes back with what was cleared last', async (t) => {
  const { path, loader } = await fill(t);
  const before = await dump(path);
  const first = await clearKept(loader, ofApp(1));
  const second = await clearKept(loader, ofApp(2));
  await loader.settled();
  assert.deepEqual(await first.bringBack(), { entries: 0, there: 0, lost: 2 });
  assert.equal((await second.bringBack()).lost, 0);
  assert.equal((await first.bringBack()).lost, 0);
  await loader.settled();
  await first.forget();
  await second.forget();
  assert.deepEqual(await dump(path), before);
});

test('what is too much to be kept is told before, and cleared for good', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await loader.save(makeEntry());
  await runSql(
    path,
    `INSERT INTO entries (cell_id, cache_name, cache_type, hash, loader, created_at)
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
     SELECT 1, 'cell_cache', 'C', i, 'lazy', 1 FROM n`,
  );
  assert.equal((await loader.planClear([ofCell(1)])).undoable, false);
  const { clearance, undo } = await loader.clearUndoably([ofCell(1)]);
  assert.equal(clearance.entries, 2001);
  assert.equal(undo, undefined);
});

test('large values in rows are kept up to a limit', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  for (let i = 0; i < 5; i++) {
    const bytes = Array.from({ length: 60 }, (_, j) => Buffer.alloc(60_000, `${i} ${j} `));
    await loader.save(
      makeEntry({ hash: `h${i}`, items: bytes.map((each, j) => makeItem(`${i}/${j}`, 'x', each)) }),
    );
    assert.equal((await loader.planClear([ofApp(1)])).undoable, i < 4);
  }
});

test('what a newer format hangs on an entry comes back with it', async (t) => {
  const { path, loader } = await fill(t);
  await runSql(
    path,
    `CREATE TABLE notes (entry_id INTEGER NOT NULL REFERENCES entries (entry_id) ON DELETE CASCADE,
       "a note" TEXT);
     INSERT INTO notes SELECT entry_id, 'of ' || hash FROM entries;
     PRAGMA user_version = ${formatVersion + 1};`,
  );
  // It is looked at anew after that.
  await assert.rejects(loader.clearUndoably([ofApp(1)]), { kind: 'busy' });
  const before = await dump(path);
  const undo = await clearKept(loader, ofApp(1));
  assert.equal((await dump(path)).notes?.length, 2);
  await undo.bringBack();
  await loader.settled();
  await undo.forget();
  assert.deepEqual(await dump(path), before);
});
