import assert from 'node:assert/strict';
import test from 'node:test';
import {
  amountsOf,
  chosenOf,
  fullness,
  linesOf,
  logLine,
  nothingGoes,
  notice,
  type Planned,
  price,
  resultsOf,
  withoutPinned,
} from '../../../src/explorer/commands/pruneReport';
import type { EntryName } from '../../../src/store/cleaning/pruning';
import { choose, type Candidate } from '../../../src/store/cleaning/retention';

const now = 2_000_000_000;

const candidate = (entryId: number, different: Partial<Candidate> = {}): Candidate => ({
  entryId,
  usedAt: now - 7200,
  reason: undefined,
  own: 1e6 * entryId,
  cellId: entryId,
  part: false,
  seconds: 30 * entryId,
  amount: 0,
  priority: entryId,
  ...different,
});

const name = (entryId: number, different: Partial<EntryName> = {}): EntryName => ({
  entryId,
  cellId: entryId,
  notebook: '/project/analysis.py',
  cell: `cell${entryId}`,
  code: 'x = 1',
  cacheName: 'cell_cache',
  pinned: false,
  ...different,
});

const shared = [{ size: 5e6, entries: [1, 2] }];
const planned: Planned = {
  database: '/notebooks/__marimo__/cache/cache.db',
  name: 'work',
  generation: '1:2:3',
  plan: {
    evictions: choose(
      [candidate(4, { reason: 'version' }), candidate(1), candidate(2, { amount: 0.42 })],
      shared,
      13e6,
      0,
    ),
    shared,
    used: 13e6,
    budget: 1e6,
  },
  names: new Map([
    [1, name(1)],
    [2, name(2, { cell: undefined, code: '# the model\nanswer = ask()' })],
    [4, name(4, { cacheName: 'block' })],
  ]),
};

test('lines stand by reason, in the order of the policy, and say what each frees', () => {
  assert.deepEqual(
    linesOf([planned], now, 'en').map(({ reason, label, description }) => [
      reason,
      label,
      description,
    ]),
    [
      ['version', 'block', '4 MB, took 2 min, used 2 h ago, analysis.py › cell4'],
      ['room', 'cell1', '1 MB, took 30 s, used 2 h ago, analysis.py'],
      ['room', 'answer = ask()', '7 MB, took 1 min, cost 0.42, used 2 h ago, analysis.py'],
    ],
  );
});

test('of several caches a line says which it is of, at its end', () => {
  const nameless = { ...planned, names: new Map<number, EntryName>() };
  const ends = linesOf([planned, nameless], now, 'en', true).map(({ description }) =>
    description.split(', ').at(-1),
  );
  assert.deepEqual(ends, [
    'work › analysis.py › cell4',
    'work › analysis.py',
    'work › analysis.py',
    'work',
    'work',
    'work',
  ]);
});

test('notebooks of one name are told apart by their folders', () => {
  const names = new Map([
    [1, name(1, { notebook: '/project/north/report.py' })],
    [2, name(2, { notebook: '/project/south/report.py' })],
    [4, name(4)],
  ]);
  const ends = linesOf([{ ...planned, names }], now, 'en').map(({ description }) =>
    description.split(', ').at(-1),
  );
  assert.deepEqual(ends, ['analysis.py', 'north/report.py', 'south/report.py']);
});

test('results of one function are told apart by what it was called with', () => {
  const called = (entryId: number, prompt: string) =>
    name(entryId, {
      cellId: 1,
      cell: 'answers',
      cacheName: 'ask',
      call: [
        { name: 'prompt', value: prompt },
        { name: 'model', value: "'small'" },
      ],
    });
  const names = new Map([
    [1, called(1, "'Why?'")],
    [2, called(2, "'Who?'")],
    [4, name(4, { cacheName: 'ask' })],
  ]);
  assert.deepEqual(
    linesOf([{ ...planned, names }], now, 'en').map(({ label }) => label),
    ['ask', "ask('Why?')", "ask('Who?')"],
  );
});

test('of very many results the rest is one line, and no result is lost', () => {
  const many = Array.from({ length: 1200 }, (_, i) => candidate(i + 1));
  const evictions = choose(many, [], 1e12, 0);
  const lines = linesOf(
    [{ ...planned, plan: { ...planned.plan, evictions, shared: [] } }],
    now,
    'en',
  );
  assert.equal(lines.length, 1001);
  assert.equal(lines.at(-1)?.label, 'and 200 more');
  assert.deepEqual([...chosenOf(lines).values()].flat(), evictions);
});

test('what is chosen frees what only the chosen refer to', () => {
  const [first, second, third] = linesOf([planned], now, 'en');
  assert.ok(first && second && third);
  const sizeOf = (...lines: (typeof first)[]) => amountsOf(chosenOf(lines).values()).size;
  assert.equal(sizeOf(first, second, third), 12e6);
  assert.equal(sizeOf(second, third), 8e6);
  // The value that both refer to stays with the other.
  assert.equal(sizeOf(second), 1e6);
  assert.equal(sizeOf(third), 2e6);
});

test('what was pinned is no longer in the plan', () => {
  const names = new Map([...planned.names, [1, name(1, { pinned: true })]]);
  const left = withoutPinned(planned, names);
  assert.deepEqual(
    left.plan.evictions.map(({ candidate: { entryId }, freed }) => [entryId, freed]),
    [
      [4, 4e6],
      [2, 2e6],
    ],
  );
});

test('a result is called the same in every list of its cache, and otherwise in another', () => {
  const again = { ...planned, plan: { ...planned.plan, used: 1 } };
  const elsewhere = { ...planned, database: '/other/cache.db' };
  const named = (all: Planned) => resultsOf(linesOf([all], now, 'en'));
  assert.equal(named(planned).size, 3);
  assert.deepEqual(named(again), named(planned));
  assert.deepEqual(
    [...named(planned)].filter((each) => named(elsewhere).has(each)),
    [],
  );
});

test('the price is said in full', () => {
  assert.equal(
    price({ size: 3.1e9, seconds: 360, amount: 0 }, 'en'),
    'frees 3.1 GB, about 6 min to recompute if all were wanted again',
  );
  assert.equal(
    price({ size: 3.1e9, seconds: 360, amount: 0.42 }, 'en'),
    'frees 3.1 GB, about 6 min and 0.42 if all were wanted again',
  );
  assert.equal(fullness(1.2e9, 24e9, 'en'), '1.2 GB of 24 GB');
  assert.equal(fullness(1.2e9, undefined, 'en'), '1.2 GB, without a limit');
});

test('that nothing goes is told, and why more than the budget stays', () => {
  const told = (used: number, budget?: number) =>
    nothingGoes([{ ...planned, plan: { ...planned.plan, evictions: [], used, budget } }], 'en');
  assert.equal(told(1.2e9, 24e9), 'Nothing has to go: 1.2 GB of 24 GB.');
  assert.equal(told(1.2e9), 'Nothing has to go: 1.2 GB, without a limit.');
  assert.match(told(6e6, 1e6), /^Nothing can go now: 6 MB of 1 MB. What is left is pinned, or/);
  const cache = (name: string, used: number): Planned => ({
    ...planned,
    name,
    plan: { ...planned.plan, evictions: [], used, budget: 5e6 },
  });
  const caches = [cache('a', 4e6), cache('b', 4e6)];
  assert.equal(nothingGoes(caches, 'en'), 'Nothing has to go.');
  // One of several is enough to say so, by its name.
  const full = nothingGoes([...caches, cache('c', 6e6)], 'en');
  assert.match(full, /^Nothing can go now: c, 6 MB of 5 MB\. What is left is pinned/);
});

test('what was done is told, and what stayed against expectation', () => {
  const done = { entries: 2, size: 3e6, seconds: 90, amount: 0, busy: false, slowest: 5 };
  assert.equal(notice([done], 2, 'en'), 'Freed 3 MB: 2 results worth 1 min 30 s.');
  // Half of it was cancelled, or some of it was used meanwhile.
  assert.equal(notice([done], 5, 'en'), 'Freed 3 MB: 2 of 5 results worth 1 min 30 s.');
  const many = { ...done, entries: 1234 };
  assert.equal(notice([many], 1234, 'en'), 'Freed 3 MB: 1,234 results worth 1 min 30 s.');
  assert.equal(notice([many], 4321, 'en'), 'Freed 3 MB: 1,234 of 4,321 results worth 1 min 30 s.');
  assert.equal(notice([], 0, 'en'), 'Nothing was removed: it is gone, pinned or in use by now.');
  assert.equal(
    logLine('work', { ...done, entries: 1 }, 'en'),
    'Cleaned up work while idle: 1 result, 3 MB, about 1 min 30 s to recompute.',
  );
  const paid = { ...done, amount: 0.42 };
  assert.equal(notice([paid], 2, 'en'), 'Freed 3 MB: 2 results worth 1 min 30 s + 0.42.');
  assert.equal(
    logLine('work', paid, 'en'),
    'Cleaned up work while idle: 2 results, 3 MB, about 1 min 30 s to recompute, and 0.42 to pay again.',
  );
});
