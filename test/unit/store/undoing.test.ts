import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, mkdir, open, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { ClearUndo } from '../../../src/store/ClearUndo';
import { Connection } from '../../../src/store/Connection';
import type { ClearTarget, NewItem } from '../../../src/store/rows';
import { SqliteLoader } from '../../../src/store/SqliteLoader';
import {
  atEnd,
  creation,
  makeCache,
  makeEntry,
  makeFolder,
  makeItem,
  openCache,
  runSql,
} from './cacheFolder';
import { OtherProcess } from './OtherProcess';

const shared = Buffer.alloc(100_000, 'shared');
const small = (i: number) => Buffer.alloc(100, i);
const large = (i: number) => Buffer.alloc(70_000, i);

const ofCell = (cellId: number): ClearTarget => ({ kind: 'cell', cellId });
const ofApp = (appId: number): ClearTarget => ({ kind: 'app', appId });

function items(i: number): NewItem[] {
  return [
    makeItem(`k${i}/shared`, 'shared', shared),
    makeItem(`k${i}/small`, 'small', small(i)),
    makeItem(`k${i}/large`, 'large', large(i)),
  ];
}

function entryOf(i: number, different: Partial<Parameters<typeof makeEntry>[0]> = {}) {
  const digest = (name: string) => Buffer.from(name).toString('hex').padEnd(64, '0');
  return makeEntry({
    cell: {
      ...makeEntry().cell,
      app: i < 2 ? '../../a.py' : '../../b.py',
      ordinal: i,
      name: `cell${i + 1}`,
    },
    hash: `h${i}`,
    runtime: 2 ** i,
    node: { codeDigest: digest(`code${i}`), code: `x = ${i}`, parents: [] },
    items: items(i),
    ...different,
  });
}

/**
 * Two notebooks of two cells, that share one large value; with all that may hang on an entry, and a
 * pinned one that was hit, in what hits saved too.
 */
async function fill(t: TestContext): Promise<{ path: string; loader: SqliteLoader }> {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  for (let i = 0; i < 4; i++) await loader.save(entryOf(i));
  await runSql(
    path,
    `INSERT INTO costs SELECT entry_id, 0.1 + entry_id, 60.5 FROM entries;
     INSERT INTO inputs SELECT entry_id, '{"values": {"x": "' || hash || '"}}' FROM entries;
     INSERT INTO reads SELECT entry_id, 'data.csv', 'opened', 12, 1.5, zeroblob(32) FROM entries;
     UPDATE entries SET pinned = 1, hits = 7, last_hit_at = created_at + 3.25 WHERE entry_id = 1;
     UPDATE cells SET cleared_at = 12.5 WHERE cell_id = 2;
     INSERT INTO lookups (cell_id, cache_name, hash, outcome, at, seconds)
       SELECT cell_id, cache_name, hash, 'hit', 1e9, 0.01 FROM entries;
     INSERT INTO reasons SELECT lookup_id, '[]' FROM lookups;
     INSERT INTO cleanings (at, actor, entries, size, seconds, level, evicted)
       VALUES (5, 'kernel', 1, 1, 1, 0.5, 9);`,
  );
  return { path, loader };
}

/** All rows of all tables, but for the numbers of blobs; and the files with their bytes. */
async function dump(path: string): Promise<Record<string, string[]>> {
  const connection = await Connection.open(path, 'read');
  const found: Record<string, string[]> = {};
  try {
    const tables = await connection.all("SELECT name FROM sqlite_schema WHERE type = 'table'");
    for (const { name } of tables) {
      const rows = await connection.all(`SELECT * FROM ${String(name)}`);
      found[String(name)] = rows
        .map((row) =>
          JSON.stringify(row, (key, value: unknown) => {
            if (key === 'blob_id') return undefined;
            const isBytes = value instanceof Object && 'type' in value && value.type === 'Buffer';
            return isBytes ? digestOf(Buffer.from((value as unknown as Bytes).data)) : value;
          }),
        )
        .sort();
    }
  } finally {
    await connection.close();
  }
  found.files = await filesOf(path);
  for (const file of found.files) {
    const bytes = await readFile(join(dirname(path), 'blobs', file));
    found[file] = [digestOf(bytes)];
  }
  return found;
}

/** As JSON has a Buffer. */
interface Bytes {
  readonly data: number[];
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function filesOf(path: string): Promise<string[]> {
  const names = await readdir(join(dirname(path), 'blobs'), { recursive: true });
  return names.filter((name) => name.includes('.')).sort();
}

async function clearKept(loader: SqliteLoader, ...targets: ClearTarget[]): Promise<ClearUndo> {
  const { undo } = await loader.clearUndoably(targets);
  assert.ok(undo, 'it can be undone');
  return undo;
}

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

for (const name of ['python', 'typescript', '1.0', '1.1']) {
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

test('files are removed when the clear is forgotten, and no check minds them before', async (t) => {
  const { path, loader } = await fill(t);
  const undo = await clearKept(loader, ofApp(1));
  const aside = (await filesOf(path)).filter((file) => file.includes('partial'));
  assert.equal(aside.length, 2);
  const faults = (await loader.check()).faults.filter(({ kind }) => kind !== 'not-whole');
  assert.deepEqual(faults, []);
  await undo.forget();
  await undo.forget();
  assert.deepEqual(
    (await filesOf(path)).filter((file) => file.includes('partial')),
    [],
  );
});

test('what a killed window leaves is found as the rest of a write is, an hour later', async (t) => {
  const { path, loader } = await fill(t);
  const undo = await clearKept(loader, ofCell(1));
  const [aside] = (await filesOf(path)).filter((file) => file.includes('partial'));
  const anHourAgo = Date.now() / 1000 - 3700;
  await utimes(join(dirname(path), 'blobs', aside ?? ''), anHourAgo, anHourAgo);
  const { faults } = await loader.check();
  const left = faults.filter(({ kind }) => kind === 'partial-file');
  assert.deepEqual(
    left.map(({ about }) => about),
    [`blobs/${aside}`],
  );
  assert.equal((await loader.mend(left)).files, 1);
  await undo.forget();
});

test('what cannot be read is cleared all the same, and not kept', async (t) => {
  const path = await makeCache(t);
  const loader = await SqliteLoader.open(path);
  await loader.save(makeEntry({ items: [makeItem('k', 'x', Buffer.alloc(60_000, 1))] }));
  await loader.close();
  const connection = await Connection.open(path, 'write');
  await connection.get('PRAGMA wal_checkpoint(TRUNCATE)');
  const page = await connection.number(
    "SELECT min(pageno) FROM dbstat WHERE name = 'blobs' AND pagetype = 'overflow'",
  );
  await connection.close();
  const file = await open(path, 'r+');
  // Where its chain of pages goes on.
  await file.write(Buffer.from([0xff, 0xff, 0xff, 0xf0]), 0, 4, (page - 1) * 8192);
  await file.close();
  // Beyond what the store's own check could end with.
  const damaged = await SqliteLoader.open(path);
  atEnd(t, () => damaged.close());
  const { clearance, undo } = await damaged.clearUndoably([ofCell(1)]);
  assert.equal(clearance.entries, 1);
  assert.equal(undo, undefined);
  assert.deepEqual(await damaged.entries(1), []);
});

test('of what a sweep took meanwhile, only those entries are lost', async (t) => {
  const { path, loader } = await fill(t);
  const undo = await clearKept(loader, ofApp(1));
  const [aside] = (await filesOf(path)).filter((file) => file.includes('partial'));
  await rm(join(dirname(path), 'blobs', aside ?? ''));
  assert.deepEqual(await undo.bringBack(), { entries: 1, there: 0, lost: 1 });
  await undo.forget();
  const left = [...(await loader.entries(1)), ...(await loader.entries(2))];
  assert.equal(left.length, 1);
  assert.equal((await loader.load(left[0]?.entryId ?? 0)).kind, 'hit');
});

test('a cache that took the place of the first gets nothing', async (t) => {
  const { path, loader } = await fill(t);
  const undo = await clearKept(loader, ofCell(1));
  await loader.settled();
  for (const end of ['', '-wal', '-shm']) await rm(`${path}${end}`, { force: true });
  await assert.rejects(undo.bringBack(), { kind: 'missing', path });
  await runSql(path, creation);
  await loader.save(entryOf(0, { hash: 'new' }));
  const before = await dump(path);
  assert.deepEqual(await undo.bringBack(), { entries: 0, there: 0, lost: 1 });
  assert.deepEqual(await dump(path), before);
  await undo.forget();
  // The files of the cache that is gone are nobody's.
  const ours = new Set((await loader.items(1)).map(({ file }) => file));
  for (const file of await filesOf(path)) {
    if (!ours.has(file)) await rm(join(dirname(path), 'blobs', file));
  }
});

/** Puts something that cannot be replaced in the place of a file. @returns what takes it away again */
async function obstruct(path: string, file: string): Promise<() => Promise<void>> {
  const place = join(dirname(path), 'blobs', file);
  await mkdir(place);
  await writeFile(join(place, 'in the way'), '');
  return () => rm(place, { recursive: true });
}

test('what fails half-way changes nothing, and can be tried again', async (t) => {
  const { path, loader } = await fill(t);
  const before = await dump(path);
  const undo = await clearKept(loader, ofApp(1));
  await loader.settled();
  const { files, ...rows } = await dump(path);
  const [coming] = (before.files ?? []).filter((file) => !files?.includes(file));
  const clearAway = await obstruct(path, coming ?? '');
  await assert.rejects(undo.bringBack());
  await clearAway();
  const after = await dump(path);
  for (const [table, was] of Object.entries(rows)) {
    if (!table.includes('/')) assert.deepEqual(after[table], was, table);
  }
  assert.equal((await undo.bringBack()).entries, 2);
  await loader.settled();
  await undo.forget();
  assert.deepEqual(await dump(path), before);
});

test('files that came back without their rows go when the clear is forgotten', async (t) => {
  const { path, loader } = await fill(t);
  const { files } = await dump(path);
  const undo = await clearKept(loader, ofApp(1));
  const cleared = await filesOf(path);
  const coming = (files ?? []).filter((file) => !cleared.includes(file));
  const own = await loader.items(3);
  assert.equal(coming.length, 2);
  const came = async () => (await filesOf(path)).some((file) => coming.includes(file));
  for (const file of coming) {
    // One comes back before another that cannot; which, nobody promises.
    if (await came()) break;
    const clearAway = await obstruct(path, file);
    await assert.rejects(undo.bringBack());
    await clearAway();
  }
  assert.ok(await came());
  await undo.forget();
  assert.ok(!(await came()));
  assert.deepEqual(await loader.items(3), own);
});

test('a cache that somebody keeps locked is waited for', async (t) => {
  const { path, loader } = await fill(t);
  const undo = await clearKept(loader, ofCell(1));
  await loader.settled();
  const other = await OtherProcess.start(t, path);
  await other.run("BEGIN IMMEDIATE; UPDATE apps SET last_seen_at = 7 WHERE path = '../../a.py'");
  const bringing = undo.bringBack();
  await new Promise((resolve) => setTimeout(resolve, 200));
  await other.run('COMMIT');
  assert.equal((await bringing).entries, 1);
  await undo.forget();
});
