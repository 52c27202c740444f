import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { dayOf, largerBudget, rounded, type Regret } from '../../../src/store/figures';
import { makeCache, makeEntry, openCache, runSql } from './cacheFolder';

const now = Date.now() / 1000;
const day = 86_400;
const unlimited = { budget: () => Promise.resolve(undefined), now };

test('what hits saved is told by cell and by day, and outlives the entry', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  const entryId = await loader.save(makeEntry({ runtime: 12 }));
  await loader.save(
    makeEntry({
      cell: { ...makeEntry().cell, name: undefined, code: 'answer = ask()', ordinal: 1 },
      hash: 'h2',
      runtime: 3,
    }),
  );
  const hit = (cell: number, hash: string, at: number, seconds: string) =>
    `INSERT INTO lookups (cell_id, cache_name, hash, outcome, at, seconds)
       VALUES (${cell}, 'cell_cache', '${hash}', 'hit', ${at}, ${seconds});`;
  await runSql(
    path,
    `INSERT INTO costs VALUES (2, 0.42, 25);
     ${hit(1, 'h1', now, '2')} ${hit(1, 'h1', now - 2 * day, 'NULL')} ${hit(2, 'h2', now, '0.5')}
     ${hit(2, 'h2', now - 40 * day, '0.5')} ${hit(1, 'h1', now, '99')}
     INSERT INTO lookups (cell_id, cache_name, hash, outcome, at, seconds)
       VALUES (1, 'cell_cache', 'h1', 'miss', ${now}, 12);`,
  );
  await loader.clear([{ kind: 'entry', entryId }]);
  assert.deepEqual(await loader.saved(2), { hits: 2, seconds: 5, amount: 0.84 });
  assert.deepEqual(await loader.saved(99), { hits: 0, seconds: 0, amount: 0 });
  const figures = await loader.figures(unlimited);
  const notebook = join(dirname(dirname(dirname(path))), 'nb.py');
  assert.deepEqual(figures.cells, [
    // A load that takes longer than the computation saves nothing, and costs nothing here either.
    { cellId: 1, notebook, name: 'data', code: 'df = load()', hits: 3, seconds: 22, amount: 0 },
    {
      cellId: 2,
      notebook,
      name: undefined,
      code: 'answer = ask()',
      hits: 2,
      seconds: 5,
      amount: 0.84,
    },
  ]);
  assert.deepEqual(figures.days, [
    { day: dayOf(now - 2 * day), hits: 1, seconds: 12, amount: 0 },
    { day: dayOf(now), hits: 3, seconds: 12.5, amount: 0.42 },
  ]);
});

test('half the room would have cost what was wanted lately and is worth least', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  for (let i = 0; i < 4; i++) {
    const code = `x${i} = ${i}`;
    await loader.save(
      makeEntry({
        cell: { ...makeEntry().cell, ordinal: i, name: `c${i}`, code },
        hash: `h${i}`,
        runtime: 10 * (i + 1),
        items: [
          {
            key: `k${i}`,
            name: 'x',
            format: 'arrow',
            typeHint: undefined,
            content: [Buffer.alloc(70_000, i)],
          },
        ],
      }),
    );
  }
  await runSql(
    path,
    `UPDATE entries SET created_at = created_at - 20 * ${day};
     UPDATE entries SET last_hit_at = ${now - day} WHERE entry_id <> 2;
     UPDATE apps SET last_seen_at = 0;`,
  );
  const { smaller, used } = await loader.figures(unlimited);
  // The first two leave; of them the first was wanted.
  assert.deepEqual(smaller, { size: Math.floor(used / 2), seconds: 10, amount: 0 });
});

test('the last clean-ups that evicted something, the newest first', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  const rows = [0, 1, 2, 3, 4, 5, 6].map(
    (i) => `(${now - i * day}, 'kernel', ${i}, 10, 2.5, 0, 0)`,
  );
  await runSql(
    path,
    `INSERT INTO cleanings (at, actor, entries, size, seconds, level, evicted)
     VALUES ${rows.join(', ')}`,
  );
  const { cleanings } = await loader.figures(unlimited);
  assert.deepEqual(
    cleanings.map(({ entries }) => entries),
    [1, 2, 3, 4, 5],
  );
});

const regret = (room: number, seconds: number, more: Partial<Regret> = {}): Regret => ({
  room,
  cellId: room,
  part: false,
  seconds,
  amount: 0,
  value: seconds,
  ...more,
});

test('what a larger budget would have saved: the size that gets most of it', () => {
  assert.equal(largerBudget([]), undefined);
  assert.equal(largerBudget([regret(10, 0.5)]), undefined);
  assert.deepEqual(largerBudget([regret(1.6e9, 500), regret(900e9, 10), regret(0.3e9, 340)]), {
    size: 2e9,
    seconds: 840,
    amount: 0,
  });
});

test('what was paid for counts as what it is worth, and a function once with its cell', () => {
  // Dear in money alone: without it, nobody would notice.
  assert.deepEqual(largerBudget([regret(1e6, 0.5, { amount: 0.42, value: 25.7 })]), {
    size: 1e6,
    seconds: 0.5,
    amount: 0.42,
  });
  // The answer is most of what its cell took.
  const answer = { cellId: 1, amount: 2, value: 150 };
  assert.deepEqual(
    largerBudget([regret(1e6, 30, { ...answer, part: true }), regret(1e6, 31, answer)]),
    { size: 1e6, seconds: 31, amount: 2 },
  );
});

test('what was evicted and paid for again is what a larger budget would have saved', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  const first = { cell: { ...makeEntry().cell, ordinal: 0, name: 'ask', code: 'ask()' } };
  await runSql(
    path,
    `INSERT INTO ghosts (hash, cache_name, cache_type, loader, at, size, seconds, reason, evicted)
     VALUES ('h0', 'cell_cache', 'C', 'lazy', ${now - day}, 2000, 0.2, 'room', 0),
       ('h1', 'cell_cache', 'C', 'lazy', ${now - day}, 2000, 9, 'room', 0);
     INSERT INTO cleanings (at, actor, entries, size, seconds, level, evicted)
     VALUES (${now - day}, 'kernel', 2, 4000, 9.2, 0, 4000)`,
  );
  const ids = [
    await loader.save(makeEntry({ ...first, hash: 'h0', runtime: 0.2 })),
    await loader.save(makeEntry({ ...first, hash: 'h1', runtime: 9 })),
  ];
  await runSql(path, "INSERT INTO costs SELECT entry_id, 0.42, 25 FROM entries WHERE hash = 'h0'");
  const [paid = 0] = ids;
  const { larger } = await loader.figures(unlimited);
  assert.deepEqual(larger, { size: 1e6, seconds: 9.2, amount: 0.42 });
  // One that has left since is still told, by what is known of it.
  await loader.clear([{ kind: 'entry', entryId: paid }]);
  assert.deepEqual((await loader.figures(unlimited)).larger, {
    size: 1e6,
    seconds: 9.2,
    amount: 0,
  });
});

test('sizes are rounded up to 1, 2 or 5', () => {
  assert.deepEqual([1e9, 1.1e9, 4e9, 5.1e9, 77e6].map(rounded), [1e9, 2e9, 5e9, 10e9, 100e6]);
});
