import assert from 'node:assert/strict';
import test from 'node:test';
import type { TreeNode } from '../../../src/protocol/pages';
import { MAX_TREE_MEMBERS } from '../../../src/formats/limits';
import { as, CountingSource, fixture, pageOf } from './fixtures';

/** The tree as lines, each indented by its level. */
function lines({ key, type, text, children = [] }: TreeNode, indent = ''): string[] {
  const label = key === '' ? '' : `${key}: `;
  return [
    `${indent}${label}${type} ${text}`,
    ...children.flatMap((child) => lines(child, `${indent}  `)),
  ];
}

async function treeOf(name: string): Promise<string[]> {
  const page = as('pickle', await pageOf(fixture(`objects/${name}.pickle`), 'pickle'));
  assert.ok(page.root, name);
  assert.deepEqual(page.strings, []);
  return lines(page.root);
}
const trees: Record<string, string> = {
  answer: `
    object 5
      answer: string Because.\\nIt is “so”.
      tokens: number 42
      cost: number 0.0042
      cached: boolean False
      stop: null None`,
  // Of what marimo keeps of a function, what it returned; of a block, what its variables held.
  returned: `
    object 1
      answer: string yes`,
  nothing: `
    null None`,
  block: `
    object 2
      a: array 2
        0: number 1
        1: number 2
      b: number 2.5`,
  both: `
    object 2
      a: number 1
      output: string shown`,
  containers: `
    array 9
      0: array 0
      1: instance tuple (1)
        0: number 1
      2: instance set (1)
        0: number 1
      3: instance frozenset (0)
      4: object 3
        1: string one
        ('a', 2.0): string pair
        None: object 0
      5: number 1180591620717411303424
      6: number -1
      7: number nan
      8: instance b'\\x00a'`,
  classes: `
    array 14
      0: instance shapes.Model
        name: string first
        scores: array 2
          0: number 0.5
          1: number 1.0
      1: instance shapes.Slotted
        width: number 3
        height: number 4
      2: instance shapes.Colour('red')
      3: instance shapes.Point(1, 'two')
      4: instance shapes.Words
        language: string en
        0: string a
        1: string b
      5: instance collections.OrderedDict
        a: number 1
      6: instance collections.defaultdict
        b: array 1
          0: number 2
      7: instance collections.Counter
        a: number 2
        b: number 1
      8: instance collections.deque
        0: number 1
        1: number 2
      9: instance pathlib.PurePosixPath('/', 'data', 'a.csv')
      10: instance uuid.UUID
        int: number 7
      11: instance ValueError('no', 3)
      12: instance <builtins.len>
      13: instance <shapes.Model>`,
  known: `
    array 8
      0: instance 2026-11-27 12:30:00
      1: instance 2026-11-27
      2: number 1.50
      3: instance [1.5, 2.0]
      4: instance <numpy.ndarray 3 × 4>
      5: number 0.1
      6: instance 2026-11-27 00:00:00
      7: instance pandas.DataFrame (2 × 2)`,
  itself: `
    array 2
      0: number 1
      1: array 2
        cut …`,
};

void test('the pictures in what a cell shows are shown, and their bytes no more as text', async () => {
  const data = `data:image/png;base64,${'iVBO'.repeat(1000)}`;
  const rootOf = async (module: string) => {
    const html = `<p>Sales</p><img src='${data}'><img src='${data}'>`;
    const length = Buffer.alloc(4);
    length.writeUInt32LE(html.length);
    const [head, text] = [`c${module}\nHtml\n)\x81}X\x05\0\0\0_textX`, `${html}sb.`];
    const pickle = Buffer.concat([Buffer.from(head, 'latin1'), length, Buffer.from(text)]);
    return as('pickle', await pageOf(pickle, 'pickle')).root?.children;
  };
  const text = `<p>Sales</p>${"<img src='data:image/png;base64,…'>".repeat(2)}`;
  const asText = { key: '_text', type: 'string', text };
  const picture = { key: 'image/png', type: 'picture', text: '3.0 kB', picture: data };
  assert.deepEqual(await rootOf('marimo._output.hypertext'), [picture, asText]);
  assert.deepEqual(await rootOf('somebody'), [asText]);
});

for (const [name, wanted] of Object.entries(trees)) {
  void test(`what ${name}.pickle holds is shown`, async () => {
    const found = (await treeOf(name)).map((line) => line.replaceAll('\n', String.raw`\n`));
    assert.deepEqual(found, wanted.replaceAll('\n    ', '\n').slice(1).split('\n'));
  });
}

void test('a frame that a cached function returned is a table', async () => {
  const page = as('table', await pageOf(fixture('objects/frame.pickle'), 'pickle'));
  assert.deepEqual(
    page.columns.map(({ name }) => name),
    ['a', 'b'],
  );
  assert.deepEqual(page.rows, [
    ['1', 'x'],
    ['2', 'y'],
  ]);
});

void test('what is long or deep is cut, and says so', async () => {
  const long = await treeOf('long');
  assert.equal(long.length, 502);
  assert.equal(long.at(-1), '  cut 100 more');
  const deep = await treeOf('deep');
  assert.equal(deep.at(-1)?.trim(), 'cut …');
  assert.equal(deep.length, 33);
  const [text = ''] = await treeOf('text');
  assert.equal(text, `string ${'a'.repeat(9_999)}…`);
});

const shapes: Record<string, string> = {
  paged: 'pandas.DataFrame (450 × 2)',
  'several-levels': 'pandas.DataFrame (3 × 2)',
  empty: 'pandas.DataFrame (0 × 0)',
  series: 'pandas.Series (3)',
  nameless: 'pandas.Series (2)',
  unknown: 'pandas.DataFrame (3 × 2)',
};

for (const [name, wanted] of Object.entries(shapes)) {
  void test(`a frame within something else is told with its shape: ${name}`, async () => {
    const frame = fixture(`frames/pandas3-${name}-5.pickle`).subarray(0, -1);
    // A pair of it and of 1: what two pickles leave on the stack, as a tuple.
    const pair = Buffer.concat([frame, Buffer.from('K\x01\x86.', 'latin1')]);
    const { root } = as('pickle', await pageOf(pair, 'pickle'));
    assert.equal(root?.text, 'tuple (2)');
    assert.equal(root.children?.[0]?.text, wanted);
  });
}

void test('of what is too much to be followed it is told that there is more', async () => {
  const batch = Buffer.from(`(${'K\x01'.repeat(1000)}e`, 'latin1');
  const list = Buffer.concat([
    Buffer.from('\x80\x02]', 'latin1'),
    ...Array.from({ length: 400 }, () => batch),
    Buffer.from('.'),
  ]);
  const page = as('pickle', await pageOf(list, 'pickle'));
  assert.match(page.root?.text ?? '', /^\d{6}\+$/);
  assert.match(page.incomplete ?? '', /only the beginning is shown/);
});

void test('where the instructions cannot be followed, what they refer to is still told', async () => {
  // A persistent id, which only the program that wrote it understands.
  const page = as('pickle', await pageOf(Buffer.from('\x80\x02Pid\n.', 'latin1'), 'pickle'));
  assert.equal(page.root, undefined);
  assert.equal(page.incomplete, undefined);
});

void test('of the keys of a large dictionary only those are read that are shown', async () => {
  const count = 20_000;
  const keys = Array.from({ length: count }, () => `C\xff${'k'.repeat(255)}N`).join('');
  const source = new CountingSource(Buffer.from(`\x80\x04}(${keys}u.`, 'latin1'));
  const page = as('pickle', await pageOf(source, 'pickle'));
  assert.equal(page.root?.children?.at(-1)?.text, `${count - MAX_TREE_MEMBERS} more`);
  // It is gone through twice: for what it holds, and for what it refers to.
  assert.ok(source.count < 2.5 * source.size, `${source.count} bytes were read`);
});
