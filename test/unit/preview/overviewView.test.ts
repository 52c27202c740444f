import assert from 'node:assert/strict';
import test from 'node:test';
import { type CacheFigures, overviewView, type Viewpoint } from '../../../src/preview/overviewView';
import { parseToOverview } from '../../../src/protocol/overview';
import { dayOf, type Figures } from '../../../src/store/figures';

const now = new Date(2026, 1, 28, 15).getTime() / 1000;
const day = 86_400;
const viewpoint: Viewpoint = {
  locale: 'en',
  now,
  trusted: true,
  nameOf: (notebook) => notebook.replace('/project/', ''),
};

const cell = (cellId: number, notebook: string, seconds: number, amount = 0) => ({
  cellId,
  notebook,
  name: `cell${cellId}`,
  code: '',
  hits: cellId,
  seconds,
  amount,
});

const figures: Figures = {
  used: 1.2e9,
  budget: 24e9,
  cells: [
    cell(1, '/project/a.py', 600, 0.42),
    cell(2, '/project/b.py', 500),
    cell(3, '/project/b.py', 400),
    cell(4, '/project/unsaved', 1),
  ],
  days: [
    { day: dayOf(now - 8 * day), hits: 4, seconds: 1200, amount: 0.4 },
    { day: dayOf(now), hits: 1, seconds: 300, amount: 0.02 },
  ],
  cleanings: [
    { at: now - 7200, actor: 'vscode', entries: 3, size: 3.1e9, seconds: 360, amount: 0 },
    { at: now - 10_800, actor: 'kernel', entries: 1, size: 1e6, seconds: 60, amount: 0.42 },
  ],
  larger: { size: 2e9, seconds: 840, amount: 0 },
  smaller: { size: 0.6e9, seconds: 180, amount: 0 },
};

const cache: CacheFigures = {
  name: 'work',
  figures,
  budget: { size: 24e9, setting: undefined, refusals: [] },
};

const view = (caches: readonly CacheFigures[], different: Partial<Viewpoint> = {}) => {
  const made = overviewView(caches, [], { ...viewpoint, ...different });
  // What the page believes of it is all of it.
  assert.deepEqual(
    JSON.parse(JSON.stringify(parseToOverview({ type: 'show', view: made }).view)),
    JSON.parse(JSON.stringify(made)),
  );
  return made;
};

test('time and money saved: in all, in a week, today', () => {
  assert.deepEqual(view([cache]).tiles, [
    { label: 'Time saved in all', value: '25 min', detail: '10 hits' },
    { label: 'In the last 7 days', value: '5 min', detail: '1 hit' },
    { label: 'Today', value: '5 min', detail: '1 hit' },
    { label: 'Money saved in all', value: '0.42', detail: '0.02 in the last 7 days' },
  ]);
});

test('days without anything are there too, and the best one is the measure', () => {
  const { bars } = view([cache]);
  assert.equal(bars.length, 14);
  assert.deepEqual(bars.at(-1), { label: '28 Sat', text: '5 min', share: 0.25 });
  assert.deepEqual(bars.at(-9), { label: '20 Fri', text: '20 min', share: 1 });
  assert.deepEqual(bars.at(-2), { label: '27 Fri', text: 'nothing', share: 0 });
});

test('a week has seven days where one of them has 25 hours', (t) => {
  const { TZ } = process.env;
  t.after(() => {
    if (TZ === undefined) delete process.env.TZ;
    else process.env.TZ = TZ;
  });
  process.env.TZ = 'Europe/Berlin';
  const late = new Date(2026, 9, 26, 23, 30).getTime() / 1000;
  const days = ['2026-10-19', '2026-10-20', '2026-10-26'].map((day, i) => ({
    ...{ day, hits: 1, amount: 0 },
    seconds: 60 * 10 ** i,
  }));
  const { tiles, bars } = view([{ ...cache, figures: { ...figures, days } }], { now: late });
  assert.deepEqual(
    tiles.slice(1, 3).map(({ label, detail }) => [label, detail]),
    [
      ['In the last 7 days', '2 hits'],
      ['Today', '1 hit'],
    ],
  );
  assert.deepEqual(
    bars.filter(({ share }) => share > 0).map(({ label }) => label),
    ['19 Mon', '20 Tue', '26 Mon'],
  );
});

test('the room, and what another budget would have meant', () => {
  const [room] = view([cache]).rooms;
  assert.deepEqual(room, {
    name: 'work',
    text: '1.2 GB of 24 GB',
    share: 0.05,
    over: false,
    lines: [
      'The budget is a tenth of what would be free without the cache, and at least 2 GB.',
      '2 GB more would have saved 14 min in the last 7 days.',
      'A budget of 600 MB would have cost 3 min in the last 7 days.',
    ],
    cleanings: [
      '2 h ago, by VS Code when idle: 3 results, 3.1 GB, about 6 min to recompute',
      '3 h ago, after a run: 1 result, 1 MB, about 1 min and 0.42 to recompute',
    ],
  });
});

test('what another budget would have meant in money', () => {
  const larger = { size: 2e9, seconds: 840, amount: 4.2 };
  const smaller = { size: 0.6e9, seconds: 0.3, amount: 0.42 };
  const [room] = view([{ ...cache, figures: { ...figures, larger, smaller } }]).rooms;
  assert.deepEqual(room?.lines.slice(1), [
    '2 GB more would have saved 14 min and 4.20 in the last 7 days.',
    'A budget of 600 MB would have cost 0.42 in the last 7 days.',
  ]);
});

test('a cache that is over its budget, or has none, says so', () => {
  const setting = { value: 1e9, file: '/project/pyproject.toml', source: 'project' } as const;
  const [over] = view([{ ...cache, budget: { size: 1e9, setting, refusals: [] } }]).rooms;
  assert.equal(over?.over, true);
  assert.equal(over.share, 1);
  assert.match(over.lines[0] ?? '', /^Over its budget by 200 MB/);
  assert.equal(over.lines[1], 'The budget is set in pyproject.toml.');
  const none = { size: undefined, setting: undefined, refusals: [] };
  const [unlimited] = view([{ ...cache, budget: none }]).rooms;
  assert.equal(unlimited?.share, undefined);
  assert.equal(unlimited?.text, '1.2 GB, without a limit');
});

test('notebooks with their cells, what saved most first', () => {
  const { savers, money } = view([cache]);
  assert.equal(money, true);
  assert.deepEqual(
    savers.map(({ name, time, amount, hits, cells }) => [name, time, amount, hits, cells.length]),
    [
      ['b.py', '15 min', '', '5', 2],
      ['a.py', '10 min', '0.42', '1', 1],
      ['notebooks without a file', '1 s', '', '4', 1],
    ],
  );
});

test('nothing cached, Restricted Mode and an older format have words of their own', () => {
  assert.match(view([]).empty ?? '', /^Nothing is cached here yet/);
  // Beside the problem there is nothing to tell: no figures that are all zero.
  const broken = overviewView([], ['cache.db is damaged'], { ...viewpoint, trusted: true });
  assert.match(broken.empty ?? '', /once a cache can be read/);
  assert.match(view([cache], { trusted: false }).restricted ?? '', /^In Restricted Mode/);
  const older = { ...figures, cells: undefined, larger: undefined, smaller: undefined };
  const [room] = view([{ ...cache, figures: older }]).rooms;
  assert.match(room?.lines.at(-1) ?? '', /older format/);
});
