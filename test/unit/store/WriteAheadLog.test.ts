import assert from 'node:assert/strict';
import { open, rename } from 'node:fs/promises';
import test, { type TestContext } from 'node:test';
import { Connection, type Value } from '../../../src/store/database/Connection';
import { openDatabase } from '../../../src/store/database/opening';
import { WriteAheadLog } from '../../../src/store/database/WriteAheadLog';
import { atEnd, creation, makeCache, makeEntry, makeItem, openCache, runSql } from './cacheFolder';
import { OtherProcess } from './OtherProcess';

const tooLarge = 32 << 20;

/** A commit that adds so many bytes to the log, and a bit. */
const write = (bytes: number) =>
  `INSERT INTO sources VALUES (randomblob(32), CAST(zeroblob(${bytes}) AS TEXT))`;

/** A log as a writer has it, with the connection that is its writer's. */
async function openLog(t: TestContext, path: string) {
  const database = await openDatabase(path);
  const connection = await Connection.open(path, 'write');
  atEnd(t, async () => {
    await connection.close();
    await database.connection.close();
  });
  const log = new WriteAheadLog(database, connection, () => undefined);
  let alone = 0;
  const foldAlone = log.foldAlone.bind(log);
  log.foldAlone = () => {
    alone++;
    return foldAlone();
  };
  return { log, connection, alone: () => alone };
}

/** A reader that stands on the log as it is, until it commits. */
async function standingReader(t: TestContext, path: string): Promise<Connection> {
  const reader = await Connection.open(path, 'read');
  atEnd(t, () => reader.close());
  await reader.exec('BEGIN');
  await reader.number('SELECT count(*) FROM sources');
  return reader;
}

/** Has work done right before and after each checkpoint that a connection makes. */
function amidCheckpoints(
  connection: Connection,
  before: () => Promise<unknown>,
  after: () => Promise<unknown> = () => Promise.resolve(),
): void {
  const get = connection.get.bind(connection);
  connection.get = async (sql, ...values) => {
    if (!sql.includes('wal_checkpoint')) return get(sql, ...values);
    await before();
    const row = await get(sql, ...values);
    await after();
    return row;
  };
}

/** How often the log was begun anew (https://www.sqlite.org/fileformat2.html#the_write_ahead_log). */
async function timesBegun(path: string): Promise<number> {
  const file = await open(`${path}-wal`);
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 12);
    return buffer.readUInt32BE();
  } finally {
    await file.close();
  }
}

async function assertWhole(path: string, sources: number): Promise<void> {
  const connection = await Connection.open(path, 'read');
  try {
    const row = await connection.get('PRAGMA integrity_check');
    assert.deepEqual(row, { integrity_check: 'ok' });
    assert.equal(await connection.number('SELECT count(*) FROM sources'), sources);
  } finally {
    await connection.close();
  }
}

test('others write while the log is folded', async (t) => {
  const path = await makeCache(t);
  const { log, connection, alone } = await openLog(t, path);
  const other = await OtherProcess.start(t, path);
  await other.run(write(100_000));
  let written = 1;
  // The other process gives up after ten seconds: were the lock held, it would never get in.
  const writeThere = async (bytes: number) => {
    await other.run(write(bytes));
    written++;
  };
  amidCheckpoints(
    connection,
    () => writeThere(10),
    // What comes meanwhile is folded in the next round, as long as it is less each time.
    async () => {
      if (written === 2) await writeThere(10);
    },
  );
  await log.foldBeside();
  assert.ok(written > 3, 'one round only');
  connection.get = Connection.prototype.get.bind(connection);
  assert.equal(await log.foldBeside(), 'folded');
  assert.equal(alone(), 0);
  await other.run('BEGIN IMMEDIATE; ROLLBACK');
  await assertWhole(path, written);
});

test('nobody begins the log anew while it is folded, although another has folded all of it', async (t) => {
  const path = await makeCache(t);
  const { log, connection } = await openLog(t, path);
  const other = await OtherProcess.start(t, path);
  await other.run(write(100_000));
  const begun = await timesBegun(path);
  let folds = 0;
  amidCheckpoints(connection, async () => {
    folds++;
    // SQLite before 3.51.3 may corrupt the database when a commit begins the log anew here.
    await other.run('PRAGMA wal_checkpoint(PASSIVE)');
    await other.run(write(10));
    assert.equal(await timesBegun(path), begun);
  });
  await log.foldBeside();
  assert.ok(folds > 0);
  connection.get = Connection.prototype.get.bind(connection);
  assert.equal(await log.foldBeside(), 'folded');
  await other.run(write(10));
  assert.equal(await timesBegun(path), begun + 1);
  await assertWhole(path, folds + 2);
});

test('a reader of an old state keeps some of the log, and nobody waits for it under the lock', async (t) => {
  const path = await makeCache(t);
  const { log, connection, alone } = await openLog(t, path);
  await connection.exec(write(10));
  const reader = await standingReader(t, path);
  const count = () => reader.number('SELECT count(*) FROM sources');
  await connection.exec(write(10));
  assert.equal(await log.foldBeside(), 'left');
  await log.foldAbove(0);
  await log.fold();
  assert.equal(alone(), 0);
  assert.equal(await count(), 1);
  await reader.exec('COMMIT');
  assert.equal(await log.foldBeside(), 'folded');
  assert.equal(await count(), 2);
});

test('what could not be folded is tried again once the log has grown', async (t) => {
  const path = await makeCache(t);
  const { log, connection } = await openLog(t, path);
  await connection.exec(write(10));
  const reader = await standingReader(t, path);
  let tries = 0;
  const foldBeside = log.foldBeside.bind(log);
  log.foldBeside = () => {
    tries++;
    return foldBeside();
  };
  for (let i = 0; i < 3; i++) {
    await connection.exec(write(10));
    await log.foldAbove(0);
  }
  assert.equal(tries, 1);
  await connection.exec(write(4 << 20));
  await log.foldAbove(0);
  assert.equal(tries, 2);
  await reader.exec('COMMIT');
  await connection.exec(write(4 << 20));
  await log.foldAbove(0);
  assert.equal(await log.foldBeside(), 'folded');
  await connection.exec(write(10));
  await log.foldAbove(0);
  assert.equal(tries, 5);
});

test('a log that is too large is folded under the lock, once others have let go of it', async (t) => {
  const path = await makeCache(t);
  const { log, connection, alone } = await openLog(t, path);
  await connection.exec(write(10));
  const reader = await standingReader(t, path);
  await connection.exec(write(tooLarge));
  assert.ok((await log.size()) > tooLarge);
  await log.foldAbove(tooLarge);
  assert.equal(alone(), 1);
  const other = await OtherProcess.start(t, path);
  await other.run('BEGIN IMMEDIATE');
  await reader.exec('COMMIT');
  assert.equal(await log.foldAlone(), false);
  await other.run('ROLLBACK');
  assert.equal(await log.foldAlone(), true);
  await assertWhole(path, 2);
});

test('where the index of the log cannot be looked at, it is folded under the lock', async (t) => {
  const path = await makeCache(t);
  const { log, connection, alone } = await openLog(t, path);
  await connection.exec(write(10));
  // As on Windows, and for a process that has looked into very many.
  await rename(`${path}-shm`, `${path}-elsewhere`);
  assert.equal(await log.foldBeside(), 'cannot');
  await rename(`${path}-elsewhere`, `${path}-shm`);
  log.foldBeside = () => Promise.resolve('cannot');
  await log.foldAbove(0);
  assert.equal(alone(), 1);
  log.foldBeside = WriteAheadLog.prototype.foldBeside.bind(log);
  assert.equal(await log.foldBeside(), 'folded');
  await connection.number('SELECT count(*) FROM sources');
});

test("the log of another database in the same place is left alone, and so is the old one's", async (t) => {
  const path = await makeCache(t);
  const { log, connection } = await openLog(t, path);
  await connection.exec(write(10));
  const held: string[] = [];
  const exec = connection.exec.bind(connection);
  connection.exec = (sql, within) => {
    if (sql.startsWith('BEGIN')) held.push(sql);
    return exec(sql, within);
  };
  for (const end of ['-shm', '-wal', '']) await rename(path + end, `${path}.damaged${end}`);
  await runSql(path, creation);
  const next = await Connection.open(path, 'write');
  atEnd(t, () => next.close());
  await next.exec(write(10));
  assert.equal(await log.foldBeside(), 'left');
  assert.equal(await log.foldAlone(), false);
  assert.deepEqual(held, []);
  assert.equal(await timesBegun(path), 0);
});

test('processes write while the log is folded all the time', async (t) => {
  const path = await makeCache(t);
  const { log } = await openLog(t, path);
  const others = [await OtherProcess.start(t, path), await OtherProcess.start(t, path)];
  const each = 150;
  const writers = new AbortController();
  const writing = Promise.all(
    others.map(async (other) => {
      for (let i = 0; i < each; i++) await other.run(write(20_000));
    }),
  ).finally(() => {
    writers.abort();
  });
  while (!writers.signal.aborted) await log.foldBeside();
  await writing;
  assert.equal(await log.foldBeside(), 'folded');
  await assertWhole(path, others.length * each);
});

test('a clean-up and a save fold a log that has grown while others write', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  for (let i = 0; i < 8; i++) {
    const cell = { ...makeEntry().cell, ordinal: i, name: `c${i}`, code: `x${i} = ${i}` };
    await loader.save(
      makeEntry({ cell, hash: `h${i}`, items: [makeItem(`k${i}`, 'x', Buffer.from([i]))] }),
    );
  }
  await runSql(path, 'UPDATE entries SET created_at = 1; UPDATE apps SET last_seen_at = 0');
  const other = await OtherProcess.start(t, path);
  const planned = await loader.upkeep.plan({ budget: () => Promise.resolve(0), now: 1e9 });
  assert.ok(planned);
  let folds = 0;
  t.mock.method(
    Connection.prototype,
    'get',
    async function (this: Connection, sql: string, ...values: Value[]) {
      if (sql.includes('wal_checkpoint')) {
        folds++;
        await other.run(`UPDATE apps SET last_seen_at = ${folds}`);
      }
      return (await this.all(sql, ...values))[0];
    },
  );
  await other.run(`${write(17 << 20)}; DELETE FROM sources`);
  const done = await loader.upkeep.prune(planned.evictions, { actor: 'command' });
  assert.equal(done.entries, 8);
  assert.ok(done.slowest > 0);
  const before = folds;
  assert.ok(before > 0);
  await other.run(`${write(5 << 20)}; DELETE FROM sources`);
  await loader.save(makeEntry({ hash: 'last' }));
  assert.ok(folds > before);
});
