import assert from 'node:assert/strict';
import test from 'node:test';
import type { Doubt } from '../../../src/protocol/standing';
import { problemOf } from '../../../src/explorer/problems';
import { cellAmounts, cellLabel } from '../../../src/explorer/tree/cellRow';
import { rowOf } from '../../../src/explorer/tree/nodeRow';
import { amounts } from '../../../src/explorer/tree/savings';
import type { Node } from '../../../src/explorer/tree/nodes';
import { besideLabel, tooltipMarkdown } from '../../../src/explorer/tree/row';
import {
  app,
  appNode,
  cell,
  cellNode,
  changedHere,
  database,
  entry,
  entryNode,
  item,
  itemNode,
  reader,
} from './exampleNodes';

const shown: { name: string; node: Node; label: string; description: string; context: string }[] = [
  {
    name: 'a notebook',
    node: appNode,
    label: 'analysis.py',
    description: 'saves 34 s, 12.4 MB, 2 h ago',
    context: 'app',
  },
  {
    name: 'what was imported without a notebook',
    node: { ...appNode, exists: false, app: { ...app, path: '../../imported' } },
    label: 'imported from files of marimo',
    description: 'saves 34 s, 12.4 MB, 2 h ago',
    context: 'appGone',
  },
  {
    name: 'what kernels saved that were served',
    node: { ...appNode, exists: false, app: { ...app, path: '../../served' } },
    label: 'from kernels that were served',
    description: 'saves 34 s, 12.4 MB, 2 h ago',
    context: 'appGone',
  },
  {
    name: 'a notebook whose file is gone',
    node: { ...appNode, exists: false },
    label: 'analysis.py',
    description: 'the file is gone, saves 34 s, 12.4 MB, 2 h ago',
    context: 'appGone',
  },
  {
    name: 'a notebook beside another of its name',
    node: { ...appNode, place: 'deep/er/analysis.py', apart: 'deep/er' },
    label: 'analysis.py',
    description: 'deep/er, saves 34 s, 12.4 MB, 2 h ago',
    context: 'app',
  },
  {
    name: 'a cell',
    node: cellNode,
    label: 'load',
    description: 'saves 3.4 s, 640 kB, 5 min ago',
    context: 'cell',
  },
  {
    name: 'a pinned cell that nobody has used',
    node: { ...cellNode, cell: { ...cell, pinned: cell.entries, lastUsedAt: undefined } },
    label: 'load',
    description: 'saves 3.4 s, pinned, 640 kB',
    context: 'cellPinned',
  },
  {
    name: 'a cell of which one result is pinned',
    node: { ...cellNode, cell: { ...cell, pinned: 1, entries: 3 } },
    label: 'load',
    description: 'saves 3.4 s, 1 pinned, 640 kB, 5 min ago',
    context: 'cellPartlyPinned',
  },
  {
    name: 'a cell that makes controls',
    node: { ...cellNode, cell: { ...cell, again: true, saves: 0 } },
    label: 'load',
    description: 'runs each time, 640 kB, 5 min ago',
    context: 'cell',
  },
  {
    name: 'a cell that makes controls, and calls a cached function',
    node: { ...cellNode, cell: { ...cell, again: true } },
    label: 'load',
    description: 'runs each time, saves 3.4 s, 640 kB, 5 min ago',
    context: 'cell',
  },
  {
    name: 'a cell that took no time worth telling',
    node: { ...cellNode, cell: { ...cell, saves: 0.0004 } },
    label: 'load',
    description: '640 kB, 5 min ago',
    context: 'cell',
  },
  {
    name: 'a cell that only the editor lacks',
    node: { ...cellNode, orphaned: true },
    label: 'load',
    description: 'not in the editor, 640 kB, 5 min ago',
    context: 'cellRetired',
  },
  {
    name: 'a cell that is gone from the notebook',
    node: { ...cellNode, cell: { ...cell, retiredAt: 1 }, orphaned: true },
    label: 'load',
    description: 'orphaned, 640 kB, 5 min ago',
    context: 'cellRetired',
  },
  {
    name: 'a cell of which some is pinned, of a notebook whose file is gone',
    node: { ...cellNode, exists: false, cell: { ...cell, pinned: 1 } },
    label: 'load',
    description: 'saves 3.4 s, 1 pinned, 640 kB, 5 min ago',
    context: 'cellRetiredPartlyPinned',
  },
  {
    name: 'the current entry',
    node: entryNode,
    label: 'Result',
    description: 'current, saves 34 s, 12.4 MB, 2 h ago',
    context: 'entry',
  },
  {
    name: 'the current entry of a cell that makes controls',
    node: { ...entryNode, entry: { ...entry, again: true } },
    label: 'Result',
    description: 'runs each time, 12.4 MB, 2 h ago',
    context: 'entry',
  },
  {
    name: 'an outdated entry of a persistent cache, of unknown runtime',
    node: {
      ...entryNode,
      entry: {
        ...entry,
        cacheName: 'search',
        current: false,
        runtime: undefined,
        saves: undefined,
        pinned: true,
      },
    },
    label: 'search',
    description: 'outdated, pinned, 12.4 MB, 2 h ago',
    context: 'entryPinned',
  },
  {
    name: 'an entry that the marimo in use does not read',
    node: { ...entryNode, entry: { ...entry, obsolete: true } },
    label: 'Result',
    description: 'obsolete, 12.4 MB, 2 h ago',
    context: 'entry',
  },
  {
    name: 'an outdated entry, which the row of its cell does not count',
    node: { ...entryNode, entry: { ...entry, current: false } },
    label: 'Result',
    description: 'outdated, 12.4 MB, 2 h ago',
    context: 'entry',
  },
  {
    name: 'the last entry of a cell that only the editor lacks',
    node: { ...entryNode, orphaned: true },
    label: 'Result',
    description: 'not in the editor, 12.4 MB, 2 h ago',
    context: 'entryRetired',
  },
  {
    name: 'the last entry of a cell that is gone from the notebook',
    node: { ...entryNode, cell: { ...cell, retiredAt: 1 }, orphaned: true },
    label: 'Result',
    description: 'orphaned, 12.4 MB, 2 h ago',
    context: 'entryRetired',
  },
  {
    name: 'a value',
    node: itemNode,
    label: 'df',
    description: 'DataFrame, 12.4 MB',
    context: 'item',
  },
  {
    name: 'a value of a cell that is gone from the notebook',
    node: { ...itemNode, orphaned: true },
    label: 'df',
    description: 'DataFrame, 12.4 MB',
    context: 'itemRetired',
  },
  {
    name: 'the output, damaged and without a type',
    node: {
      ...itemNode,
      item: { ...item, name: 'return', typeHint: undefined, quarantined: true },
    },
    label: 'output',
    description: 'damaged, table, 12.4 MB',
    context: 'item',
  },
  {
    name: 'a database that cannot be read',
    node: { kind: 'problem', database, place: 'cache.db', problem: problemOf(new Error('no')) },
    label: 'This cache cannot be read',
    description: 'cache.db',
    context: 'problem',
  },
  {
    name: 'a damaged database that was set aside',
    node: {
      kind: 'setAside',
      aside: {
        path: `${database}.damaged-2026-01-01T10-00-00`,
        size: 12_400_000,
        at: reader.now - 7200,
      },
      replaced: true,
      place: 'cache.db.damaged',
    },
    label: 'A damaged cache was set aside',
    description: '12.4 MB, 2 h ago, cache.db.damaged',
    context: 'setAside',
  },
  {
    name: "marimo's own files",
    node: { kind: 'files', path: '/notebooks/b/__marimo__/cache', place: 'b' },
    label: 'marimo is caching here, but not through Cellar',
    description: 'b',
    context: 'files',
  },
  {
    name: 'a workspace folder',
    node: { kind: 'folder', name: 'work', path: '/project' },
    label: 'work',
    description: '',
    context: 'folder',
  },
];

for (const { name, node, label, description, context } of shown) {
  test(`how ${name} is shown`, () => {
    const row = rowOf(node, reader);
    assert.deepEqual(
      { label: row.label, description: row.description, context: row.context },
      { label, description, context },
    );
    assert.ok(row.spoken.includes(label) || node.kind === 'files', 'a screen reader names it');
  });
}

test('a list to choose from says what is saved, money too, before the size, as the rows do', () => {
  assert.equal(amounts({ size: 2000, saves: 34, amount: 0.42 }, 'en'), 'saves 34 s and 0.42, 2 kB');
  assert.equal(amounts({ size: 2000, saves: 34 }, 'en'), 'saves 34 s, 2 kB');
  assert.equal(amounts({ size: 2000, saves: 0, amount: 0.42 }, 'en'), 'saves 0.42, 2 kB');
  assert.equal(amounts({ size: 2000, saves: undefined }, 'en'), '2 kB');
  const nothing = {
    orphaned: new Set<number>(),
    returned: new Set<number>(),
    earlier: new Set<number>(),
    doubts: new Map<number, Doubt>(),
  };
  assert.equal(cellAmounts(cell, nothing, 'en'), 'saves 3.4 s, 640 kB');
  assert.equal(cellAmounts({ ...cell, again: true }, nothing, 'en'), 'saves 3.4 s, 640 kB');
  const { cellId } = cell;
  assert.equal(cellAmounts(cell, { ...nothing, orphaned: new Set([cellId]) }, 'en'), '640 kB');
  const doubts = new Map([[cellId, changedHere]]);
  assert.equal(cellAmounts(cell, { ...nothing, doubts }, 'en'), '640 kB');
  assert.equal(cellAmounts({ ...cell, again: true }, { ...nothing, doubts }, 'en'), '640 kB');
  assert.equal(cellAmounts({ ...cell, retiredAt: 1 }, nothing, 'en'), '640 kB');
  assert.equal(cellAmounts({ ...cell, obsolete: true }, nothing, 'en'), '640 kB');
});

test('of a cell whose results are pinned in part the tooltip says how many', () => {
  const lines = (pinned: number) =>
    rowOf({ ...cellNode, cell: { ...cell, pinned, entries: 3 } }, reader).tooltip.lines.filter(
      (line) => line.includes('pinned'),
    );
  assert.deepEqual([0, 1, 2, 3].map(lines), [
    [],
    ['1 of 3 results is pinned.'],
    ['2 of 3 results are pinned.'],
    [],
  ]);
});

test('thousands of cells and results are counted in groups', () => {
  const linesOf = (node: Node) => rowOf(node, reader).tooltip.lines.join('\n');
  assert.match(linesOf({ ...appNode, app: { ...app, cells: 1234 } }), /^1,234 cells are cached, /m);
  const many = { ...cellNode, cell: { ...cell, pinned: 1000, entries: 2000 } };
  assert.match(linesOf(many), /^2,000 results are kept, /m);
  assert.match(linesOf(many), /^1,000 of 2,000 results are pinned\.$/m);
  assert.match(rowOf(many, reader).description, /1,000 pinned/);
});

test('a row says what stands at the cell in the editor, and tells of no saving then', () => {
  const { label, reason } = changedHere;
  const row = rowOf({ ...cellNode, doubt: changedHere }, reader);
  assert.equal(row.description, `${label}, 640 kB, 5 min ago`);
  assert.ok(row.tooltip.lines.includes(reason));
  assert.doesNotMatch([row.spoken, ...row.tooltip.lines].join(' '), /saves?\b/);
  assert.notEqual(row.icon.name, rowOf(cellNode, reader).icon.name);
  const result = rowOf({ ...entryNode, doubt: changedHere }, reader);
  assert.equal(result.description, `${label}, 12.4 MB, 2 h ago`);
  assert.ok(result.tooltip.lines.includes(reason));
  assert.notDeepEqual(result.icon, rowOf(entryNode, reader).icon);
  // What is pinned is still seen to be, and what another marimo saved has one word.
  const pinned = { ...cell, pinned: cell.entries, obsolete: true };
  const both = rowOf({ ...cellNode, cell: pinned, doubt: changedHere }, reader);
  assert.equal(both.description, `${label}, pinned, 640 kB, 5 min ago`);
  assert.equal(both.icon.name, 'pinned');
});

test('what would not be served whatever stands in the editor says that', () => {
  const retired = { ...cell, retiredAt: 1 };
  const gone = rowOf({ ...cellNode, cell: retired, doubt: changedHere, orphaned: true }, reader);
  assert.match(gone.description, /^orphaned, /);
  const outdated = { ...entry, current: false };
  const older = rowOf({ ...entryNode, doubt: changedHere, entry: outdated }, reader);
  assert.match(older.description, /^outdated, /);
});

test('what is orphaned or obsolete says so in its tooltip, too, and looks like nothing else', () => {
  const retired = { ...cell, retiredAt: 1 };
  const orphaned = rowOf({ ...cellNode, cell: retired, orphaned: true }, reader);
  assert.match(orphaned.tooltip.lines.join(' '), /orphaned\. They are served if it comes back/);
  assert.notEqual(orphaned.icon.name, rowOf(cellNode, reader).icon.name);
  const obsolete = rowOf({ ...entryNode, entry: { ...entry, obsolete: true } }, reader);
  assert.match(obsolete.tooltip.lines.join(' '), /Another version of marimo saved it/);
  const others = [entry, { ...entry, current: false }].map((each) =>
    rowOf({ ...entryNode, entry: each }, reader),
  );
  for (const { icon } of others) assert.notEqual(obsolete.icon.name, icon.name);
});

test('current and outdated entries are told apart by icon and colour', () => {
  const current = rowOf(entryNode, reader).icon;
  const outdated = rowOf({ ...entryNode, entry: { ...entry, current: false } }, reader).icon;
  assert.notEqual(current.name, outdated.name);
  assert.notEqual(current.color, outdated.color);
});

test('what cost money says so, where the time is', () => {
  const paid = { ...cell, amount: 0.42 };
  const costly = rowOf({ ...cellNode, cell: paid }, reader);
  assert.match(costly.description, /saves 3\.4 s and 0\.42/);
  assert.ok(costly.tooltip.lines.includes('Its current results save 3.4 s and 0.42.'));
  const untimed = { ...entry, runtime: undefined, saves: undefined, amount: 0.42 };
  const row = rowOf({ ...entryNode, entry: untimed }, reader);
  assert.match(row.description, /saves 0\.42/);
  assert.ok(row.tooltip.lines.includes('Cost 0.42, to be paid again without it.'));
  assert.doesNotMatch(rowOf(cellNode, reader).description, / and /);
});

test('a cell without a name is called by its first line of code', () => {
  const labelOf = (code: string) => cellLabel({ name: undefined, code });
  assert.equal(labelOf('\n  # why\n  df = read()\n  df'), 'df = read()');
  assert.equal(labelOf('# only a comment'), '# only a comment');
  assert.equal(labelOf('  \n'), '(no code)');
  const long = labelOf(`x = "${'y'.repeat(200)}"`);
  assert.equal(long.length, 80);
  assert.ok(long.endsWith('…'));
});

test('a line of code leaves room in its row for what the cell saves, a name is never cut', () => {
  const code = 'candidates = pd.DataFrame(search.cv_results_)';
  const row = rowOf({ ...cellNode, cell: { ...cell, name: undefined, code } }, reader);
  assert.equal(row.label, 'candidates = pd…');
  // All of it to those who hear the row, and who point at it.
  assert.ok(row.spoken.startsWith(code));
  assert.equal(row.tooltip.title, code);
  const name = 'a_function_with_a_name_longer_than_that';
  assert.equal(rowOf({ ...cellNode, cell: { ...cell, name, code } }, reader).label, name);
});

test('a result of a function is called by its call, all of which is in the tooltip', () => {
  const prompt = { name: 'prompt', value: `'Why *is* [it](x)?${'y'.repeat(300)}'` };
  const call = [prompt, { name: 'model', value: "'small'" }];
  const asked = { ...entry, cacheName: 'ask', call };
  const row = rowOf({ ...entryNode, entry: asked, called: "ask('Why…')" }, reader);
  assert.equal(row.label, "ask('Why…')");
  assert.equal(row.description, 'saves 34 s, 12.4 MB, 2 h ago');
  assert.ok(row.spoken.startsWith(`${row.label}, current, ${row.description}, prompt='Why *is*`));
  assert.ok(row.spoken.endsWith(", model='small'"));
  assert.equal(row.tooltip.title, 'ask');
  const [first, second] = row.tooltip.lines;
  assert.equal(Array.from(first ?? '').length, 200);
  assert.equal(second, "model='small'");
  assert.match(tooltipMarkdown(row.tooltip), /prompt\\=\\'Why \\\*is\\\* \\\[it\\\]\\\(x\\\)/);
  // Of what was saved before the calls were.
  const old = rowOf({ ...entryNode, entry: { ...entry, cacheName: 'ask' } }, reader);
  assert.deepEqual([old.label, old.tooltip.title], ['ask', 'ask']);
  assert.equal(old.spoken, `${old.label}, ${old.description}`);
});

test('a number beside a name in right-to-left letters is kept behind it', () => {
  const beside = (label: string) => besideLabel({ label, description: '426 bytes' });
  for (const label of ['\u05e9\u05dc\u05d5\u05dd', "ask('\u0645\u0631\u062d\u0628\u0627')"]) {
    assert.equal(beside(label), '\u200e426 bytes');
  }
  for (const label of ['load', 'größe', '数据', '😀']) assert.equal(beside(label), '426 bytes');
});

test('a name with markup in it stays text', () => {
  const row = rowOf({ ...cellNode, cell: { ...cell, name: '<b>$(trash) [x](y)' } }, reader);
  assert.equal(row.label, '<b>$(trash) [x](y)');
});

test('lines of a tooltip end between words, and markup in them stays text', () => {
  const lines = ['a [link](x) and <b> in /a folder/cache.db'];
  assert.equal(
    tooltipMarkdown({ title: 'a *b*', lines }),
    '**a \\*b\\***  \na \\[link\\]\\(x\\) and \\<b\\> in \\/a folder\\/cache\\.db',
  );
});

test('no saving is told where there is none worth a word', () => {
  for (const node of [
    { ...appNode, app: { ...app, saves: 0 } },
    { ...cellNode, cell: { ...cell, saves: 0.0004 } },
  ] as const) {
    const { description, tooltip } = rowOf(node, reader);
    assert.doesNotMatch([description, ...tooltip.lines].join(), /save/);
  }
});

test('of a cell that is missing in an editor alone it is not said that the notebook lost it', () => {
  const lines = (retiredAt: number | undefined) =>
    [cellNode, entryNode].map((node) => {
      const lost = { ...node, cell: { ...cell, retiredAt }, orphaned: true };
      return rowOf(lost, reader).tooltip.lines.join('\n');
    });
  const [ofCell = '', ofEntry = ''] = lines(undefined);
  assert.match(ofCell, /The notebook in the editor does not have this cell/);
  assert.match(ofEntry, /The notebook in the editor does not have its cell/);
  const [ofRetired = '', ofItsEntry = ''] = lines(1);
  assert.match(ofRetired, /This cell is no longer in the notebook/);
  assert.match(ofItsEntry, /Its cell is no longer in the notebook/);
});

test('what the state of random numbers is kept for stands in its tooltip', () => {
  const lines = (name: string) =>
    rowOf({ ...itemNode, item: { ...item, name } }, reader).tooltip.lines.join('\n');
  assert.match(lines('random state'), /random numbers go on/);
  assert.doesNotMatch(lines('df'), /random/);
});
