import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { cellTitle, entryView, tabTitle, tabTitles } from '../../../src/preview/entryView';
import type { Description } from '../../../src/preview/entryView';
import { problemOf, LostValue } from '../../../src/preview/problemOf';
import { DecodeError } from '../../../src/formats/DecodeError';
import type { CellSummary, Format, ItemSummary } from '../../../src/store/rows';
import { entrySummary } from './examples';

const reader = {
  locale: 'en',
  now: 1_700_007_300,
  nameOf: (notebook: string) => notebook.replace('/home/ada/', ''),
};

const item = (name: string, format: Format, typeHint?: string): ItemSummary => ({
  entryId: 1,
  key: `cell_cache/b3/${name}.${format}`,
  name,
  format,
  typeHint,
  digest: '00',
  size: 412_000,
  file: undefined,
  quarantined: false,
});

const cell: CellSummary = {
  cellId: 1,
  appId: 1,
  name: undefined,
  ordinal: 0,
  code: '\n# Reads the digits.\ndigits = load()\nreport = {}',
  defs: ['digits', 'report'],
  lastSeenAt: 0,
  retiredAt: undefined,
  entries: 1,
  size: 0,
  runtime: 0,
  pinned: 0,
  saves: 34,
  lastUsedAt: undefined,
  obsolete: false,
  again: false,
};

const description: Description = {
  app: {
    appId: 1,
    path: '../../digits.py',
    notebook: '/home/ada/digits.py',
    lastSeenAt: 0,
    lastUsedAt: undefined,
    cells: 1,
    entries: 1,
    size: 0,
    runtime: 0,
    saves: 34,
  },
  cell,
  entry: entrySummary({}),
  siblings: [entrySummary({})],
  items: [
    item('manifest', 'manifest'),
    item('return', 'arrow'),
    item('report', 'json', 'builtins.dict'),
    item('digits', 'arrow', 'pandas.core.frame.DataFrame'),
  ],
  checks: new Map([['cell_cache/b3/digits.arrow', { kind: 'verified' }]]),
  fate: { kind: 'present' },
  clearing: { kind: 'allowed' },
  bookmark: { database: 0, entryId: 1, hash: 'b3HXm6oX', createdAt: 1_700_000_000 },
  openCells: { orphaned: new Set(), returned: new Set(), earlier: new Set(), doubts: new Map() },
};

test('a notebook is told with its folder, or what stands for results without one', () => {
  const summaryOf = (notebook: string) => {
    const app = { ...description.app, notebook } as Description['app'];
    return entryView({ ...description, app }, reader).summary;
  };
  assert.match(summaryOf('/home/ada/2025/digits.py'), /^2025\/digits\.py, /);
  assert.match(summaryOf('/home/ada/__marimo__/imported'), /^imported from files of marimo, /);
});

test('an entry is told in words', () => {
  const view = entryView(description, reader);
  assert.equal(view.title, 'digits = load()');
  assert.equal(view.summary, 'digits.py, saves 34 s, 12.4 MB, 2 h ago');
  assert.deepEqual(
    view.badges.map(({ text }) => text),
    ['current'],
  );
  const facts = new Map(view.facts.map(({ label, text }) => [label, text]));
  assert.equal(facts.get('Notebook'), 'digits.py');
  assert.equal(facts.get('Hash'), 'b3HXm6oX');
  assert.equal(facts.get('Formats'), 'marimo manifest, Arrow, JSON');
  assert.equal(facts.get('Runtime'), '34 s');
  assert.equal(facts.get('Last hit'), 'never');
  assert.equal(facts.get('Found'), 'by content');
  assert.equal(facts.get('Made by'), 'marimo 0.25.2, Python 3.12.3');
  assert.equal(facts.get('Loader'), 'lazy');
});

test('of a function it is told which call the result is of, with all of its arguments', () => {
  const entryOf = (entryId: number, prompt: string) =>
    entrySummary({
      entryId,
      cacheName: 'ask',
      call: [
        { name: 'prompt', value: prompt },
        { name: 'model', value: "'small'" },
      ],
    });
  const long = `'Why is the sky blue?\\nSay it in ${'very '.repeat(40)}few words.'`;
  const entry = entryOf(1, long);
  const siblings = [entryOf(2, "'Who are you?'"), entry];
  const view = entryView({ ...description, entry, siblings }, reader);
  assert.equal(view.title, "ask('Why is the sky bl…')");
  assert.equal(tabTitle(view, true), view.title);
  assert.equal(view.summary, 'digits = load(), digits.py, saves 34 s, 12.4 MB, 2 h ago');
  const [prompt, model] = view.call;
  assert.match(prompt?.text ?? '', /^'Why is the sky blue\?\nSay it in very .* few words\.'$/);
  assert.deepEqual([prompt?.name, model], ['prompt', { name: 'model', text: "'small'" }]);
  assert.deepEqual(entryView(description, reader).call, []);
});

test('what a result cost is told beside the time that it saves', () => {
  const view = entryView({ ...description, entry: entrySummary({ amount: 0.42 }) }, reader);
  assert.equal(view.summary, 'digits.py, saves 34 s and 0.42, 12.4 MB, 2 h ago');
  assert.equal(view.facts.find(({ label }) => label === 'Cost')?.text, '0.42');
});

test('a cell that is gone is called as the view calls it', () => {
  const view = entryView({ ...description, cell: { ...cell, retiredAt: 1 } }, reader);
  assert.deepEqual(
    view.badges.map(({ text }) => text),
    ['orphaned'],
  );
  assert.equal(view.revealing, false);
  assert.equal(entryView(description, reader).revealing, true);
  // What only the editor has deleted can be revealed there no more.
  const openCells = { ...description.openCells, orphaned: new Set([cell.cellId]) };
  assert.equal(entryView({ ...description, openCells }, reader).revealing, false);
});

test('the result of a cell that makes controls is said to run each time, and saves nothing', () => {
  const entry = entrySummary({ again: true });
  const view = entryView({ ...description, entry }, reader);
  assert.deepEqual(
    view.badges.map(({ text }) => text),
    ['runs each time'],
  );
  assert.doesNotMatch(view.summary, /saves/);
});

test('what marimo does not read is called obsolete, as the view calls it, and saves nothing', () => {
  const entry = entrySummary({ obsolete: true, pinned: true });
  const view = entryView({ ...description, entry }, reader);
  assert.deepEqual(
    view.badges.map(({ text }) => text),
    ['obsolete', 'pinned'],
  );
  assert.equal(view.summary, 'digits.py, 12.4 MB, 2 h ago');
});

test('values stand in reading order, with what is known of their bytes', () => {
  const { values } = entryView(description, reader);
  assert.deepEqual(
    values.map(({ name, kind, check }) => [name, kind, check.kind]),
    [
      ['digits', 'DataFrame (Arrow)', 'verified'],
      ['report', 'dict (JSON)', 'unread'],
      ['output', 'Arrow', 'unread'],
      ['manifest', 'marimo manifest', 'unread'],
    ],
  );
});

test('what is not known is said to be so', () => {
  const entry = entrySummary({
    runtime: undefined,
    saves: undefined,
    versions: {},
    current: false,
    pinned: true,
  });
  const view = entryView({ ...description, app: undefined, entry }, reader);
  assert.equal(view.summary, '12.4 MB, 2 h ago');
  const facts = new Map(view.facts.map(({ label, text }) => [label, text]));
  assert.equal(facts.get('Notebook'), undefined);
  assert.equal(facts.get('Runtime'), 'not measured');
  assert.equal(facts.get('Made by'), 'unknown');
  assert.deepEqual(
    view.badges.map(({ text }) => text),
    ['outdated', 'pinned'],
  );
});

test('an entry is not called current when it was outdone or cleared', () => {
  const textsOf = (fate: Description['fate']): string[] =>
    entryView({ ...description, fate }, reader).badges.map(({ text }) => text);
  assert.deepEqual(textsOf({ kind: 'outdone' }), ['outdated']);
  assert.deepEqual(textsOf({ kind: 'cleared', newer: true }), []);
});

test('of the results of one cell, the tab tells which is not the current one', () => {
  const tab = (part: Partial<Description>, current: boolean): string =>
    tabTitle(entryView({ ...description, ...part }, reader), current);
  assert.equal(tab({}, true), 'digits = load()');
  assert.equal(tab({ fate: { kind: 'outdone' } }, false), 'digits = load() (outdated)');
  assert.equal(tab({ fate: { kind: 'cleared', newer: true } }, false), 'digits = load()');
  const cell = {
    ...description.cell,
    name: undefined,
    code: 'figure, axes = subplots(1, 10, figsize=(8, 1))',
  };
  assert.equal(
    tab({ cell, fate: { kind: 'outdone' } }, false),
    'figure, axes = subplots(1, 10, figsize=… (outdated)',
  );
});

test('tabs of the same title tell the notebooks that they are of, and others do not', () => {
  const tabs = [
    { title: 'load', notebook: 'north/report.py' },
    { title: 'load', notebook: 'south/report.py' },
    { title: 'fit', notebook: 'north/report.py' },
    { title: 'load', notebook: undefined },
  ];
  const told = ['load, north/report.py', 'load, south/report.py', 'fit', 'load'];
  assert.deepEqual(tabTitles(tabs), told);
  // Of one notebook it would tell nothing.
  assert.deepEqual(tabTitles([tabs[0], tabs[0]].flatMap((tab) => tab ?? [])), ['load', 'load']);
  assert.deepEqual(tabTitles(tabs.slice(1, 3)), ['load', 'fit']);
});

test('what the editor has changed, disabled or deleted is called so, and saves nothing', () => {
  const told = (openCells: Partial<Description['openCells']>, part: Partial<Description> = {}) => {
    const known = { ...description.openCells, ...openCells };
    const view = entryView({ ...description, ...part, openCells: known }, reader);
    return [...view.badges.map(({ text }) => text), view.summary];
  };
  const why = 'It does not run, since load, which it needs, is disabled.';
  const label = 'disabled upstream: load';
  const doubt = { state: 'disabled', outdated: false, label, reason: why } as const;
  const doubts = new Map([[1, doubt]]);
  const summary = 'digits.py, 12.4 MB, 2 h ago';
  assert.deepEqual(told({ doubts }), [label, summary]);
  const orphaned = new Set([1]);
  assert.deepEqual(told({ orphaned }), ['not in the editor', summary]);
  const retired = { cell: { ...cell, retiredAt: 1 } };
  assert.deepEqual(told({ orphaned }, retired), ['orphaned', summary]);
  assert.deepEqual(told({ doubts }, { fate: { kind: 'outdone' } }), ['outdated', summary]);
  const other = { doubts: new Map([[2, doubt]]) };
  assert.deepEqual(told(other), ['current', 'digits.py, saves 34 s, 12.4 MB, 2 h ago']);
  const openCells = { ...description.openCells, doubts };
  const [badge] = entryView({ ...description, openCells }, reader).badges;
  assert.equal(badge?.explanation, why);
});

test('a cell is called by its name, its first line of code, or by having none', () => {
  assert.equal(cellTitle({ name: 'load', code: 'x = 1' }), 'load');
  assert.equal(cellTitle({ name: undefined, code: '# only this' }), '# only this');
  assert.equal(cellTitle({ name: undefined, code: '  \n' }), '(no code)');
  assert.equal(cellTitle({ name: undefined, code: 'x'.repeat(99) }).length, 80);
});

test('a cell of Markdown is called by what it says first, as the kernel calls it', async () => {
  const file = path.resolve(import.meta.dirname, '..', '..', 'fixtures', 'titles.json');
  const cases = JSON.parse(await readFile(file, 'utf8')) as { code: string; title: string }[];
  for (const { code, title } of cases) assert.equal(cellTitle({ name: undefined, code }), title);
});

test('a problem says what happened, to which file, and the way out', () => {
  const lost = problemOf(new LostValue('missing', '/c/blobs/ab/ab.arrow'), '/c/cache.db');
  assert.deepEqual(
    [lost.message, lost.file],
    ['The file of this value is not there.', '/c/blobs/ab/ab.arrow'],
  );
  const damaged = problemOf(new DecodeError('damaged', 'The footer is cut short.'), '/c/x.arrow');
  assert.equal(damaged.message, 'The footer is cut short.');
  assert.equal(damaged.file, '/c/x.arrow');
  assert.equal(damaged.wayOut, lost.wayOut);
  const unforeseen = problemOf(new TypeError('x is not a function'), undefined);
  assert.match(unforeseen.message, /x is not a function/);
  assert.notEqual(unforeseen.wayOut, '');
});
