import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { Notebook } from '../../../src/notebook/notebook';
import expected from '../../fixtures/cells/cells.json';

const notebooks = path.resolve(__dirname, '../../fixtures/cells/notebooks');
const read = (name: string) => readFileSync(path.join(notebooks, name), 'utf8');

/** What `make.py` tells of a cell; `defs` is null where marimo cannot compile the code. */
interface MarimoCell {
  readonly kind: string;
  readonly name: string | null;
  readonly code: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly defs: readonly string[] | null;
}

const described = (notebook: Notebook | undefined) =>
  (notebook?.cells ?? []).map(({ cell }) => ({
    kind: cell.kind,
    name: cell.name ?? null,
    code: cell.code,
    options: cell.options,
    defs: [...cell.defs].sort(),
  }));

for (const [name, cells] of Object.entries<readonly MarimoCell[]>(expected)) {
  const actual = described(Notebook.parse(read(name)));
  test(`cells of ${name}: as many as marimo finds, with the same names`, () => {
    assert.deepEqual(
      actual.map((cell) => cell.name),
      cells.map((cell) => cell.name),
    );
  });
  for (const [index, { defs, ...cell }] of cells.entries()) {
    test(`cells of ${name}: ${index} ${cell.name ?? 'unnamed'}`, () => {
      const { defs: actualDefs, ...actualCell } = actual[index] ?? { defs: [] };
      if (cell.kind === 'unparsable') {
        // marimo makes such a cell of one with an error, and drops its options.
        const { code, name } = { code: '', name: null, ...actualCell };
        assert.deepEqual({ code, name }, { code: cell.code, name: cell.name });
      } else {
        assert.deepEqual(actualCell, cell);
      }
      if (defs) assert.deepEqual(actualDefs, defs);
    });
  }
}

const wrap = (body: string) => `import marimo\n\napp = marimo.App()\n\n\n${body}`;
const codes = (text: string) => Notebook.parse(text)?.cells.map(({ cell }) => cell.code);

test('cells: what is no notebook has none', () => {
  for (const text of [
    '',
    'import marimo\n',
    'app = marimo.App()\n',
    'import marimo as mo\napp = marimo.App()\n',
    'import numpy\n\n@app.cell\ndef _():\n    return\n',
    '"""import marimo\n"""\nx = marimo.App()',
    '\0\uffff',
  ]) {
    assert.equal(Notebook.parse(text), undefined, JSON.stringify(text));
  }
});

test('cells: a notebook without cells is one', () => {
  assert.deepEqual(Notebook.parse('import marimo\napp = marimo.App()')?.cells, []);
});

test('cells: the function may stand on one line, where marimo loses the first letters', () => {
  assert.deepEqual(codes(wrap('@app.cell\ndef _(): pass\n')), ['pass']);
  assert.deepEqual(codes(wrap('@app.cell\ndef _(): x = """\na\n"""; return x\n')), [
    'x = """\na\n"""; ',
  ]);
});

test('cells: a blank line below the decorator moves nothing', () => {
  assert.deepEqual(codes(wrap('@app.cell\n\ndef _():\n    x = 1\n    return\n')), ['x = 1']);
});

test('cells: a byte order mark, CRLF and CR change nothing', () => {
  const text = read('plain.py');
  const plain = described(Notebook.parse(text));
  assert.deepEqual(described(Notebook.parse(`\ufeff${text}`)), plain);
  assert.deepEqual(described(Notebook.parse(text.replaceAll('\n', '\r\n'))), plain);
  assert.deepEqual(described(Notebook.parse(text.replaceAll('\n', '\r'))), plain);
});

test('cells: lines are those of the file', () => {
  const text = read('plain.py');
  const lines = text.split('\n');
  for (const { cell, firstLine, headerEnd, lastLine } of Notebook.parse(text)?.cells ?? []) {
    assert.match(lines[firstLine] ?? '', /^(@|with app|app\.)/);
    assert.match(lines[headerEnd] ?? '', /^(async def|def|class|with|app\._unparsable)/);
    assert.notEqual(lines[lastLine]?.trim(), '');
    assert.ok(lastLine >= headerEnd && headerEnd >= firstLine, cell.name);
  }
});

test('cells: a decorator alone, or a function without a colon, is none yet', () => {
  const next = '@app.cell\ndef b():\n    y = 1\n    return\n';
  for (const typed of [
    '@app.cell\n',
    '@app.cell\ndef',
    '@app.cell\ndef a(',
    '@app.cell\nx = 1\n',
  ]) {
    assert.deepEqual(codes(wrap(`${typed}\n\n${next}`)), ['y = 1'], typed);
  }
});

test('cells: while one is being typed the others stay', () => {
  const before = '@app.cell\ndef a():\n    x = 1\n    return\n\n\n';
  const after = '@app.cell\ndef c():\n    z = """\n    text\n    """\n    return\n';
  for (const typed of ['y = (', 'y = """', "y = f'{", 'y = [1,', 'if', 'def', 'y = \\', '}', '"']) {
    const found = codes(
      wrap(`${before}@app.cell\ndef b():\n    ${typed}\n    return\n\n\n${after}`),
    );
    assert.equal(found?.length, 3, typed);
    assert.equal(found[0], 'x = 1', typed);
    assert.equal(found[2], 'z = """\ntext\n"""', typed);
  }
});

test('cells: what is not indented belongs to no cell', () => {
  const text = wrap('@app.cell\ndef a():\n    x = 1\n    return\n\nstray(\n');
  assert.deepEqual(codes(text), ['x = 1']);
});

test('cells: unchanged cells of an edited document are the same objects', () => {
  const text = read('plain.py');
  const before = Notebook.parse(text);
  const after = Notebook.parse(text.replace('total: int = 0', 'total: int = 1'), before);
  const changed = before?.cells.filter(({ cell }, index) => cell !== after?.cells[index]?.cell);
  assert.deepEqual(
    changed?.map(({ cell }) => cell.name),
    ['load'],
  );
});

test('cells: nesting beyond all measure is survived', () => {
  const deep = '('.repeat(50_000);
  assert.equal(codes(wrap(`@app.cell\ndef a():\n    ${deep}\n    return\n`))?.length, 1);
  const closed = `${deep}${')'.repeat(50_000)}`;
  assert.equal(codes(wrap(`@app.cell\ndef a():\n    ${closed}\n    return\n`))?.length, 1);
});

const openString = (closed: string) =>
  wrap(
    `@app.cell\ndef a():\n    x = """\n    text\n\n\n@app.cell\ndef b():\n    ${closed}\n    return\n`,
  );

test('cells: one with a string that never closes ends before the next begins', () => {
  const [a, b] = Notebook.parse(openString('y = 1'))?.cells ?? [];
  assert.ok(a && b);
  assert.ok(a.lastLine < b.firstLine, `${a.lastLine} is before ${b.firstLine}`);
});

test('cells: a string that is closed further down is so after an edit, too', () => {
  const before = Notebook.parse(openString('y = 1'));
  assert.equal(before?.cells.length, 2);
  const text = openString('"""');
  const afresh = Notebook.parse(text)?.cells;
  assert.equal(afresh?.length, 1);
  assert.deepEqual(Notebook.parse(text, before)?.cells, afresh);
});
