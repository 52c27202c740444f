import assert from 'node:assert/strict';
import { rename, rm } from 'node:fs/promises';
import test from 'node:test';
import type { TestContext } from 'node:test';
import { EntryReader } from '../../../src/preview/EntryReader';
import { ShownEntry } from '../../../src/preview/ShownEntry';
import type { SqliteLoader } from '../../../src/store/SqliteLoader';
import { creation, makeCache, makeEntry, openCache, runSql } from '../store/cacheFolder';

async function make(t: TestContext): Promise<{ loader: SqliteLoader; entryId: number }> {
  const loader = await openCache(t, await makeCache(t));
  return { loader, entryId: await loader.save(makeEntry()) };
}

/** Nothing is read in these tests: whoever asks the decoder fails. */
const readerOf = (loader: SqliteLoader, entryId: number) => (): EntryReader => {
  const never = (): Promise<never> => Promise.reject(new Error('Nothing is to be read.'));
  const decoder = { open: never, page: never, close: () => Promise.resolve() };
  return new EntryReader(loader, entryId, decoder, {
    maxBatchSize: () => 0,
    mayQuarantine: () => false,
    onCheck: () => undefined,
    report: () => undefined,
  });
};

async function show(loader: SqliteLoader, entryId: number): Promise<ShownEntry> {
  const shown = await ShownEntry.find(loader, entryId, readerOf(loader, entryId), {});
  assert.ok(shown !== undefined);
  return shown;
}

test('an entry is found with its cell, notebook and values', async (t) => {
  const { loader, entryId } = await make(t);
  const shown = await show(loader, entryId);
  assert.equal(shown.cell.name, 'data');
  assert.equal(shown.app?.path, '../../nb.py');
  assert.deepEqual(
    shown.items.map(({ name }) => name),
    ['df'],
  );
  assert.deepEqual(shown.fate, { kind: 'present' });
  assert.equal(shown.newer, undefined);
});

test('what is not there, or not what it was, is not found', async (t) => {
  const { loader, entryId } = await make(t);
  const entry = await loader.entry(entryId);
  assert.ok(entry !== undefined);
  const find = (hash: string, createdAt: number): Promise<ShownEntry | undefined> =>
    ShownEntry.find(loader, entryId, readerOf(loader, entryId), { expected: { hash, createdAt } });
  assert.ok((await find(entry.hash, entry.createdAt)) !== undefined);
  assert.equal(await find('other', entry.createdAt), undefined);
  assert.equal(await find(entry.hash, entry.createdAt - 1), undefined);
  assert.equal(
    await ShownEntry.find(loader, entryId + 1, readerOf(loader, entryId), {}),
    undefined,
  );
});

test('a cleared entry keeps what was shown of it, and its successor is found', async (t) => {
  const { loader, entryId } = await make(t);
  const shown = await show(loader, entryId);
  await loader.clearCell(shown.cell.cellId);
  await shown.refresh();
  assert.deepEqual(shown.fate, { kind: 'cleared', newer: false });
  assert.equal(shown.entry.hash, 'h1');
  // SQLite gives the freed id to the next entry: it must not be taken for the one that was shown.
  const { cellId } = shown.cell;
  const cell = { ...makeEntry().cell, cellId };
  const again = await loader.save(makeEntry({ cell }));
  assert.equal(again, entryId);
  await shown.refresh();
  assert.deepEqual(shown.fate, { kind: 'outdone' });
  assert.equal(shown.isSupplanted, true);
  assert.equal(shown.newer?.entryId, again);
  assert.equal((await show(loader, again)).isSupplanted, false);
});

test('a newer result of the cell is told', async (t) => {
  const { loader, entryId } = await make(t);
  const shown = await show(loader, entryId);
  const cell = { ...makeEntry().cell, cellId: shown.cell.cellId };
  const later = await loader.save(makeEntry({ cell, hash: 'h2' }));
  await shown.refresh();
  assert.deepEqual(shown.fate, { kind: 'outdone' });
  assert.equal(shown.newer?.entryId, later);
  assert.equal(shown.isSupplanted, false);
});

/** Deletes the database, and begins another in its place. */
async function replace({ path }: SqliteLoader): Promise<void> {
  for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true });
  await runSql(path, creation);
}

test('where the database is another one, its ids are not taken for those of the first', async (t) => {
  const { loader, entryId } = await make(t);
  const shown = await show(loader, entryId);
  await replace(loader);
  const other = { ...makeEntry().cell, name: undefined, code: 'costly()' };
  assert.equal(await loader.save(makeEntry({ cell: other, hash: 'h2' })), entryId);
  await shown.refresh();
  assert.deepEqual(shown.fate, { kind: 'cleared', newer: false });
  assert.equal(shown.newer, undefined);
  assert.equal(shown.isCellThere, false);
  assert.equal(shown.isSupplanted, true);
});

test('a database that comes back to its place has its cell again', async (t) => {
  const { loader, entryId } = await make(t);
  const shown = await show(loader, entryId);
  const { path } = loader;
  // In one file, so that it can be moved.
  await runSql(path, 'PRAGMA wal_checkpoint(TRUNCATE)');
  const move = async (from: string, to: string) => {
    for (const suffix of ['', '-wal', '-shm']) {
      await rename(from + suffix, to + suffix).catch(() => undefined);
    }
  };
  await move(path, `${path}.aside`);
  await runSql(path, creation);
  const other = { ...makeEntry().cell, name: undefined, code: 'costly()' };
  await loader.save(makeEntry({ cell: other, hash: 'h2' }));
  await shown.refresh();
  assert.equal(shown.isCellThere, false);
  await move(path, `${path}.other`);
  await move(`${path}.aside`, path);
  await shown.refresh();
  assert.deepEqual(shown.fate, { kind: 'present' });
  assert.equal(shown.isCellThere, true);
});

test('a cell that got its id again in another database is itself', async (t) => {
  const { loader, entryId } = await make(t);
  const shown = await show(loader, entryId);
  await replace(loader);
  await loader.save(makeEntry({ hash: 'h2' }));
  await shown.refresh();
  assert.deepEqual(shown.fate, { kind: 'cleared', newer: true });
  assert.equal(shown.isCellThere, true);
});
