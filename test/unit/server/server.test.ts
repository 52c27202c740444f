/** What the server does with documents and requests of any kind. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { ErrorCodes } from 'vscode-languageserver-protocol/node';
import { makeNotebookFolder } from './notebookFolder';
import { notebook, openNotebook, start } from './openNotebook';

test('server: documents that are no notebooks, or no files, have no cells', async (t) => {
  const client = await start(t);
  const { notebook: file } = await makeNotebookFolder(t);
  const uri = await client.open(file, 'print("no notebook")\n');
  assert.deepEqual(await client.cells(uri), { cells: [], orphaned: [], returned: [], earlier: [] });
  assert.equal(await client.hover(uri, 0), null);
  assert.deepEqual(await client.cells('file:///never/opened.py'), {
    cells: [],
    orphaned: [],
    returned: [],
    earlier: [],
  });
  await client.connection.sendNotification('textDocument/didOpen', {
    textDocument: { uri: 'untitled:nb', languageId: 'python', version: 1, text: notebook() },
  });
  assert.deepEqual(await client.cells('untitled:nb'), {
    cells: [],
    orphaned: [],
    returned: [],
    earlier: [],
  });
  assert.equal(await client.hover('untitled:nb', 5), null);
});

test('server: a document that becomes a notebook, and stops being one', async (t) => {
  const { client, uri } = await openNotebook(t, { text: 'print(1)\n' });
  assert.deepEqual(await client.cells(uri), { cells: [], orphaned: [], returned: [], earlier: [] });
  await client.edit(uri, 2, notebook());
  assert.equal((await client.cells(uri)).cells.length, 3);
  await client.edit(uri, 3, '');
  assert.deepEqual(await client.cells(uri), { cells: [], orphaned: [], returned: [], earlier: [] });
});

test('server: garbage is answered with errors, and the next request is served', async (t) => {
  const { client, uri } = await openNotebook(t);
  const { InvalidParams, MethodNotFound } = ErrorCodes;
  const garbage: readonly (readonly [string, unknown, number])[] = [
    ['cellar/cells', {}, InvalidParams],
    ['cellar/cells', { uri: 7 }, InvalidParams],
    ['cellar/cells', [uri], InvalidParams],
    ['cellar/explain', { uri }, InvalidParams],
    ['cellar/explain', { uri, line: '1' }, InvalidParams],
    ['cellar/unheardOf', { uri }, MethodNotFound],
    ['textDocument/hover', { textDocument: { uri } }, InvalidParams],
    [
      'textDocument/hover',
      { textDocument: null, position: { line: 0, character: 0 } },
      InvalidParams,
    ],
    [
      'textDocument/hover',
      { textDocument: { uri }, position: { line: -1, character: 0.5 } },
      InvalidParams,
    ],
    [
      'textDocument/hover',
      { textDocument: { uri }, position: { line: '1', character: 0 } },
      InvalidParams,
    ],
  ];
  for (const [method, params, code] of garbage) {
    await assert.rejects(client.connection.sendRequest(method, params), { code }, method);
  }
  client.process.stdin?.write('Content-Length: 7\r\n\r\n{"a": ]');
  assert.equal(await client.hover(uri, 1_000_000, 1_000_000), null);
  assert.equal((await client.cells(uri)).cells.length, 3);
});

test('server: it ends when it is told to', async (t) => {
  const { client, uri } = await openNotebook(t);
  await client.cells(uri);
  assert.equal(await client.stop(), 0);
});
