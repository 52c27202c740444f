import assert from 'node:assert/strict';
import test from 'node:test';
import { findCode } from '../../../src/explorer/commands/findCode';

const notebook = `import marimo

app = marimo.App()


@app.cell
def _():
    x = 1

    y = 2
    return x, y


@app.cell
def _():
    x = 1
    z = 3
    return (z,)
`;

test('a cell is found by its code, whatever its indentation', () => {
  assert.equal(findCode(notebook, 'x = 1\ny = 2'), 7);
  assert.equal(findCode(notebook, 'x = 1\nz = 3\n'), 15);
  assert.equal(findCode(notebook.replaceAll('\n', '\r\n'), 'z = 3'), 16);
});

test('code that is not there, or no code, is nowhere', () => {
  assert.equal(findCode(notebook, 'x = 1\ny = 3'), undefined);
  assert.equal(findCode(notebook, ' \n'), undefined);
  assert.equal(findCode('', 'x'), undefined);
});
