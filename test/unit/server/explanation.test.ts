import assert from 'node:assert/strict';
import test from 'node:test';
import type { CellState } from '../../../src/protocol/cells';
import { explainCell } from '../../../src/server/explanation';
import { type CellFacts, hoverLines, type Run } from '../../../src/server/hover';
import { labelOf } from '../../../src/server/label';
import { plainText } from '../../../src/protocol/markdown';
import { CacheError } from '../../../src/store/database/CacheError';

const now = 1_800_000_000;
const style = { locale: 'en', now, escape: plainText };
const facts: CellFacts = {
  state: 'changedUpstream',
  changed: { title: 'load', gone: false },
  problem: undefined,
  items: [],
  runs: [],
};
const run: Run = {
  met: 'miss',
  at: now - 300,
  seconds: 2,
  reason: 'The code of load changed.',
  computedIn: undefined,
};

test('an explanation says what is, what to do, and what the last runs met', () => {
  const { title, detail } = explainCell(
    'plot\nit',
    {
      ...facts,
      runtime: 34,
      runs: [
        run,
        { ...run, met: 'hit', seconds: 0.2, reason: undefined },
        { ...run, met: 'again' },
      ],
      calls: [{ ...run, of: 'ask_model' }],
    },
    style,
  );
  assert.equal(title, 'plot it');
  assert.deepEqual(detail.split('\n\n'), [
    'In the cache, but load, which it needs, has changed. It may still hit. ' +
      'marimo compares values where it can: if that cell still gives the same, this one is served from the cache.',
    'It took 34 s to compute.',
    'The last runs:\n5 min ago: miss (2 s). The code of load changed.\n5 min ago: hit (200 ms)' +
      '\n5 min ago: computed again. The code of load changed.',
    'The last calls:\n5 min ago, ask_model: miss (2 s). The code of load changed.',
  ]);
});

test('of a cell that ran and is not kept, it is not said that a run will cache it', () => {
  const gone = { ...facts, state: 'neverCached', caching: true } as const;
  assert.match(explainCell('a', { ...gone, runs: [run] }, style).detail, /could not be saved/);
  const hit = { ...gone, runs: [{ ...run, met: 'hit' }] } as const;
  assert.match(
    explainCell('a', hit, style).detail,
    /^Not in the cache\. What its last run found there was cleared or evicted since\. The next run computes it\.\n/,
  );
  for (const other of [gone, { ...gone, caching: undefined, runs: [run] }]) {
    assert.doesNotMatch(explainCell('a', other, style).detail, /could not be saved/);
  }
});

test('of a result that a full disk had no room for it is said when and why it was not saved', () => {
  const reason = 'Not kept: the disk was full.';
  const gone = { ...facts, state: 'neverCached', caching: true } as const;
  const { detail } = explainCell(
    'a',
    { ...gone, runs: [{ ...run, reason, lackedRoom: true }] },
    style,
  );
  assert.equal(
    detail,
    'Not in the cache. What its last run computed could not be saved. The next run computes it.\n\n' +
      'The last runs:\n5 min ago: miss (2 s). Not kept: the disk was full.',
  );
});

test('where the disk has no room left, that is said, with the way out', () => {
  const gone = { ...facts, state: 'neverCached', caching: true, runs: [run] } as const;
  const said = (scarce: number) => explainCell('a', { ...gone, scarce }, style).detail;
  const wayOut =
    / Make room, by Prune Cache… or elsewhere on the disk, then run the cell again\.\n/;
  assert.match(
    said(4096),
    /\n\nThe disk is full: nothing can be saved until there is room on it\. Make/,
  );
  assert.match(said(4096), wayOut);
  assert.match(
    said(30_000_000),
    /The disk has only 30 MB left, and what needs more is not saved\. Make/,
  );
  assert.doesNotMatch(explainCell('a', gone, style).detail, /disk/);
  assert.match(hoverLines({ ...gone, scarce: 0 }, style)[0] ?? '', /The disk is full: /);
});

test('a cell that changes what it does not define is told how it could be served', () => {
  const again = { ...facts, state: 'again', refusal: 'It changes df.' } as const;
  assert.match(
    explainCell('a', { ...again, changesOthers: true }, style).detail,
    /^It changes df\. To have it served, make a new value of what it changes/,
  );
  assert.match(explainCell('a', again, style).detail, /have its costly part cached/);
});

test('why a cell is not served is not said again of each run that met that', () => {
  const refusal = 'Not cacheable: it changes df.';
  const again = { ...facts, state: 'again', refusal, changesOthers: true } as const;
  const runs = [
    { ...run, reason: `Not from the cache: nothing was cached before. ${refusal}` },
    { ...run, reason: refusal },
  ];
  const { detail } = explainCell('a', { ...again, runs }, style);
  assert.equal(detail.split(refusal).length, 2, detail);
  assert.match(
    detail,
    /\n5 min ago: miss \(2 s\)\. Not from the cache: nothing was cached before\.\n5 min ago: miss \(2 s\)$/,
  );
});

test('of a cell of which a file changed it is said first that it is out of date', () => {
  const outdated = { path: 'more.csv', named: false, changedAt: now - 12 };
  const { detail } = explainCell('load', { ...facts, state: 'fresh', outdated }, style);
  assert.equal(
    detail,
    'In the cache, but more.csv changed 12 s ago. ' +
      'marimo does not see that, and serves what was made before: clear the cell to have it computed anew. ' +
      'With recompute_on_change in [tool.cellar] it always is.',
  );
});

const labels: Record<CellState, string> = {
  fresh: 'cached, saves 34 s',
  changedHere: 'changed here',
  changedUpstream: 'changed upstream: load',
  changedModule: 'changed module: helper.py',
  changedFile: 'changed file: helper.py',
  obsolete: 'cached by another marimo',
  disabled: 'disabled upstream: load',
  off: 'cached, but caching is off',
  again: 'runs each time',
  notCacheable: 'not cacheable',
  unfinished: 'did not finish',
  noRoom: 'not saved, the disk was full',
  unknown: 'cached, its code is not recorded',
  neverCached: 'not cached',
};

for (const [state, label] of Object.entries(labels) as [CellState, string][]) {
  test(`a cell that is ${state} has a label, and something to be done about it`, () => {
    const { problem } = facts;
    const isOfFile = state === 'changedModule' || state === 'changedFile';
    const changed = isOfFile ? { title: 'lib/helper.py', gone: false } : facts.changed;
    assert.equal(
      labelOf({ state, changed, problem, saves: { seconds: 34, amount: undefined } }, 'en'),
      label,
    );
    const { detail } = explainCell('a', { ...facts, state, changed }, style);
    assert.match(detail, /^[A-Z].*\. [A-Z].*\.$/);
  });
}

test('a cache that cannot be read is said to be so, and one that is not there yet is empty', () => {
  const saves = { seconds: undefined, amount: undefined };
  const standing = { state: 'neverCached', changed: undefined, saves } as const;
  const label = (kind: 'missing' | 'damaged') =>
    labelOf({ ...standing, problem: new CacheError(kind, '/a', '') }, 'en');
  assert.equal(label('damaged'), 'cache not readable');
  assert.equal(label('missing'), 'not cached');
});

test('what loads as fast as it is computed saves nothing worth a word', () => {
  const { problem } = facts;
  const label = (seconds: number | undefined, amount?: number) =>
    labelOf({ state: 'fresh', changed: undefined, problem, saves: { seconds, amount } }, 'en');
  assert.equal(label(0.001), 'cached');
  assert.equal(label(undefined), 'cached');
  // Money is worth one, however soon it was spent.
  assert.equal(label(34, 0.42), 'cached, saves 34 s and 0.42');
  assert.equal(label(0.001, 0.42), 'cached, saves 0.42');
});
