import assert from 'node:assert/strict';
import test from 'node:test';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { OpenNotebooks } from '../../../src/server/OpenNotebooks';

test('open notebooks: a text that was closed does not answer for the one opened after it', () => {
  const open = new OpenNotebooks();
  const codes = (code: string) => {
    const text = `import marimo\n\napp = marimo.App()\n\n\n@app.cell\ndef _():\n    ${code}\n    return\n`;
    const document = TextDocument.create('file:///nb.py', 'python', 1, text);
    return open.parse(document)?.cells.map(({ cell }) => cell.code);
  };
  assert.deepEqual(codes('x = 1'), ['x = 1']);
  open.forget({ kind: 'text', uri: 'file:///nb.py' });
  // What was asked before it was closed is answered after that.
  assert.deepEqual(codes('x = 1'), ['x = 1']);
  assert.deepEqual(codes('x = 2'), ['x = 2']);
});

test('open notebooks: so it is with the texts of cells', () => {
  const open = new OpenNotebooks();
  const codes = (code: string) => {
    const text = TextDocument.create('cell:///nb.py#1', 'python', 1, code);
    const cell = { kind: 2 as const, document: text.uri };
    const notebook = { kind: 'cells' as const, uri: 'file:///nb.py', cells: [{ cell, text }] };
    return open.cells(notebook)?.map((one) => one.cell.code);
  };
  assert.deepEqual(codes('x = 1'), ['x = 1']);
  assert.deepEqual(codes('x = 2'), ['x = 2']);
});
