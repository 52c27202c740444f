import assert from 'node:assert/strict';
import test from 'node:test';
import {
  type CellFacts,
  cellTitle,
  hoverLines,
  describeOutdated,
  type Run,
} from '../../../src/server/hover';
import { plainText } from '../../../src/protocol/markdown';
import {
  CacheError,
  cacheErrorKinds,
  UnsupportedError,
} from '../../../src/store/database/CacheError';
import type { ItemSummary } from '../../../src/store/rows';

const now = 1_800_000_000;
const style = { locale: 'en', now, escape: plainText };

const item = (name: string, size: number): ItemSummary => ({
  entryId: 1,
  key: `cell_cache/h/${name}`,
  name,
  format: 'pickle',
  typeHint: undefined,
  digest: '00',
  size,
  file: undefined,
  quarantined: false,
});

const run = (different: Partial<Run>): Run => ({
  met: 'hit',
  at: now - 300,
  seconds: 0.25,
  computedIn: undefined,
  reason: undefined,
  ...different,
});

const facts = (different: Partial<CellFacts>): CellFacts => ({
  state: 'fresh',
  problem: undefined,
  changed: undefined,
  items: [],
  runs: [],
  ...different,
});

const onceRun =
  'marimo caches it once it has run. A cell of plain Markdown it may show without a run.';
const notKept =
  'Nothing of its last run is kept: it was cleared or evicted since, or could not be saved, as marimo’s output then says.';

const table: readonly (readonly [string, Partial<CellFacts>, readonly string[]])[] = [
  ['nothing measured', {}, ['In the cache, and the code is as saved.']],
  [
    'fresh',
    { runtime: 90, saves: 90 },
    ['In the cache, and the code is as saved. Saves 1 min 30 s.'],
  ],
  [
    'paid',
    { runtime: 90, saves: 90, amount: 0.42 },
    ['In the cache, and the code is as saved. Saves 1 min 30 s and 0.42.'],
  ],
  [
    'loaded in as long as it took',
    { runtime: 90, saves: 0 },
    ['In the cache, and the code is as saved.'],
  ],
  [
    'changed here',
    { state: 'changedHere', runtime: 3.4, saves: 3.3 },
    ['In the cache, but the code has changed since. It took 3.4 s.'],
  ],
  [
    'changed upstream',
    { state: 'changedUpstream', changed: { title: 'load', gone: false } },
    ['In the cache, but load, which it needs, has changed. It may still hit.'],
  ],
  [
    'an ancestor is gone',
    { state: 'changedUpstream', changed: { title: 'load', gone: true } },
    ['In the cache, but load, which it needs, is gone. It may still hit.'],
  ],
  [
    'a module changed that is loaded anew',
    { state: 'changedModule', changed: { title: 'lib/helper.py', gone: false }, runtime: 3.4 },
    [
      'In the cache, but lib/helper.py, which made it, has changed: marimo’s editor computes it anew. It took 3.4 s.',
    ],
  ],
  [
    'a module is gone',
    { state: 'changedModule', changed: { title: 'helper.py', gone: true } },
    ['In the cache, but helper.py, which made it, is gone: marimo’s editor computes it anew.'],
  ],
  [
    'a file changed, and what was made of it is computed anew',
    { state: 'changedFile', changed: { title: 'data/more.csv', gone: false }, runtime: 3.4 },
    ['In the cache, but data/more.csv has changed since: it is computed anew. It took 3.4 s.'],
  ],
  [
    'unknown',
    { state: 'unknown', runtime: 1 },
    ['In the cache. Which code it was made from is not recorded. It took 1 s.'],
  ],
  [
    'disabled',
    { state: 'disabled', runtime: 1 },
    ['It is disabled: marimo neither runs it nor takes it from the cache. It took 1 s.'],
  ],
  [
    'an ancestor is disabled',
    { state: 'disabled', changed: { title: 'load', gone: false } },
    ['It does not run, since load, which it needs, is disabled.'],
  ],
  ['never cached', { state: 'neverCached', caching: true }, [`Not in the cache. ${onceRun}`]],
  [
    'never cached, and who knows whether it will be',
    { state: 'neverCached' },
    [
      'Not in the cache. marimo caches a cell when cell caching is on and the cell has run. One of plain Markdown it may show without a run.',
    ],
  ],
  [
    'never to be cached',
    { state: 'neverCached', caching: false },
    ['Not in the cache. Cell caching is off for this notebook: turn it on, then run the cell.'],
  ],
  [
    'never cached, in a notebook without a cache',
    { state: 'neverCached', caching: true, problem: new CacheError('missing', '/a', '') },
    [`Nothing of this notebook is cached yet. ${onceRun}`],
  ],
  [
    'a hit',
    { runs: [run({ computedIn: 34 })] },
    ['In the cache, and the code is as saved.', 'Last run: hit, 5 min ago, saved 34 s.'],
  ],
  [
    'a hit that took longer than the run would have',
    { runs: [run({ seconds: 2, computedIn: 1 })] },
    ['In the cache, and the code is as saved.', 'Last run: hit, 5 min ago.'],
  ],
  [
    'a hit that nobody measured',
    { runs: [run({ seconds: undefined, computedIn: 34 })] },
    ['In the cache, and the code is as saved.', 'Last run: hit, 5 min ago.'],
  ],
  [
    'a hit of what is cleared meanwhile',
    { state: 'neverCached', caching: true, runs: [run({})] },
    [
      'Not in the cache. What its last run found there was cleared or evicted since.',
      'Last run: hit, 5 min ago.',
    ],
  ],
  [
    'a miss',
    { state: 'neverCached', caching: true, runs: [run({ met: 'miss', seconds: 2 })] },
    [`Not in the cache. ${notKept}`, 'Last run: miss, 5 min ago, took 2 s.'],
  ],
  [
    'a miss with a reason',
    {
      state: 'neverCached',
      caching: true,
      runs: [run({ met: 'miss', seconds: undefined, reason: 'It was\ncleared.' })],
    },
    [`Not in the cache. ${notKept}`, 'Last run: miss, 5 min ago. It was cleared.'],
  ],
  [
    'a hit of a cell that runs all the same',
    {
      state: 'again',
      refusal: 'Not cacheable: UI elements are made anew in every run (slider).',
      runs: [
        run({
          met: 'again',
          computedIn: 34,
          reason: 'Not cacheable: UI elements are made anew in every run (slider).',
        }),
        run({ met: 'again' }),
        run({ met: 'miss', seconds: 34 }),
      ],
    },
    [
      'Not cacheable: UI elements are made anew in every run (slider).',
      'Last run: computed again, though it was in the cache, 5 min ago.',
      'Before: computed again, miss (34 s)',
    ],
  ],
  [
    'the same, once the cell was edited',
    {
      state: 'changedHere',
      runs: [run({ met: 'again', reason: 'Not cacheable: UI elements.' })],
    },
    [
      'In the cache, but the code has changed since.',
      'Last run: computed again, though it was in the cache, 5 min ago. Not cacheable: UI elements.',
    ],
  ],
  [
    'runs before the last',
    {
      runs: [
        run({ computedIn: 34 }),
        run({ met: 'miss', seconds: 34 }),
        run({ met: 'miss', seconds: undefined }),
      ],
    },
    [
      'In the cache, and the code is as saved.',
      'Last run: hit, 5 min ago, saved 34 s.',
      'Before: miss (34 s), miss',
    ],
  ],
  [
    'a file that was read and has changed since',
    { runtime: 2, saves: 2, outdated: { path: 'data.csv', named: false, changedAt: now - 600 } },
    ['In the cache, but data.csv changed 10 min ago. It took 2 s.'],
  ],
  [
    'a file that may have been read and is gone',
    { outdated: { path: 'data.csv', named: true, changedAt: undefined } },
    ['In the cache, but data.csv, which it may have read, is gone.'],
  ],
  [
    'what is said of it as it stands is not said again of its last run',
    {
      state: 'again',
      refusal: 'Not cacheable: it changes what it does not define (df).',
      runs: [
        run({
          met: 'miss',
          seconds: 2,
          reason:
            'Not from the cache: nothing was cached before. Not cacheable: it changes what it does not define (df).',
        }),
      ],
    },
    [
      'Not cacheable: it changes what it does not define (df).',
      'Last run: miss, 5 min ago, took 2 s. Not from the cache: nothing was cached before.',
    ],
  ],
  [
    'a last run that failed',
    { state: 'unfinished', refusal: 'Not kept: its last run ended in ValueError.' },
    ['Not kept: its last run ended in ValueError.'],
  ],
  ['pinned', { pinned: 2 }, ['In the cache, and the code is as saved. Pinned.']],
  [
    'of another marimo',
    { state: 'obsolete' },
    ['In the cache, but another version of marimo saved it, which this one does not read.'],
  ],
  [
    'values, the output behind the variables, the manifest and the state of random numbers not at all',
    {
      items: [
        item('return', 10),
        item('manifest', 9),
        item('random state', 7),
        item('ui', 8),
        item('b', 2000),
        item('a', 1),
      ],
    },
    [
      'In the cache, and the code is as saved.',
      'Values: a (1 byte), b (2 kB), output (10 bytes), UI elements (8 bytes)',
    ],
  ],
  [
    'many values',
    { items: 'abcdefg'.split('').map((name) => item(name, 1000)) },
    [
      'In the cache, and the code is as saved.',
      'Values: a (1 kB), b (1 kB), c (1 kB), d (1 kB), e (1 kB), 2 more',
    ],
  ],
];

for (const [name, different, lines] of table) {
  test(`hover: ${name}`, () => {
    assert.deepEqual(hoverLines(facts(different), style), lines);
  });
}

test('hover: four lines at most, as the links make a fifth', () => {
  const all = facts({
    state: 'changedUpstream',
    changed: { title: 'a\nb', gone: false },
    runtime: 1,
    runs: [run({ met: 'miss', reason: 'One.\nTwo.' }), run({})],
    items: [item('a\nb', 1)],
  });
  const lines = hoverLines(all, style);
  assert.equal(lines.length, 4);
  for (const line of lines) assert.doesNotMatch(line, /\n/);
});

test('hover: every way in which a cache cannot be read has words', () => {
  const kinds = cacheErrorKinds.filter((kind) => kind !== 'unsupported');
  for (const kind of kinds) {
    const problem = new CacheError(kind, '/a/cache.db', 'said by the store');
    const lines = hoverLines(facts({ state: 'neverCached', problem }), style);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /^[A-Z].*\.$/, kind);
  }
  const problem = new UnsupportedError('/a/cache.db', 'linux', 'arm64', '@vscode/sqlite3');
  assert.deepEqual(hoverLines(facts({ problem }), style), [
    'The cache cannot be read here: @vscode/sqlite3 does not load on linux-arm64.',
  ]);
});

test('hover: a cell is called by its name, or else its first line of code', () => {
  assert.equal(cellTitle({ name: 'load', code: 'x = 1' }), 'load');
  assert.equal(cellTitle({ name: undefined, code: '# why\n\nx = 1\ny = 2' }), 'x = 1');
  assert.equal(cellTitle({ name: undefined, code: '' }), 'an empty cell');
});

test('what is said of a file for as long as it is so is of no age', () => {
  const file = { path: 'data.csv', named: false, changedAt: now - 600 };
  const lasting = { locale: 'en', escape: plainText };
  assert.equal(describeOutdated(file, lasting), 'In the cache, but data.csv has changed since.');
  assert.match(
    describeOutdated({ ...file, named: true }, lasting),
    /may have read, has changed since/,
  );
});
