import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import test from 'node:test';
import { SqliteLoader } from '../../../src/store/SqliteLoader';
import { Connection } from '../../../src/store/database/Connection';
import { atEnd, makeCache, makeEntry, makeItem, openCache, runSql } from './cacheFolder';
import { OtherProcess } from './OtherProcess';

/** One entry with one small value, as a kernel writes it: all of it in one transaction. */
function insert(i: number): string {
  return `BEGIN IMMEDIATE;
    INSERT OR IGNORE INTO apps VALUES (1, '../../nb.py', 1);
    INSERT INTO cells (cell_id, app_id, ordinal, code, last_seen_at) VALUES (${i}, 1, ${i}, 'c', 1);
    INSERT INTO entries (entry_id, cell_id, cache_name, cache_type, hash, loader, runtime, created_at)
      VALUES (${i}, ${i}, 'cell_cache', 'C', 'h${i}', 'lazy', 1, ${i});
    INSERT INTO blobs (digest, size, crc32, content) VALUES (randomblob(32), 20000, 0, randomblob(20000));
    INSERT INTO items (cell_id, entry_id, key, name, format, digest, seal)
      SELECT ${i}, ${i}, 'k${i}', 'x', 'npy', digest, 0 FROM blobs WHERE blob_id = last_insert_rowid();
    COMMIT;`;
}

test('a reader meets whole entries only, and nobody meets a lock', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path, { allowed: [/wrong seal/, /^wrong-(bytes|size)/] });
  const others = [await OtherProcess.start(t, path), await OtherProcess.start(t, path)];
  const writing = others.map(async (other, n) => {
    for (let i = 0; i < 40; i++) await other.run(insert(1 + n + 2 * i));
  });
  let read = 0;
  const writers = new AbortController();
  const reading = (async () => {
    while (!writers.signal.aborted) {
      for (const cell of await loader.cells(1)) {
        if (cell.entries === 0) continue;
        const [entry] = await loader.entries(cell.cellId);
        // Cleared since it was listed, or whole.
        if (entry) assert.deepEqual([entry.items, entry.size], [1, 20_000]);
        read++;
      }
    }
  })();
  const clearing = (async () => {
    for (let i = 1; i <= 10; i++) await loader.clearCell(i);
  })();
  await Promise.all([...writing, clearing]);
  writers.abort();
  await reading;
  assert.ok(read > 0);
  const cells = await loader.cells(1);
  assert.equal(cells.length, 80);
  for (let i = 1; i <= 10; i++) await loader.clearCell(i);
  assert.equal((await loader.app(1))?.entries, 70);
});

test('two windows of VS Code clear at once', async (t) => {
  const path = await makeCache(t);
  const one = await openCache(t, path);
  for (let i = 0; i < 12; i++) {
    await one.save(
      makeEntry({ hash: `h${i}`, items: [makeItem(`k${i}`, 'x', Buffer.alloc(80_000, i))] }),
    );
  }
  const two = await SqliteLoader.open(path);
  atEnd(t, () => two.close());
  const cleared = await Promise.all([
    ...[1, 2, 3, 4, 5, 6].map((id) => one.clearCell(id)),
    ...[7, 8, 9, 10, 11, 1].map((id) => two.clearCell(id)),
  ]);
  const sum = cleared.reduce((entries, each) => entries + each.entries, 0);
  assert.equal(sum, 11);
  assert.equal((await two.app(1))?.entries, 1);
});

test('the log is copied while others read and write, and starts again from its beginning', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  const other = await OtherProcess.start(t, path);
  const logs: number[] = [];
  for (let i = 0; i < 300; i++) {
    const items = [makeItem(`k${i}`, 'x', Buffer.alloc(60_000, i))];
    await loader.save(makeEntry({ hash: `h${i}`, items }));
    if (i % 20 === 0) await other.run(`UPDATE apps SET last_seen_at = ${i}`);
    logs.push((await stat(`${path}-wal`)).size);
  }
  // 18 MB were written; the log never held more than its limit and one save.
  assert.ok(Math.max(...logs) < 5_000_000, String(Math.max(...logs)));
});

test('nothing of ours keeps a snapshot when a query has ended', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  for (let i = 0; i < 5; i++) {
    const items = [makeItem(`k${i}`, 'x', Buffer.alloc(60_000, i))];
    await loader.save(makeEntry({ hash: `h${i}`, items }));
  }
  for (const app of await loader.apps()) {
    for (const cell of await loader.cells(app.appId)) await loader.entries(cell.cellId);
  }
  await loader.clearCell(1);
  const other = await OtherProcess.start(t, path);
  // Only where no connection is in the middle of a query can the log be cut to nothing.
  await other.run('PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)');
  assert.equal((await stat(`${path}-wal`)).size, 0);
});

test('no connection of ours makes a checkpoint by itself', async (t) => {
  const path = await makeCache(t);
  const reader = await Connection.open(path, 'read');
  atEnd(t, () => reader.close());
  // The last connection to leave merges the log, alone and undisturbed; from here on this one is there.
  await reader.number('SELECT count(*) FROM apps');
  const writer = await Connection.open(path, 'write');
  assert.equal(await writer.number('PRAGMA wal_autocheckpoint'), 0);
  const before = (await stat(path)).size;
  await writer.exec('CREATE TEMP TABLE unused (x); BEGIN');
  for (let i = 0; i < 200; i++) {
    await writer.run('INSERT INTO sources VALUES (randomblob(32), hex(randomblob(20000)))');
  }
  await writer.exec('COMMIT');
  await writer.close();
  assert.equal((await stat(path)).size, before);
  assert.ok((await stat(`${path}-wal`)).size > 8_000_000);
  await reader.number('SELECT count(*) FROM sources');
  await runSql(path, 'DELETE FROM sources');
});

test('a database without WAL is read and changed as well', async (t) => {
  const path = await makeCache(t);
  await runSql(path, 'PRAGMA journal_mode = DELETE');
  const loader = await openCache(t, path);
  const other = await OtherProcess.start(t, path);
  for (let i = 0; i < 20; i++) {
    await Promise.all([
      loader.save(makeEntry({ hash: `h${i}` })),
      other.run(`UPDATE apps SET last_seen_at = ${i}`),
      loader.apps(),
    ]);
  }
  assert.equal((await loader.clearApp(1)).entries, 20);
});

test('what waits for a lock ends when it is interrupted', { timeout: 60_000 }, async (t) => {
  const path = await makeCache(t);
  // Without a log, who writes keeps readers out.
  await runSql(path, 'PRAGMA journal_mode = DELETE');
  const reader = await Connection.open(path, 'read');
  atEnd(t, () => reader.close());
  const other = await OtherProcess.start(t, path);
  await other.run('BEGIN EXCLUSIVE');
  const refused = new Promise<void>((resolve) => {
    let asked = 0;
    // The clock stands still, so that its patience never ends; it looks at it when it was refused.
    t.mock.method(performance, 'now', () => {
      if (++asked > 1) resolve();
      return 0;
    });
  });
  const waiting = assert.rejects(reader.number('SELECT count(*) FROM apps'), { kind: 'busy' });
  await refused;
  reader.interrupt();
  await waiting;
  t.mock.reset();
  await other.run('ROLLBACK');
  assert.equal(await reader.number('SELECT count(*) FROM apps'), 0);
});
