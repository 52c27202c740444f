import assert from 'node:assert/strict';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type TestContext } from 'node:test';
import { ErrorCodes, type InitializeParams } from 'vscode-languageserver-protocol/node';
import { isSameGeneration } from '../../../src/store/database/generation';
import { SqliteLoader } from '../../../src/store/SqliteLoader';
import { EditorClient } from './EditorClient';
import { creation, makeNotebookFolder, runSql, type SavedCell, savedRows } from './notebookFolder';

/** Two notebooks and the cache that kernels made of them. */
const fixtures = path.resolve(__dirname, '../../fixtures/store/python');

const load: SavedCell = {
  name: 'load',
  code: 'df = read("a.csv")',
  defs: ['df'],
  values: { df: 12_400_000, return: 1200, manifest: 300 },
  runtime: 34,
  lookup: { outcome: 'hit', seconds: 0.5 },
};
const plot: SavedCell = {
  code: 'chart = draw(df)',
  defs: ['chart'],
  parents: [0],
  values: { chart: 640_000 },
  runtime: 2,
  lookup: { outcome: 'miss', seconds: 2.1, why: 'The code of load changed.' },
};
const tail: SavedCell = { name: 'tail', code: 'print(chart)', parents: [1] };

/** The notebook's file: `load` is on lines 5 to 8, `plot` 11 to 14, `tail` 17 to 20. */
const notebook = (reading = 'df = read("a.csv")') => `import marimo

app = marimo.App()


@app.cell
def load(read):
    ${reading}
    return (df,)


@app.cell(hide_code=True)
def _(df, draw):
    chart = draw(df)
    return (chart,)


@app.cell
def tail(chart):
    print(chart)
    return


if __name__ == "__main__":
    app.run()
`;

async function start(t: TestContext, params?: Partial<InitializeParams>): Promise<EditorClient> {
  const client = await EditorClient.start(params);
  t.after(() => client.stop());
  return client;
}

/** A notebook with a cache that holds `cells`, and a server in which it is open. */
async function openNotebook(
  t: TestContext,
  {
    cells = [load, plot, tail],
    text = notebook(),
    params = undefined as Partial<InitializeParams> | undefined,
  } = {},
) {
  const { notebook: file, database } = await makeNotebookFolder(t);
  await runSql(database, creation + savedRows(cells));
  const client = await start(t, params);
  return { client, database, file, uri: await client.open(file, text) };
}

test('server: cells with their ids, lines, states and reasons', async (t) => {
  const { client, uri, database } = await openNotebook(t);
  const result = await client.cells(uri);
  assert.equal(result.database, database);
  assert.deepEqual(result.cells, [
    {
      uri,
      cellId: 1,
      entryId: 1,
      name: 'load',
      range: { start: { line: 5, character: 0 }, end: { line: 8, character: 16 } },
      header: { start: { line: 5, character: 0 }, end: { line: 6, character: 15 } },
      state: 'fresh',
      reason: 'In the cache, and the code is as saved.',
      label: 'cached, saves 34 s',
      saves: 34,
      outdated: false,
      pinned: false,
    },
    {
      uri,
      cellId: 2,
      entryId: 2,
      range: { start: { line: 11, character: 0 }, end: { line: 14, character: 19 } },
      header: { start: { line: 11, character: 0 }, end: { line: 12, character: 16 } },
      state: 'fresh',
      reason: 'In the cache, and the code is as saved.',
      label: 'cached, saves 2 s',
      saves: 2,
      outdated: false,
      pinned: false,
    },
    {
      uri,
      cellId: 3,
      name: 'tail',
      range: { start: { line: 17, character: 0 }, end: { line: 20, character: 10 } },
      header: { start: { line: 17, character: 0 }, end: { line: 18, character: 16 } },
      state: 'neverCached',
      reason: 'Not in the cache.',
      label: 'not cached',
      outdated: false,
      pinned: false,
    },
  ]);
  assert.deepEqual(result.orphaned, []);
});

test('server: a hit of a cell that makes UI elements is told as the run that it was', async (t) => {
  const reasons = [{ kind: 'ui', names: ['df'] }];
  const control: SavedCell = { ...load, lookup: { outcome: 'hit', seconds: 0.5, reasons } };
  const { client, uri } = await openNotebook(t, { cells: [control, plot, tail] });
  const [standing, lastRun] = await client.hoverLines(uri, 5);
  assert.match(standing ?? '', /UI elements are made anew in every run/);
  assert.equal(lastRun, 'Last run: computed again, though it was in the cache, 2 h ago.');
});

test('server: a hover says state, last run and values', async (t) => {
  const { client, uri } = await openNotebook(t);
  const lines = [
    'In the cache, and the code is as saved. Saves 34 s.',
    'Last run: hit, 2 h ago, saved 34 s.',
    'Values: df (12.4 MB), output (1.2 kB)',
  ];
  assert.deepEqual(await client.hoverLines(uri, 5), lines);
  assert.deepEqual(await client.hoverLines(uri, 6), lines);
  assert.deepEqual(await client.hoverLines(uri, 11), [
    'In the cache, and the code is as saved. Saves 2 s.',
    'Last run: miss, 2 h ago, took 2.1 s. The code of load changed\\.',
    'Values: chart (640 kB)',
  ]);
  assert.deepEqual(await client.hoverLines(uri, 17), ['Not in the cache.']);
  const hover = await client.hover(uri, 5);
  assert.deepEqual(hover?.range, {
    start: { line: 5, character: 0 },
    end: { line: 6, character: 15 },
  });
});

test('server: the hover is on the header, in the cell, or off, as set', async (t) => {
  const { client, uri } = await openNotebook(t);
  const where = async () => {
    const lines: number[] = [];
    for (let line = 0; line < 24; line++) if (await client.hover(uri, line)) lines.push(line);
    return lines;
  };
  const set = (hover: unknown) =>
    client.connection.sendNotification('workspace/didChangeConfiguration', {
      settings: { cellar: { hover } },
    });
  assert.deepEqual(await where(), [5, 6, 11, 12, 17, 18]);
  await set('cell');
  assert.deepEqual(await where(), [5, 6, 7, 8, 11, 12, 13, 14, 17, 18, 19, 20]);
  await set('nonsense');
  assert.equal((await where()).length, 12);
  await set('off');
  assert.deepEqual(await where(), []);
});

test('server: options are given at the start, in the language of the user', async (t) => {
  const { client, uri } = await openNotebook(t, {
    params: {
      locale: 'de',
      initializationOptions: {
        hover: 'cell',
        strings: { 'Not in the cache.': 'Nicht im Cache.', 'Values: {0}': 'Werte: {0}', bad: 1 },
      },
    },
  });
  assert.deepEqual(await client.hoverLines(uri, 19), ['Nicht im Cache.']);
  assert.equal((await client.hoverLines(uri, 7))[2], 'Werte: df (12,4 MB), output (1,2 kB)');
});

test('server: an editor that shows no Markdown gets plain text', async (t) => {
  const { client, uri } = await openNotebook(t, { params: { capabilities: {} } });
  const hover = await client.hover(uri, 11);
  assert.deepEqual(hover?.contents, {
    kind: 'plaintext',
    value:
      'In the cache, and the code is as saved. Saves 2 s.\n' +
      'Last run: miss, 2 h ago, took 2.1 s. The code of load changed.\n' +
      'Values: chart (640 kB)',
  });
});

test('server: an edit changes the states of the cell and of those below it', async (t) => {
  const { client, uri } = await openNotebook(t);
  await client.edit(uri, 2, notebook('df = read("b.csv")'));
  const { cells } = await client.cells(uri);
  assert.deepEqual(
    cells.map(({ cellId, state }) => [cellId, state]),
    [
      [1, 'changedHere'],
      [2, 'changedUpstream'],
      [3, 'neverCached'],
    ],
  );
  assert.equal(
    cells[1]?.reason,
    'In the cache, but load, which it needs, has changed. It may still hit.',
  );
  assert.deepEqual(
    cells.map(({ label }) => label),
    ['changed here', 'changed upstream: load', 'not cached'],
  );
  assert.equal(
    (await client.hoverLines(uri, 5))[0],
    'In the cache, but the code has changed since. It took 34 s.',
  );
  await client.edit(uri, 3, notebook('df = read(  "a.csv"  )  # the same'));
  assert.equal((await client.cells(uri)).cells[1]?.state, 'fresh');
});

test('server: what another process commits is announced', async (t) => {
  const { client, uri, database } = await openNotebook(t, { cells: [] });
  assert.deepEqual(await client.hoverLines(uri, 5), ['Not in the cache.']);
  // That it was opened is announced, too.
  await client.until(() => Promise.resolve(client.changes.length > 0));
  const announced = client.nextChange();
  await runSql(database, savedRows([load]));
  await announced;
  assert.equal((await client.cells(uri)).cells[0]?.state, 'fresh');
  assert.ok(client.changes.every((changed) => changed === uri));
});

test('server: a cache that comes, goes and comes again is followed', async (t) => {
  const { notebook: file, database } = await makeNotebookFolder(t);
  const client = await start(t);
  const uri = await client.open(file, notebook());
  assert.deepEqual(await client.hoverLines(uri, 5), ['Nothing of this notebook is cached yet.']);
  const until = async (state: string) => {
    await client.until(async () => (await client.cells(uri)).cells[0]?.state === state);
  };
  await runSql(database, creation + savedRows([load]));
  await until('fresh');
  const { generation = '' } = await client.cells(uri);
  for (const suffix of ['', '-wal', '-shm']) await rm(database + suffix, { force: true });
  await until('neverCached');
  assert.deepEqual(await client.hoverLines(uri, 5), ['Nothing of this notebook is cached yet.']);
  assert.equal((await client.cells(uri)).generation, undefined);
  await runSql(database, creation + savedRows([load]));
  await until('fresh');
  const { generation: now = '' } = await client.cells(uri);
  assert.ok(
    !isSameGeneration(now, generation),
    'an id of the first is known to be none of the next',
  );
  const loader = await SqliteLoader.open(database);
  assert.ok(isSameGeneration(now, await loader.generation()), 'others call it the same');
  await loader.close();
});

test('server: file events of the client hasten the look', async (t) => {
  const { client, uri, database } = await openNotebook(t, { cells: [] });
  await client.cells(uri);
  await runSql(database, savedRows([load]));
  await client.connection.sendNotification('workspace/didChangeWatchedFiles', {
    changes: [{ uri: pathToFileURL(`${database}-wal`).toString(), type: 2 }, { uri: 'untitled:x' }],
  });
  await client.until(async () => (await client.cells(uri)).cells[0]?.state === 'fresh');
});

test('server: a cache that cannot be read has a sentence of its own', async (t) => {
  const cases: readonly (readonly [string, (database: string) => Promise<void>, string])[] = [
    [
      'newer',
      (database) => runSql(database, `${creation} PRAGMA user_version = 2000;`),
      'A newer Cellar made this cache. Update Cellar to read it.',
    ],
    [
      'foreign',
      (database) => runSql(database, 'CREATE TABLE t (x); PRAGMA application_id = 7;'),
      'The file in the place of the cache is not one of Cellar.',
    ],
    [
      'no database',
      (database) => writeFile(database, 'something else, '.repeat(1000)),
      'The file in the place of the cache is not one of Cellar.',
    ],
  ];
  for (const [name, make, sentence] of cases) {
    await t.test(name, async (t) => {
      const { notebook: file, database } = await makeNotebookFolder(t);
      await make(database);
      const client = await start(t);
      const uri = await client.open(file, notebook());
      assert.deepEqual(await client.hoverLines(uri, 5), [sentence]);
      const { cells, database: named } = await client.cells(uri);
      assert.equal(named, undefined);
      assert.deepEqual(
        cells.map(({ state, reason }) => [state, reason]),
        cells.map(() => ['unknown', sentence]),
      );
    });
  }
});

test('server: cells of a cache that is damaged while it is open are as the hover says', async (t) => {
  const { notebook: file, database } = await makeNotebookFolder(t);
  await runSql(database, creation);
  await runSql(database, savedRows([load]));
  const client = await start(t);
  const uri = await client.open(file, notebook());
  await client.cells(uri);
  await writeFile(database, 'something else, '.repeat(10_000));
  const [sentence] = await client.hoverLines(uri, 5);
  assert.equal(sentence, 'The cache is damaged and cannot be read. It is safe to delete.');
  const { cells } = await client.cells(uri);
  assert.deepEqual(new Set(cells.map(({ reason }) => reason)), new Set([sentence]));
});

test('server: rows that tell lies are a damaged cache, and no failure', async (t) => {
  const { client, uri } = await openNotebook(t, { cells: [load] });
  const { database } = await client.cells(uri);
  // That it was opened is announced, too.
  await client.until(() => Promise.resolve(client.changes.length > 0));
  const announced = client.nextChange();
  await runSql(database ?? '', "UPDATE cells SET code = x'00'");
  await announced;
  assert.deepEqual(await client.hoverLines(uri, 5), [
    'The cache is damaged and cannot be read. It is safe to delete.',
  ]);
});

test('server: a cell that the file disables is not said to be served, nor what needs it', async (t) => {
  const { client, uri } = await openNotebook(t);
  const disabled = notebook().replace('@app.cell\ndef load', '@app.cell(disabled=True)\ndef load');
  await client.edit(uri, 2, disabled);
  const { cells } = await client.cells(uri);
  assert.deepEqual(
    cells.slice(0, 2).map(({ state, label, saves, entryId }) => [state, label, saves, entryId]),
    [
      ['disabled', 'disabled', undefined, 1],
      ['disabled', 'disabled upstream: load', undefined, 2],
    ],
  );
  assert.equal(
    (await client.hoverLines(uri, 5))[0],
    'It is disabled: marimo neither runs it nor takes it from the cache. It took 34 s.',
  );
});

test('server: a renamed notebook is what it was, and a copy is not', async (t) => {
  const { client, file } = await openNotebook(t);
  const other = path.join(path.dirname(file), 'other.py');
  const uri = await client.open(other, notebook('df = read("b.csv")'));
  const states = async () =>
    (await client.cells(uri)).cells.map(({ cellId, state }) => [cellId, state]);
  assert.deepEqual(await states(), [
    [1, 'changedHere'],
    [2, 'changedUpstream'],
    [3, 'neverCached'],
  ]);
  await client.edit(uri, 2, notebook('print(1)').replaceAll(/chart|draw/g, 'x'));
  assert.deepEqual(new Set((await states()).map(([id]) => id)), new Set([undefined]));

  await writeFile(file, notebook());
  const copy = await client.open(path.join(path.dirname(file), 'copy.py'), notebook());
  const { cells } = await client.cells(copy);
  assert.deepEqual(
    cells.map(({ cellId, state }) => [cellId, state]),
    cells.map(() => [undefined, 'neverCached']),
  );
});

test("server: what a kernel saved is fresh in the kernel's notebook, and stale after an edit", async (t) => {
  const { notebook: file } = await makeNotebookFolder(t);
  const folder = path.dirname(file);
  await cp(path.join(fixtures, 'cache'), path.join(folder, '__marimo__/cache'), {
    recursive: true,
  });
  const client = await start(t);
  for (const name of ['alpha.py', 'beta.py']) {
    const text = await readFile(path.join(fixtures, name), 'utf8');
    const uri = await client.open(path.join(folder, name), text);
    const { cells } = await client.cells(uri);
    assert.ok(cells.length > 1);
    assert.deepEqual(
      cells.map(({ state }) => state),
      cells.map(() => 'fresh'),
      name,
    );
    await client.edit(
      uri,
      2,
      text.replaceAll('\n', '\r\n').replace('import numpy as np', '$&, os'),
    );
    const edited = (await client.cells(uri)).cells;
    assert.equal(edited[0]?.state, 'changedHere', name);
    assert.ok(
      edited.some(({ state }) => state === 'changedUpstream'),
      name,
    );
    assert.deepEqual(
      edited.map(({ cellId }) => cellId),
      cells.map(({ cellId }) => cellId),
      name,
    );
  }
});

test('server: names and code from files are shown as text', async (t) => {
  const markup = '[x](command:evil) <img src=x> **b** `c` $(bug) https://evil.example';
  const { client, uri } = await openNotebook(t, {
    cells: [
      { code: 'df = 1', defs: ['df'], values: { [markup]: 1000 } },
      { ...plot, lookup: { outcome: 'miss', why: markup } },
    ],
    text: notebook(`df = "${markup}"`).replace('def load', 'def _'),
  });
  const lines = [...(await client.hoverLines(uri, 5)), ...(await client.hoverLines(uri, 11))];
  const shown = lines.filter((line) => line.includes('evil'));
  assert.equal(shown.length, 3, 'the value, the changed cell and the reason of the miss');
  for (const line of shown) {
    const active = line.replace(/\\[!-/:-@[-`{-~]/g, '').replace(/ \(1 kB\)$/, '');
    assert.doesNotMatch(active, /[[\]<>*`$]|:\/\//, line);
  }
});

test('server: documents that are no notebooks, or no files, have no cells', async (t) => {
  const client = await start(t);
  const { notebook: file } = await makeNotebookFolder(t);
  const uri = await client.open(file, 'print("no notebook")\n');
  assert.deepEqual(await client.cells(uri), { cells: [], orphaned: [] });
  assert.equal(await client.hover(uri, 0), null);
  assert.deepEqual(await client.cells('file:///never/opened.py'), { cells: [], orphaned: [] });
  await client.connection.sendNotification('textDocument/didOpen', {
    textDocument: { uri: 'untitled:nb', languageId: 'python', version: 1, text: notebook() },
  });
  assert.deepEqual(await client.cells('untitled:nb'), { cells: [], orphaned: [] });
  assert.equal(await client.hover('untitled:nb', 5), null);
});

test('server: a document that becomes a notebook, and stops being one', async (t) => {
  const { client, uri } = await openNotebook(t, { text: 'print(1)\n' });
  assert.deepEqual(await client.cells(uri), { cells: [], orphaned: [] });
  await client.edit(uri, 2, notebook());
  assert.equal((await client.cells(uri)).cells.length, 3);
  await client.edit(uri, 3, '');
  assert.deepEqual(await client.cells(uri), { cells: [], orphaned: [] });
});

test('server: a notebook that does not parse keeps the cells that do', async (t) => {
  const { client, uri } = await openNotebook(t);
  await client.edit(uri, 2, notebook('df = read("a.csv'));
  const { cells } = await client.cells(uri);
  assert.deepEqual(
    cells.map(({ cellId, state }) => [cellId, state]),
    [
      [1, 'changedHere'],
      [2, 'changedUpstream'],
      [3, 'neverCached'],
    ],
  );
});

test('server: garbage is answered with errors, and the next request is served', async (t) => {
  const { client, uri } = await openNotebook(t);
  const { InvalidParams, MethodNotFound } = ErrorCodes;
  const garbage: readonly (readonly [string, unknown, number])[] = [
    ['cellar/cells', {}, InvalidParams],
    ['cellar/cells', { uri: 7 }, InvalidParams],
    ['cellar/cells', [uri], InvalidParams],
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

test("server: a notebook's cache is where the project says, also when that changes", async (t) => {
  const { notebook: file, database: usual } = await makeNotebookFolder(t);
  const folder = path.dirname(file);
  const chosen = path.join(folder, 'caches', 'one', 'cache.db');
  await mkdir(path.dirname(chosen), { recursive: true });
  await runSql(usual, creation + savedRows([]));
  await runSql(chosen, creation + savedRows([load]));
  const project = path.join(folder, 'pyproject.toml');
  await writeFile(project, "[tool.cellar]\npath = 'caches/one'\n");
  const client = await start(t);
  const uri = await client.open(file, notebook());
  const first = await client.cells(uri);
  assert.equal(first.database, chosen);
  assert.equal(first.cells[0]?.state, 'fresh');
  const until = async (database: string) => {
    await client.until(async () => (await client.cells(uri)).database === database);
  };
  await writeFile(project, "[tool.cellar]\npath = '../outside'\n");
  await until(usual);
  assert.equal((await client.cells(uri)).cells[0]?.state, 'neverCached');
  await rm(project);
  await client.cells(uri);
  await writeFile(project, "[tool.cellar]\npath = 'caches/one'\n");
  await until(chosen);
  assert.equal((await client.cells(uri)).cells[0]?.state, 'fresh');
});
