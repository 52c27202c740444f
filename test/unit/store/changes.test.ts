import assert from 'node:assert/strict';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { Caches } from '../../../src/store/Caches';
import { isSameGeneration } from '../../../src/store/database/generation';
import { SqliteLoader } from '../../../src/store/SqliteLoader';
import type { Change, Watcher } from '../../../src/store/database/Watcher';
import {
  atEnd,
  creation,
  makeCache,
  makeEntry,
  makeFolder,
  openCache,
  runSql,
} from './cacheFolder';
import { OtherProcess } from './OtherProcess';

const touch = 'INSERT INTO apps (path, last_seen_at) VALUES (hex(randomblob(8)), 1)';

/** A watcher whose events the test makes. */
class Hand implements Watcher {
  readonly #watching = new Map<string, () => void>();

  watch(database: string, changed: () => void) {
    this.#watching.set(database, changed);
    return { dispose: () => this.#watching.delete(database) };
  }

  wave(): void {
    for (const changed of this.#watching.values()) changed();
  }

  get watched(): string[] {
    return [...this.#watching.keys()];
  }
}

/** Collects announcements and waits for the next. */
class Ear {
  readonly heard: Change[] = [];
  #wake: () => void = () => undefined;

  constructor(loader: SqliteLoader) {
    loader.onDidChange((change) => {
      this.heard.push(change);
      this.#wake();
    });
  }

  async until(count: number): Promise<Change[]> {
    while (this.heard.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.heard;
  }
}

/** Time in which anything that was going to be announced has been. */
const aWhile = () => new Promise((resolve) => setTimeout(resolve, 700));

async function listen(t: TestContext) {
  const path = await makeCache(t);
  const watcher = new Hand();
  const loader = await openCache(t, path, { watcher });
  return { path, watcher, loader, ear: new Ear(loader), other: await OtherProcess.start(t, path) };
}

test('a commit of another process is noticed by its event', async (t) => {
  const { watcher, ear, other } = await listen(t);
  await other.run(touch);
  watcher.wave();
  assert.deepEqual(await ear.until(1), ['committed']);
});

test('a commit is noticed without an event while somebody is watching, and not otherwise', async (t) => {
  const { loader, ear, other } = await listen(t);
  await other.run(touch);
  await aWhile();
  assert.deepEqual(ear.heard, []);
  loader.setVisible(true);
  assert.deepEqual(await ear.until(1), ['committed']);
  await other.run(touch);
  assert.deepEqual(await ear.until(2), ['committed', 'committed']);
  loader.setVisible(false);
  await other.run(touch);
  await aWhile();
  assert.equal(ear.heard.length, 2);
});

test('an event without a commit announces nothing, and a burst is announced seldom', async (t) => {
  const { watcher, ear, other } = await listen(t);
  watcher.wave();
  await aWhile();
  assert.deepEqual(ear.heard, []);
  for (let i = 0; i < 50; i++) {
    await other.run(touch);
    watcher.wave();
  }
  await ear.until(1);
  await aWhile();
  assert.ok(ear.heard.length < 25, `${ear.heard.length} announcements for 50 commits`);
});

test('our own writes announce themselves, once, before they resolve', async (t) => {
  const { loader, watcher, ear } = await listen(t);
  await loader.save(makeEntry());
  assert.deepEqual(ear.heard, ['committed']);
  watcher.wave();
  await aWhile();
  assert.deepEqual(ear.heard, ['committed']);
  await loader.clearCell(1);
  assert.deepEqual(ear.heard, ['committed', 'committed']);
});

test('a file that is deleted, and made anew, is noticed and read', async (t) => {
  const { path, loader, watcher, ear } = await listen(t);
  await loader.save(makeEntry());
  for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true });
  watcher.wave();
  assert.deepEqual(await ear.until(2), ['committed', 'gone']);
  await assert.rejects(loader.apps(), { kind: 'missing' });
  await runSql(path, creation);
  watcher.wave();
  assert.deepEqual((await ear.until(3)).at(-1), 'replaced');
  assert.deepEqual(await loader.apps(), []);
});

test('a file that takes the place of another is read by the next call, event or not', async (t) => {
  const { path, loader, ear } = await listen(t);
  await loader.save(makeEntry());
  const next = join(await makeFolder(t), 'next.db');
  await runSql(next, `${creation} INSERT INTO apps VALUES (5, '../../next.py', 1)`);
  await runSql(next, 'PRAGMA journal_mode = DELETE');
  for (const suffix of ['-wal', '-shm']) await rm(path + suffix, { force: true });
  await rename(next, path);
  assert.deepEqual(
    (await loader.apps()).map(({ appId }) => appId),
    [5],
  );
  assert.deepEqual(ear.heard, ['committed', 'replaced']);
});

test('what was named in one database is neither cleared, pinned nor put right in the next', async (t) => {
  const { path, loader } = await listen(t);
  await loader.save(makeEntry());
  const [named] = await loader.apps();
  const generation = await loader.generation();
  for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true });
  await runSql(path, creation);
  const other = { ...makeEntry().cell, app: '../../other.py', code: 'costly()' };
  const entryId = await loader.save(makeEntry({ cell: other, hash: 'h2' }));
  const targets = [{ kind: 'app' as const, appId: named?.appId ?? -1 }];
  await assert.rejects(loader.clearUndoably(targets, generation), { kind: 'busy' });
  const fault = { kind: 'seal' as const, about: 'h1', entryId, message: '' };
  await assert.rejects(loader.mend([fault], generation), { kind: 'busy' });
  const target = { kind: 'entry' as const, entryId };
  await assert.rejects(loader.pin(target, true, generation), { kind: 'busy' });
  assert.equal((await loader.entry(entryId))?.hash, 'h2');
  const now = await loader.generation();
  assert.equal(await loader.pin(target, true, now), 1);
  assert.equal((await loader.clearUndoably(targets, now)).clearance.entries, 1);
});

test('a database is told from the one before it by every process alike', async (t) => {
  const { path, loader, watcher, ear } = await listen(t);
  await loader.save(makeEntry());
  const generation = await loader.generation();
  const other = await SqliteLoader.open(path);
  atEnd(t, () => other.close());
  // Also after commits, and to whoever opens it later.
  await loader.save(makeEntry({ hash: 'h2' }));
  assert.ok(isSameGeneration(await other.generation(), generation));
  await other.close();
  for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true });
  watcher.wave();
  // Nobody holds the file now, so that the next may get its inode.
  await ear.until(3);
  await runSql(path, creation);
  const next = await loader.generation();
  assert.ok(!isSameGeneration(next, generation));
  const late = await SqliteLoader.open(path);
  atEnd(t, () => late.close());
  assert.ok(isSameGeneration(await late.generation(), next));
});

test('of two databases with one inode the birth decides, where it is told', () => {
  assert.ok(isSameGeneration('1:2:3', '1:2:3'));
  assert.ok(!isSameGeneration('1:2:3', '1:2:4'));
  assert.ok(!isSameGeneration('1:2:3', '1:4:3'));
  assert.ok(!isSameGeneration('1:2:0', '4:2:3'));
  assert.ok(isSameGeneration('1:2:0', '1:2:3'));
});

test('garbage in the place of a cache is announced once, and told to whoever asks', async (t) => {
  const { path, loader, watcher, ear } = await listen(t);
  for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true });
  await writeFile(path, 'not a database, but a note that somebody left here'.repeat(100));
  loader.setVisible(true);
  watcher.wave();
  assert.deepEqual(await ear.until(1), ['replaced']);
  await aWhile();
  assert.deepEqual(ear.heard, ['replaced']);
  await assert.rejects(loader.apps(), { kind: 'notADatabase' });
  await rm(path);
  assert.deepEqual(await ear.until(2), ['replaced', 'gone']);
});

test('nothing is announced to a listener that left, or after closing', async (t) => {
  const { path, loader, watcher, other } = await listen(t);
  const heard: string[] = [];
  loader.onDidChange(() => heard.push('stays'));
  const leaving = loader.onDidChange(() => heard.push('leaves'));
  leaving.dispose();
  leaving.dispose();
  await loader.save(makeEntry());
  assert.deepEqual(heard, ['stays']);
  assert.deepEqual(watcher.watched, [path]);
  await loader.close();
  await loader.close();
  assert.deepEqual(watcher.watched, []);
  await other.run(touch);
  await aWhile();
  assert.deepEqual(heard, ['stays']);
  await assert.rejects(loader.apps(), { kind: 'closed' });
  await assert.rejects(loader.clearApp(1), { kind: 'closed' });
});

test('a listener that throws is reported and keeps no other from hearing', async (t) => {
  const path = await makeCache(t);
  const reported: unknown[] = [];
  const loader = await openCache(t, path, { report: (error) => reported.push(error) });
  loader.onDidChange(() => {
    throw new Error('deaf');
  });
  const ear = new Ear(loader);
  await loader.save(makeEntry());
  assert.deepEqual(ear.heard, ['committed']);
  assert.equal((reported[0] as Error).message, 'deaf');
});

test('closing waits for what is under way', async (t) => {
  const { loader, ear } = await listen(t);
  const saving = loader.save(makeEntry());
  const listing = loader.apps();
  await loader.close();
  assert.equal(await saving, 1);
  await listing.catch((error: unknown) => {
    assert.equal((error as { kind: string }).kind, 'closed');
  });
  assert.ok(ear.heard.length <= 1);
});

test('caches are numbered by path, opened once, and told apart by number', async (t) => {
  const [one, two] = [await makeCache(t), await makeCache(t)];
  const caches = new Caches();
  atEnd(t, () => caches.close());
  assert.deepEqual([caches.number(one), caches.number(two), caches.number(one)], [0, 1, 0]);
  assert.deepEqual([caches.path(1), caches.path(2)], [two, undefined]);
  const [loader, same] = await Promise.all([caches.open(two), caches.get(1)]);
  assert.equal(loader, same);
  assert.equal(await caches.get(2), undefined);
  const heard: [number, Change][] = [];
  caches.onDidChange((cache, change) => heard.push([cache, change]));
  await loader.save(makeEntry());
  assert.deepEqual(heard, [[1, 'committed']]);
});

test('a cache that could not be opened is tried again', async (t) => {
  const path = join(await makeFolder(t), 'cache.db');
  const caches = new Caches();
  atEnd(t, () => caches.close());
  await assert.rejects(caches.open(path), { kind: 'missing' });
  await runSql(path, creation);
  assert.deepEqual(await (await caches.open(path)).apps(), []);
});

test('visibility reaches caches that are opened later; closing closes all', async (t) => {
  const path = await makeCache(t);
  const caches = new Caches();
  caches.setVisible(true);
  const loader = await caches.open(path);
  const ear = new Ear(loader);
  const other = await OtherProcess.start(t, path);
  await other.run(touch);
  assert.deepEqual(await ear.until(1), ['committed']);
  await Promise.all([caches.close(), caches.close()]);
  await assert.rejects(loader.apps(), { kind: 'closed' });
  await assert.rejects(caches.open(path), { kind: 'closed' });
});
