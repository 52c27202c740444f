import assert from 'node:assert/strict';
import { mkdir, open, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { Connection } from '../../../src/store/database/Connection';
import { formatVersion } from '../../../src/store/database/schema';
import { SqliteLoader } from '../../../src/store/SqliteLoader';
import { atEnd, creation, makeCache, makeEntry, makeItem, runSql } from './cacheFolder';
import { clearKept, dump, entryOf, fill, filesOf, ofApp, ofCell } from './clearable';
import { OtherProcess } from './OtherProcess';

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

test('a cache that must not be changed any more says so, and the undo waits', async (t) => {
  const { path, loader } = await fill(t);
  const before = await dump(path);
  const undo = await clearKept(loader, ofCell(1));
  await loader.settled();
  await runSql(
    path,
    `CREATE TRIGGER newer AFTER INSERT ON entries BEGIN SELECT 1; END;
     PRAGMA user_version = ${formatVersion + 1};`,
  );
  await assert.rejects(undo.bringBack(), { kind: 'busy', path });
  await assert.rejects(undo.bringBack(), { kind: 'readOnly', path });
  await runSql(path, `DROP TRIGGER newer; PRAGMA user_version = ${formatVersion};`);
  // The file is looked at anew after a change that was refused.
  await assert.rejects(undo.bringBack(), { kind: 'readOnly', path });
  assert.equal((await undo.bringBack()).entries, 1);
  await loader.settled();
  await undo.forget();
  assert.deepEqual(await dump(path), before);
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
