import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { Upkeep } from '../../../src/explorer/Upkeep';
import { Caches } from '../../../src/store/Caches';
import type { Pruned } from '../../../src/store/cleaning/pruning';
import { atEnd, makeCache, makeEntry, makeItem, openCache, runSql } from '../store/cacheFolder';

/** A real cache of four results that are over their budget, and a clock that the test sets. */
async function begin(t: TestContext) {
  const path = await makeCache(t);
  const filling = await openCache(t, path);
  for (let i = 0; i < 4; i++) {
    await filling.save(
      makeEntry({
        cell: { ...makeEntry().cell, ordinal: i, name: `c${i}`, code: `x${i} = ${i}` },
        hash: `h${i}`,
        items: [makeItem(`k${i}`, 'x', Buffer.alloc(70_000, i))],
      }),
    );
  }
  await runSql(
    path,
    'UPDATE entries SET created_at = created_at - 7200; UPDATE apps SET last_seen_at = 0;',
  );
  const caches = new Caches();
  atEnd(t, () => caches.close());
  const clock = { now: Date.now() / 1000, steady: 1000 };
  const state = { trusted: true, budget: 150_000 };
  const told: [string, Pruned][] = [];
  const faults: unknown[] = [];
  const upkeep = new Upkeep({
    caches,
    databases: () => Promise.resolve([path]),
    plan: async (database) =>
      (await caches.open(database)).upkeep.plan({
        budget: () => Promise.resolve(state.budget),
        now: clock.now,
      }),
    trusted: () => state.trusted,
    now: () => clock.now,
    steady: () => clock.steady,
    tell: (database, done) => told.push([database, done]),
    report: (error) => faults.push(error),
  });
  atEnd(t, () => {
    upkeep.dispose();
    assert.deepEqual(faults, []);
    return Promise.resolve();
  });
  const pass = (seconds: number) => {
    clock.now += seconds;
    clock.steady += seconds;
  };
  const entries = async () => (await filling.apps())[0]?.entries;
  return { path, caches, clock, state, told, upkeep, pass, entries };
}

test('some time after the start a cache is brought within its budget, and that is told', async (t) => {
  const { path, told, upkeep, pass, entries } = await begin(t);
  await upkeep.glance();
  assert.equal(await entries(), 4);
  pass(130);
  await upkeep.glance();
  assert.equal(await entries(), 2);
  assert.deepEqual(
    told.map(([database, done]) => [database, done.entries]),
    [[path, 2]],
  );
});

test('what changes is left alone until it has been still for a minute', async (t) => {
  const { path, caches, state, upkeep, pass, entries } = await begin(t);
  state.budget = 1e9;
  pass(130);
  await upkeep.glance();
  state.budget = 150_000;
  const loader = await caches.open(path);
  const announced = new Promise<void>((resolve) => {
    caches.onDidChange(() => {
      resolve();
    });
  });
  await loader.pin({ kind: 'entry', entryId: 1 }, true);
  await announced;
  pass(700);
  await loader.pin({ kind: 'entry', entryId: 1 }, false);
  pass(30);
  await upkeep.glance();
  assert.equal(await entries(), 4);
  pass(31);
  await upkeep.glance();
  assert.equal(await entries(), 2);
});

test('in Restricted Mode nothing goes', async (t) => {
  const { state, upkeep, pass, entries } = await begin(t);
  state.trusted = false;
  pass(130);
  await upkeep.glance();
  assert.equal(await entries(), 4);
});

test('for an hour after the clock was set nothing goes', async (t) => {
  const { clock, upkeep, pass, entries } = await begin(t);
  pass(130);
  clock.now += 30 * 86_400;
  await upkeep.glance();
  pass(3000);
  await upkeep.glance();
  assert.equal(await entries(), 4);
  pass(700);
  await upkeep.glance();
  assert.equal(await entries(), 2);
});

test('while something was used later than now nothing goes', async (t) => {
  const { path, told, upkeep, pass, entries } = await begin(t);
  await runSql(path, 'UPDATE entries SET last_hit_at = created_at + 90000 WHERE entry_id = 4');
  pass(130);
  await upkeep.glance();
  assert.equal(await entries(), 4);
  assert.deepEqual(told, []);
});
