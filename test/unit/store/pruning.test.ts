import assert from 'node:assert/strict';
import { cp, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { Connection } from '../../../src/store/database/Connection';
import type { PrunePlan } from '../../../src/store/cleaning/pruning';
import type { SqliteLoader } from '../../../src/store/SqliteLoader';
import { makeCache, makeEntry, makeFolder, makeItem, openCache, runSql } from './cacheFolder';

const day = 86_400;
const now = () => Date.now() / 1000;
const sharedBytes = Buffer.alloc(80_000, 'shared');

/**
 * Results of one cell each, the first one the oldest, all long unused and cheap; each of two neighbours
 * shares a value with the other.
 */
async function fill(loader: SqliteLoader, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const pair = Math.floor(i / 2);
    await loader.save(
      makeEntry({
        cell: { ...makeEntry().cell, ordinal: i, name: `cell${i}`, code: `x${i} = ${i}` },
        hash: `h${i}`,
        runtime: 0.01,
        items: [
          makeItem(`k${i}/own`, 'own', Buffer.alloc(70_000, i + 1)),
          makeItem(`k${i}/pair`, 'pair', Buffer.concat([sharedBytes, Buffer.from([pair])])),
        ],
      }),
    );
  }
  await runSql(
    loader.path,
    `UPDATE entries SET created_at = created_at - 10 * ${day} + 100 * entry_id;
     UPDATE apps SET last_seen_at = 0;`,
  );
}

async function plan(loader: SqliteLoader, budget: number, open?: string[]): Promise<PrunePlan> {
  const options = { budget: () => Promise.resolve(budget), now: now() };
  const planned = await loader.upkeep.plan(open === undefined ? options : { ...options, open });
  assert.ok(planned);
  return planned;
}

const freed = ({ evictions }: PrunePlan) =>
  evictions.reduce((total, eviction) => total + eviction.freed, 0);

async function ask(path: string, sql: string): Promise<unknown[][]> {
  const connection = await Connection.open(path, 'read');
  try {
    return (await connection.all(sql)).map((row) => Object.values(row));
  } finally {
    await connection.close();
  }
}

test('an entry is named with the call that it is of, where that is known', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await fill(loader, 3);
  await runSql(
    path,
    `INSERT INTO calls SELECT entry_id, '{"prompt": "''Why?''", "n": "1"}' FROM entries WHERE hash = 'h0';
     INSERT INTO calls SELECT entry_id, 'no JSON' FROM entries WHERE hash = 'h1';`,
  );
  const ids = (await ask(path, 'SELECT entry_id FROM entries ORDER BY hash')).flat().map(Number);
  const names = await loader.upkeep.nameEntries(ids);
  assert.deepEqual(
    ids.map((id) => names.get(id)?.call),
    [
      [
        { name: 'prompt', value: "'Why?'" },
        { name: 'n', value: '1' },
      ],
      [],
      undefined,
    ],
  );
});

test('a clean-up frees what was planned and keeps to the budget', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await fill(loader, 20);
  await runSql(path, 'INSERT INTO costs SELECT entry_id, 0.25, 0 FROM entries');
  const planned = await plan(loader, 1_000_000);
  assert.ok(planned.used > 1_000_000);
  assert.ok(planned.evictions.every(({ reason }) => reason === 'room'));
  const steps: number[] = [];
  const done = await loader.upkeep.prune(planned.evictions, {
    actor: 'command',
    step: (each) => steps.push(each),
  });
  assert.equal(done.busy, false);
  assert.equal(done.entries, planned.evictions.length);
  assert.equal(done.size, freed(planned));
  assert.ok(Math.abs(done.seconds - 0.01 * done.entries) < 1e-6);
  assert.equal(steps.at(-1), done.entries);

  const [[used]] = (await ask(path, 'SELECT size FROM usage')) as [[number]];
  assert.equal(used, planned.used - done.size);
  assert.ok(used <= 1_000_000);
  assert.deepEqual(await ask(path, 'SELECT actor, entries, size FROM cleanings'), [
    ['command', done.entries, done.size],
  ]);
  assert.deepEqual(await ask(path, 'SELECT cleaning_id, amount FROM cleaning_costs'), [
    [1, 0.25 * done.entries],
  ]);
  const figures = await loader.figures({ budget: () => Promise.resolve(undefined), now: now() });
  assert.deepEqual(
    figures.cleanings.map(({ amount }) => amount),
    [0.25 * done.entries],
  );
  assert.deepEqual(await ask(path, 'SELECT count(*) FROM ghosts'), [[done.entries]]);
  assert.deepEqual(await ask(path, 'PRAGMA freelist_count'), [[0]]);
  // Each file has its row again, and each row its file.
  const [[rows]] = (await ask(path, 'SELECT count(file) FROM blobs')) as [[number]];
  const files = await readdir(join(dirname(path), 'blobs'), { recursive: true });
  assert.equal(files.filter((file) => file.endsWith('.arrow')).length, rows);
  // What is within the budget has nothing more to give.
  assert.deepEqual((await plan(loader, 1_000_000)).evictions, []);
});

test('what was pinned or used since it was chosen stays', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await fill(loader, 6);
  const planned = await plan(loader, 0);
  assert.equal(planned.evictions.length, 6);
  await runSql(
    path,
    `UPDATE entries SET pinned = 1 WHERE entry_id = 2;
     UPDATE entries SET hits = 1, last_hit_at = created_at + 1 WHERE entry_id = 3;`,
  );
  const done = await loader.upkeep.prune(planned.evictions, { actor: 'command' });
  assert.equal(done.entries, 4);
  const left = await Promise.all([2, 3].map((id) => loader.load(id)));
  assert.deepEqual(
    left.map(({ kind }) => kind),
    ['hit', 'hit'],
  );
  assert.deepEqual(
    (await plan(loader, 0)).evictions.map(({ candidate }) => candidate.entryId),
    [3],
  );
});

test('what an open notebook would load is no candidate', async (t) => {
  const loader = await openCache(t, await makeCache(t));
  await fill(loader, 4);
  const [app] = await loader.apps();
  assert.ok(app);
  assert.equal((await plan(loader, 0)).evictions.length, 4);
  assert.equal((await plan(loader, 0, [app.notebook])).evictions.length, 0);
});

test('one cleaner at a time, and a dead one is waited for', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await fill(loader, 4);
  const { evictions } = await plan(loader, 0);
  await runSql(path, `INSERT INTO cleaners VALUES (1, 'another', ${now() + 30}, 0)`);
  const refused = await loader.upkeep.prune(evictions, { actor: 'vscode' });
  assert.deepEqual([refused.busy, refused.entries], [true, 0]);
  await runSql(path, `UPDATE cleaners SET until = ${now() - 1}`);
  const done = await loader.upkeep.prune(evictions, { actor: 'vscode' });
  assert.deepEqual([done.busy, done.entries], [false, 4]);
});

test('whoever asked for it waits for a cleaner that was killed, until it is cancelled', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await fill(loader, 4);
  const { evictions } = await plan(loader, 0);
  await runSql(path, `INSERT INTO cleaners VALUES (1, 'killed', ${now() + 30}, 0)`);
  const asked = new AbortController();
  const stopped = await loader.upkeep.prune(evictions, {
    actor: 'command',
    patience: 60_000,
    signal: asked.signal,
    waiting: () => {
      asked.abort();
    },
  });
  assert.deepEqual([stopped.busy, stopped.entries], [false, 0]);
  await runSql(path, `UPDATE cleaners SET until = ${now() + 1}`);
  const done = await loader.upkeep.prune(evictions, { actor: 'command', patience: 60_000 });
  assert.deepEqual([done.busy, done.entries], [false, 4]);
});

test('it stops between transactions, and nothing is half gone', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await fill(loader, 20);
  const { evictions } = await plan(loader, 0);
  const asked = new AbortController();
  const done = await loader.upkeep.prune(evictions, {
    actor: 'command',
    signal: asked.signal,
    step: () => {
      asked.abort();
    },
  });
  assert.ok(done.entries > 0 && done.entries < 20);
  assert.equal((await plan(loader, 0)).evictions.length, 20 - done.entries);
});

test('a database of format 1.0 has no policy, and is left as it is', async (t) => {
  const folder = join(await makeFolder(t), '__marimo__', 'cache');
  await cp(join(__dirname, '../../fixtures/store/1.0/cache'), folder, { recursive: true });
  const old = await openCache(t, join(folder, 'cache.db'));
  const budget = () => Promise.resolve(0);
  assert.equal(await old.upkeep.plan({ budget, now: now() }), undefined);
  const { used, cells } = await old.figures({ budget, now: now() });
  assert.ok(used > 0);
  assert.equal(cells, undefined);
});
