import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import { SavedNotebook } from '../../../src/notebook/freshness';
import { normalise } from '../../../src/notebook/normalise';
import type { CurrentCell, StoredEntry, StoredNotebook } from '../../../src/notebook/stored';

const digest = (text: string) => createHash('sha256').update(text).digest('hex');
const codeDigest = (code: string) => digest(normalise(code));

interface Source {
  readonly code: string;
  readonly name?: string;
  readonly defs?: readonly string[];
  /** Places of the cells that it depends on, all before it. */
  readonly parents?: readonly number[];
  readonly disabled?: boolean;
}

const entryOf = (entry: Pick<StoredEntry, 'entryId' | 'cellId' | 'node'>): StoredEntry => ({
  ...entry,
  usedAt: 1000,
  whole: true,
  readable: true,
});

/** What a kernel records when it runs these cells in order: cell ids from 1, entry ids from 101. */
function record(sources: readonly Source[]): StoredNotebook {
  const nodes: StoredNotebook['nodes'][number][] = [];
  for (const [index, { code, parents = [] }] of sources.entries()) {
    const above = parents.map((place) => nodes[place]?.node ?? '').sort();
    const node = digest(codeDigest(code) + above.join(''));
    nodes.push({ node, cellId: index + 1, codeDigest: codeDigest(code), parents: above });
  }
  return {
    cells: sources.map(({ code, name, defs = [] }, index) => ({
      cellId: index + 1,
      name,
      code,
      defs,
      retired: false,
    })),
    nodes,
    entries: nodes.map(({ node, cellId }) => entryOf({ entryId: 100 + cellId, cellId, node })),
    refusals: [],
  };
}

const current = (sources: readonly Source[]): CurrentCell[] =>
  sources.map(({ code, name, defs = [], disabled = false }) => ({
    name,
    disabled,
    code: normalise(code),
    defs,
    digest: codeDigest(code),
  }));

const judge = (document: readonly Source[], stored: StoredNotebook) =>
  new SavedNotebook(stored).judge(current(document)).cells;

const load: Source = { code: 'df = load(1)', name: 'load', defs: ['df'] };
const clean: Source = { code: 'clean = df + 1', defs: ['clean'], parents: [0] };
const plot: Source = { code: 'plot(clean)', parents: [1] };
const other: Source = { code: 'z = 1', defs: ['z'] };
const saved = [load, clean, plot, other];

/** The record, with one of its entries made different. */
const withEntry = (cellId: number, different: Partial<StoredEntry>): StoredNotebook => ({
  ...record(saved),
  entries: record(saved).entries.map((entry) =>
    entry.cellId === cellId ? { ...entry, ...different } : entry,
  ),
});

/** The record, with a cell whose last run left what cannot be kept. */
const withRefusal = (
  cellId: number,
  lasting = false,
  lacking?: readonly string[],
): StoredNotebook => ({
  ...record(saved),
  entries: record(saved).entries.filter((entry) => lasting || entry.cellId !== cellId),
  refusals: [{ cellId, at: 2000, lasting, lacking }],
});

const table: readonly {
  readonly name: string;
  readonly document: readonly Source[];
  readonly stored?: StoredNotebook;
  /** The state of each cell, with the place of the changed ancestor. */
  readonly expect: readonly string[];
}[] = [
  { name: 'as saved', document: saved, expect: ['fresh', 'fresh', 'fresh', 'fresh'] },
  {
    name: 'comments and layout',
    document: [{ ...load, code: '# why\ndf = load(\n  1 )' }, clean, plot, other],
    expect: ['fresh', 'fresh', 'fresh', 'fresh'],
  },
  {
    name: 'reordered',
    document: [other, plot, clean, load],
    expect: ['fresh', 'fresh', 'fresh', 'fresh'],
  },
  {
    name: 'a root changed',
    document: [{ ...load, code: 'df = load(2)' }, clean, plot, other],
    expect: ['changedHere', 'changedUpstream 0', 'changedUpstream 0', 'fresh'],
  },
  {
    name: 'a cell between changed: the nearest is named',
    document: [{ ...load, code: 'df = load(2)' }, { ...clean, code: 'clean = df' }, plot, other],
    expect: ['changedHere', 'changedHere', 'changedUpstream 1', 'fresh'],
  },
  {
    name: 'a root renamed and moved',
    document: [clean, { ...load, name: 'read' }, plot, other],
    expect: ['fresh', 'fresh', 'fresh', 'fresh'],
  },
  {
    name: 'a root is gone',
    document: [clean, plot, other],
    expect: ['changedUpstream gone load', 'changedUpstream gone load', 'fresh'],
  },
  {
    name: 'a new cell',
    document: [...saved, { code: 'print(z)' }],
    expect: ['fresh', 'fresh', 'fresh', 'fresh', 'neverCached'],
  },
  {
    name: 'a new cell defines a name that one uses, and those below it depend on it',
    document: [...saved, { code: 'load = open', defs: ['load'] }],
    expect: ['changedUpstream 4', 'changedUpstream 4', 'changedUpstream 4', 'fresh', 'neverCached'],
  },
  {
    name: 'a new cell defines what nobody uses',
    document: [{ code: 'w = 1', defs: ['w'] }, ...saved],
    expect: ['neverCached', 'fresh', 'fresh', 'fresh', 'fresh'],
  },
  {
    name: 'an edited cell defines one name more, that another uses',
    document: [load, clean, plot, { code: 'z = plot = 1', defs: ['z', 'plot'] }],
    expect: ['fresh', 'fresh', 'changedUpstream 3', 'changedHere'],
  },
  {
    name: 'two cells define a name: which of them marimo would run, nobody can tell',
    document: [...saved, { code: 'df = load(2)', defs: ['df'] }],
    expect: ['changedUpstream 4', 'changedUpstream 4', 'changedUpstream 4', 'fresh', 'neverCached'],
  },
  {
    name: 'a deleted cell that comes back is the parent that it was',
    document: saved,
    stored: {
      ...record(saved),
      cells: record(saved).cells.map((cell) => ({ ...cell, retired: cell.cellId === 1 })),
    },
    expect: ['fresh', 'fresh', 'fresh', 'fresh'],
  },
  {
    name: 'nothing recorded',
    document: saved,
    stored: record([]),
    expect: saved.map(() => 'neverCached'),
  },
  {
    name: 'a cell that is known but holds no result',
    document: saved,
    stored: { ...record(saved), entries: [] },
    expect: saved.map(() => 'neverCached'),
  },
  {
    name: 'results without a record of their code',
    document: saved,
    stored: {
      ...record(saved),
      entries: record(saved).entries.map((entry) => ({ ...entry, node: undefined })),
    },
    expect: saved.map(() => 'unknown'),
  },
  {
    name: 'a gap in the record',
    document: saved,
    stored: { ...record(saved), nodes: record(saved).nodes.filter(({ cellId }) => cellId !== 1) },
    expect: ['unknown', 'unknown', 'unknown', 'fresh'],
  },
  {
    name: 'a cell that left no result is not cacheable as long as it stands so',
    document: saved,
    stored: withRefusal(2),
    expect: ['fresh', 'notCacheable', 'fresh', 'fresh'],
  },
  {
    name: 'whether its edited code leaves one, nobody knows',
    document: [load, { ...clean, code: 'clean = df + 2' }, plot, other],
    stored: withRefusal(2),
    expect: ['fresh', 'neverCached', 'changedUpstream 1', 'fresh'],
  },
  {
    name: 'what is kept of UI elements does not spare their cell its run',
    document: saved,
    stored: withRefusal(2, true),
    expect: ['fresh', 'notCacheable', 'fresh', 'fresh'],
  },
  {
    name: 'a result that lacks a value serves where no other cell uses that',
    document: saved,
    stored: withRefusal(2, true, ['handle']),
    expect: ['fresh', 'fresh', 'fresh', 'fresh'],
  },
  {
    name: 'one that lacks what another cell uses does not',
    document: saved,
    stored: withRefusal(2, true, ['handle', 'clean']),
    expect: ['fresh', 'notCacheable', 'fresh', 'fresh'],
  },
  {
    name: 'what it lacks is used since an edit',
    document: [load, clean, plot, { ...other, code: 'print(handle)' }],
    stored: withRefusal(2, true, ['handle']),
    expect: ['fresh', 'notCacheable', 'fresh', 'changedHere'],
  },
  {
    name: 'a result that the marimo in use does not read',
    document: saved,
    stored: withEntry(2, { readable: false }),
    expect: ['fresh', 'obsolete', 'fresh', 'fresh'],
  },
  {
    name: 'of code that is changed, the format of its result is the lesser matter',
    document: [load, { ...clean, code: 'clean = df + 2' }, plot, other],
    stored: withEntry(2, { readable: false }),
    expect: ['fresh', 'changedHere', 'changedUpstream 1', 'fresh'],
  },
  {
    name: 'a block of a cell that is not cached as a whole',
    document: saved,
    stored: withEntry(2, { whole: false }),
    expect: ['fresh', 'fresh', 'fresh', 'fresh'],
  },
  {
    name: 'a block that is as saved, in a cell that is not',
    document: saved,
    stored: {
      ...record(saved),
      entries: [
        ...withEntry(2, { whole: false }).entries,
        entryOf({ entryId: 200, cellId: 2, node: record([clean]).nodes[0]?.node }),
      ],
      nodes: [
        ...record(saved).nodes,
        ...record([clean]).nodes.map((node) => ({ ...node, parents: ['gone'] })),
      ],
    },
    expect: ['fresh', 'unknown', 'fresh', 'fresh'],
  },
];

/** A cell that fits what another one makes, and one that predicts by it. */
const model: Source = { code: 'model = Ridge()', defs: ['model'] };
const fit: Source = { code: 'model.fit(z)', parents: [0, 1] };
const predict: Source = { code: 'model.predict(0)', parents: [0] };
const fitted = [model, other, fit, predict, load];
const ofFitted: StoredNotebook = {
  ...record(fitted),
  entries: record(fitted).entries.filter(({ cellId }) => cellId !== 3),
  refusals: [{ cellId: 3, at: 2000, lasting: true, changes: ['model'] }],
};

const beside: typeof table = [
  {
    name: 'what another cell changed counts as long as that is as it was',
    document: fitted,
    expect: ['fresh', 'fresh', 'notCacheable', 'fresh', 'fresh'],
  },
  {
    name: 'what another cell changed is computed anew once that is edited',
    document: [model, other, { ...fit, code: 'model.fit(z, 2)' }, predict, load],
    expect: ['fresh', 'fresh', 'neverCached', 'changedUpstream 2', 'fresh'],
  },
  {
    name: 'what another cell changed is computed anew once what that one reads is edited',
    document: [model, { ...other, code: 'z = 2' }, fit, predict, load],
    expect: ['fresh', 'changedHere', 'notCacheable', 'changedUpstream 1', 'fresh'],
  },
  {
    name: 'what another cell changes later does not count',
    document: [model, other, predict, { ...fit, code: 'model.fit(z, 2)' }, load],
    expect: ['fresh', 'fresh', 'fresh', 'neverCached', 'fresh'],
  },
].map((each) => ({ ...each, stored: ofFitted }));

for (const { name, document, stored = record(saved), expect } of [...table, ...beside]) {
  test(`freshness: ${name}`, () => {
    const judgements = judge(document, stored);
    assert.deepEqual(
      judgements.map((judgement) => {
        if (judgement.state !== 'changedUpstream') return judgement.state;
        const { index, name = '' } = judgement.changed;
        return `changedUpstream ${index ?? `gone ${name}`}`;
      }),
      expect,
    );
  });
}

test('freshness: the result that fits is found among later ones', () => {
  const before = record([load, clean]);
  const after = record([{ ...load, code: 'df = load(2)' }, clean]);
  const stored: StoredNotebook = {
    cells: after.cells,
    nodes: [...before.nodes, ...after.nodes],
    entries: [
      ...after.entries.map((entry) => ({ ...entry, entryId: entry.entryId + 100 })),
      ...before.entries,
    ],
    refusals: [],
  };
  const entries = (document: readonly Source[]) =>
    judge(document, stored).map((judgement) => [
      judgement.state,
      'entry' in judgement ? judgement.entry?.entryId : undefined,
    ]);
  assert.deepEqual(entries([load, clean]), [
    ['fresh', 101],
    ['fresh', 102],
  ]);
  assert.deepEqual(entries([{ ...load, code: 'df = load(2)' }, clean]), [
    ['fresh', 201],
    ['fresh', 202],
  ]);
});

test('freshness: results of cells that are gone are orphaned, and of no other', () => {
  const orphaned = (document: readonly Source[]) =>
    new SavedNotebook(record(saved)).judge(current(document)).orphaned;
  assert.deepEqual(orphaned(saved), []);
  assert.deepEqual(orphaned([{ ...load, code: 'df = load(2)' }, plot]), [2, 4]);
});

test('freshness: a cell that the last run did not find has returned if it is in the document', () => {
  const gone = record(saved);
  const stored = {
    ...gone,
    cells: gone.cells.map((cell) => ({ ...cell, retired: cell.cellId > 2 })),
  };
  const judged = new SavedNotebook(stored).judge(current([load, clean, plot]));
  assert.deepEqual(judged.returned, [3]);
  assert.deepEqual(judged.orphaned, [4]);
  assert.deepEqual(
    judged.cells.map(({ state }) => state),
    ['fresh', 'fresh', 'fresh'],
  );
  assert.deepEqual(new SavedNotebook(gone).judge(current(saved)).returned, []);
});

test('freshness: what was changed back stands by its earlier result, as after a checkout', () => {
  const main = record(saved);
  const branch = record([{ ...load, code: 'df = load(2)' }, clean, plot, other]);
  const entries = branch.entries.map((entry) => ({ ...entry, entryId: entry.entryId + 100 }));
  const nodes = [...main.nodes, ...branch.nodes];
  // What the branch ran was used last.
  const both = { ...main, nodes, entries: [...entries.slice(0, 3), ...main.entries] };
  const earlier = (document: readonly Source[]) =>
    new SavedNotebook(both).judge(current(document)).earlier.map(({ entryId }) => entryId);
  assert.deepEqual(earlier(saved), [101, 102, 103]);
  assert.deepEqual(earlier([{ ...load, code: 'df = load(2)' }, clean, plot, other]), []);
  assert.deepEqual(earlier([{ ...load, code: 'df = load(3)' }, clean, plot, other]), []);
});

test('freshness: what failed is not fresh by an older result while all is as it failed', () => {
  const asks: Source = { code: 'print(z + y)', parents: [0] };
  const y: Source = { code: 'y = 1', defs: ['y'] };
  const failing: Source = { code: 'y = None', defs: ['y'] };
  const stored: StoredNotebook = {
    ...record([y, asks]),
    refusals: [{ cellId: 2, at: 2000, lasting: false }],
  };
  const states = (document: readonly Source[], kept: StoredNotebook) =>
    judge(document, kept).map(({ state }) => state);
  // `z` is new and the kernel has seen it: nothing on the page speaks against the result but this.
  assert.deepEqual(states([y, asks], stored), ['fresh', 'notCacheable']);
  // It failed because of another `y`, which has been taken back.
  const cells = record([failing, asks]).cells;
  assert.deepEqual(states([y, asks], { ...stored, cells }), ['fresh', 'fresh']);
  assert.deepEqual(states([failing, asks], { ...stored, cells }), ['changedHere', 'notCacheable']);
});

test('freshness: what failed may not fail again once anything above it was edited', () => {
  const cleaned = { ...clean, code: 'clean = df + 2' };
  const stored: StoredNotebook = {
    ...record(saved),
    // As the kernel saw it when `plot` failed.
    cells: record([load, cleaned, plot, other]).cells,
    refusals: [{ cellId: 3, at: 2000, lasting: false }],
  };
  const states = (document: readonly Source[]) => judge(document, stored).map(({ state }) => state);
  assert.equal(states([load, cleaned, plot, other])[2], 'notCacheable');
  // Beyond the nearest cell that is not as it was saved.
  assert.equal(
    states([{ ...load, code: 'df = load(2)' }, cleaned, plot, other])[2],
    'changedUpstream',
  );
});

test('freshness: what failed before it had any result may not fail again once a helper is mended', () => {
  const helper: Source = { code: 'def halve(n):\n    return n / 0', defs: ['halve'] };
  const middle: Source = { code: 'def twice(n):\n    return halve(n)', defs: ['twice'] };
  const asks: Source = { code: 'answer = twice(2)', defs: ['answer'] };
  const stored: StoredNotebook = {
    ...record([helper, middle, asks, other]),
    entries: [],
    refusals: [{ cellId: 3, at: 2000, lasting: false }],
  };
  const stateOf = (document: readonly Source[], kept = stored) => judge(document, kept)[2]?.state;
  const mended = { ...helper, code: 'def halve(n):\n    return n / 2' };
  assert.equal(stateOf([helper, middle, asks, other]), 'notCacheable');
  assert.equal(stateOf([mended, middle, asks, other]), 'neverCached');
  // What it does not need makes no difference, nor does a helper to what a cell makes itself.
  assert.equal(stateOf([helper, middle, asks, { ...other, code: 'z = 2' }]), 'notCacheable');
  const lasting = { ...stored, refusals: [{ cellId: 3, at: 2000, lasting: true }] };
  assert.equal(stateOf([mended, middle, asks, other], lasting), 'notCacheable');
});

test('freshness: a disabled cell is not served, nor is what depends on it', () => {
  const off = { ...load, disabled: true };
  const states = (document: readonly Source[], stored = record(saved)) =>
    judge(document, stored).map((judgement) =>
      judgement.state === 'disabled' ? ['disabled', judgement.by] : [judgement.state],
    );
  const all = [['disabled', undefined], ['disabled', 0], ['disabled', 0], ['fresh']];
  assert.deepEqual(states([off, clean, plot, other]), all);
  assert.deepEqual(states([other, { ...clean, disabled: true }, plot, load]), [
    ['fresh'],
    ['disabled', undefined],
    ['disabled', 1],
    ['fresh'],
  ]);
  // Also where the disabled cell was edited, or what failed once depends on it.
  assert.deepEqual(states([{ ...off, code: 'df = load(2)' }, clean, plot, other]), all);
  const failed = { ...record(saved), refusals: [{ cellId: 3, at: 2000, lasting: true }] };
  assert.deepEqual(states([off, clean, plot, other], failed), all);
  // What is kept for it can be looked at all the same; of a new cell nothing is.
  const [first] = judge([off], record(saved));
  assert.equal(first?.state === 'disabled' && first.entry?.entryId, 101);
  assert.deepEqual(states([{ code: 'new()', disabled: true }]), [['disabled', undefined]]);
});

test('freshness: nor is what was edited, or never ran, below a disabled cell', () => {
  const off = { ...load, disabled: true };
  const edited = (code: string, document: readonly Source[] = []) =>
    judge([off, { ...clean, code }, plot, other, ...document], record(saved)).map((judgement) =>
      judgement.state === 'disabled' ? ['disabled', judgement.by] : [judgement.state],
    );
  const all = [['disabled', undefined], ['disabled', 0], ['disabled', 0], ['fresh']];
  assert.deepEqual(edited('clean = df + 2'), all);
  assert.deepEqual(edited('clean = f"{df}"'), all);
  assert.deepEqual(edited('clean = df.df(df=df)'), all);
  // What is new, and needs it through what was edited.
  const late = [{ code: 'late = clean * 2', defs: ['late'] }, { code: 'print(late)' }];
  assert.deepEqual(edited('clean = df + 2', late), [...all, ['disabled', 0], ['disabled', 0]]);
  // What has the name for something else does not need the cell.
  for (const code of ['clean = z.df', 'clean = plot(df=3)', 'clean = df_ + xdf']) {
    assert.deepEqual(edited(code)[1], ['changedHere'], code);
  }
});

test('freshness: equal cells stand for each other', () => {
  const twice = [{ code: 'print(1)' }, { code: 'print(1)' }];
  const judgements = judge([{ code: 'print(1)' }], record(twice));
  assert.deepEqual(
    judgements.map(({ state, cellId }) => [state, cellId]),
    [['fresh', 1]],
  );
});

test('freshness: a record that goes in circles, as only a forger makes, ends', () => {
  const digestOfOne = codeDigest('a = 1');
  const stored: StoredNotebook = {
    cells: [{ cellId: 1, name: undefined, code: 'a = 1', defs: ['a'], retired: false }],
    nodes: [{ node: 'n', cellId: 1, codeDigest: digestOfOne, parents: ['n', 'n'] }],
    entries: [entryOf({ entryId: 1, cellId: 1, node: 'n' })],
    refusals: [],
  };
  assert.equal(judge([{ code: 'a = 1' }], stored)[0]?.state, 'fresh');
});

test('freshness: of several ways to a change the shortest names it', () => {
  const sources: Source[] = [
    { code: 'a = 1', name: 'a', defs: ['a'] },
    { code: 'b = a', name: 'b', defs: ['b'], parents: [0] },
    { code: 'c = b', name: 'c', defs: ['c'], parents: [1] },
    { code: 'd = 1', name: 'd', defs: ['d'] },
    { code: 'e = c + d', name: 'e', defs: ['e'], parents: [2, 3] },
  ];
  const edited = sources.map((source) =>
    source.name === 'a' || source.name === 'd' ? { ...source, code: `${source.code}0` } : source,
  );
  const judgement = judge(edited, record(sources))[4];
  assert.equal(judgement?.state === 'changedUpstream' && judgement.changed.name, 'd');
});

test('freshness: a long chain of cells is no deep recursion', () => {
  const chain = Array.from({ length: 3000 }, (_, index) => ({
    code: `x${index} = ${index}`,
    defs: [`x${index}`],
    parents: index === 0 ? [] : [index - 1],
  }));
  const states = judge(chain, record(chain)).map(({ state }) => state);
  assert.deepEqual(new Set(states), new Set(['fresh']));
});
