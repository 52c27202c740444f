import assert from 'node:assert/strict';
import { rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type TestContext } from 'node:test';
import type { NotebookCell } from 'vscode-languageserver-protocol/node';
import type { CellsResult } from '../../../src/protocol/cells';
import { EditorClient } from './EditorClient';
import { creation, makeNotebookFolder, runSql, type SavedCell, savedRows } from './notebookFolder';

const intro: SavedCell = {
  code: 'mo.md(\n    r"""\n    # Ranks\n    """\n)',
  values: { return: 100 },
};
const load: SavedCell = {
  name: 'load',
  code: 'df = read("a.csv")',
  defs: ['df'],
  values: { df: 12_400_000 },
  runtime: 34,
};
const found: SavedCell = {
  code: 'found = mo.sql(\n    f"""\n    SELECT * FROM df\n    """\n)',
  defs: ['found'],
  parents: [1],
  values: { found: 1000 },
  runtime: 2,
};

const file = `import marimo

app = marimo.App()


@app.cell
def _(mo):
    mo.md(
        r"""
        # Ranks
        """
    )
    return


@app.cell
def load(read):
    df = read("a.csv")
    return (df,)


@app.cell
def _(df, mo):
    found = mo.sql(
        f"""
        SELECT * FROM df
        """
    )
    return (found,)
`;

/** The notebook as marimo's editor shows it. */
const shown = [
  { text: '# Ranks', languageId: 'markdown', name: '_' },
  { text: 'df = read("a.csv")', languageId: 'mo-python', name: 'load' },
  { text: 'SELECT * FROM df', languageId: 'sql', name: '_' },
];

/** An editor in which the notebook is open as cells. */
class CellsClient {
  version = 1;

  constructor(
    readonly client: EditorClient,
    readonly uri: string,
  ) {}

  cell(number: number): string {
    return `${this.uri.replace('file:', 'vscode-notebook-cell:')}#${number}`;
  }

  async open(): Promise<void> {
    await this.client.connection.sendNotification('notebookDocument/didOpen', {
      notebookDocument: {
        uri: this.uri,
        notebookType: 'marimo-notebook',
        version: 1,
        cells: shown.map((_, index) => this.asCell(index)),
      },
      cellTextDocuments: shown.map(({ text, languageId }, index) => ({
        uri: this.cell(index),
        languageId,
        version: 1,
        text,
      })),
    });
  }

  async change(cells: object): Promise<void> {
    const notebookDocument = { uri: this.uri, version: ++this.version };
    await this.client.connection.sendNotification('notebookDocument/didChange', {
      notebookDocument,
      change: { cells },
    });
  }

  async edit(number: number, text: string): Promise<void> {
    const document = { uri: this.cell(number), version: ++this.version };
    await this.change({ textContent: [{ document, changes: [{ text }] }] });
  }

  asCell(index: number): NotebookCell {
    const { name = '_', languageId } = shown[index] ?? {};
    const metadata = { marimo: { name, options: {} }, marimoRuntime: { stableId: 'Hbol' } };
    return { kind: languageId === 'markdown' ? 1 : 2, document: this.cell(index), metadata };
  }

  cells(): Promise<CellsResult> {
    return this.client.cells(this.cell(0));
  }

  async states(): Promise<[number | undefined, string][]> {
    return (await this.cells()).cells.map(({ cellId, state }) => [cellId, state]);
  }
}

async function openAsCells(
  t: TestContext,
  prepare?: (folder: string, database: string) => Promise<void>,
) {
  const { notebook, database } = await makeNotebookFolder(t);
  await writeFile(notebook, file);
  await runSql(database, creation + savedRows([intro, load, found]));
  await prepare?.(path.dirname(notebook), database);
  const client = await EditorClient.start();
  t.after(() => client.stop());
  const cells = new CellsClient(client, pathToFileURL(notebook).toString());
  await cells.open();
  return { client, cells, notebook };
}

const fresh = [
  [1, 'fresh'],
  [2, 'fresh'],
  [3, 'fresh'],
] as const;

test('cells: each is judged by its code, also where the editor shows other text', async (t) => {
  const { cells } = await openAsCells(t);
  assert.deepEqual(await cells.states(), fresh);
  const [, second] = (await cells.cells()).cells;
  assert.equal(second?.uri, cells.cell(1));
  assert.equal(second.name, 'load');
  assert.deepEqual(second.range, {
    start: { line: 0, character: 0 },
    end: { line: 0, character: 18 },
  });
});

test('cells: the hover is on the first line of each', async (t) => {
  const { client, cells } = await openAsCells(t);
  const lines = await client.hoverLines(cells.cell(1), 0);
  assert.equal(lines[0], 'In the cache, and the code is as saved. Saves 34 s.');
  await cells.edit(1, '# a comment\ndf = read("a.csv")\n');
  assert.deepEqual(await cells.states(), fresh);
  assert.equal(await client.hover(cells.cell(1), 1), null);
  assert.notEqual(await client.hover(cells.cell(2), 0), null);
});

test('cells: an edit changes the states of the cell and of those below it', async (t) => {
  const { client, cells } = await openAsCells(t);
  const changed = client.nextChange();
  await cells.edit(1, 'df = read("b.csv")');
  await changed;
  assert.deepEqual(client.changes.at(-1), cells.uri);
  assert.deepEqual(await cells.states(), [
    [1, 'fresh'],
    [2, 'changedHere'],
    [3, 'changedUpstream'],
  ]);
  await cells.edit(1, 'df = read("a.csv")');
  await cells.edit(2, 'SELECT 1 FROM df');
  await cells.edit(0, '# Places');
  assert.deepEqual(await cells.states(), [
    [1, 'changedHere'],
    [2, 'fresh'],
    [3, 'changedHere'],
  ]);
});

test('cells: they are followed when they move, come and go', async (t) => {
  const { client, cells } = await openAsCells(t);
  await cells.cells();
  const moved = client.nextChange();
  await cells.change({
    structure: { array: { start: 0, deleteCount: 2, cells: [cells.asCell(1), cells.asCell(0)] } },
  });
  await moved;
  assert.deepEqual(await cells.states(), [fresh[1], fresh[0], fresh[2]]);

  const added = { uri: cells.cell(9), languageId: 'mo-python', version: 1, text: 'x = 1' };
  await cells.change({
    structure: {
      array: { start: 1, deleteCount: 0, cells: [{ kind: 2, document: added.uri }] },
      didOpen: [added],
    },
  });
  assert.deepEqual(await cells.states(), [
    fresh[1],
    [undefined, 'neverCached'],
    fresh[0],
    fresh[2],
  ]);

  await cells.change({
    structure: { array: { start: 0, deleteCount: 1 }, didClose: [{ uri: cells.cell(1) }] },
  });
  const after = await cells.cells();
  assert.deepEqual(after.orphaned, [2]);
  assert.equal(after.cells.at(-1)?.state, 'changedUpstream');
  // News of a cell that is gone, as when its run ended late, is nothing to fail on.
  await cells.change({ data: [cells.asCell(1)] });
  assert.equal((await cells.cells()).cells.length, 3);
});

test('cells: what was saved is read from the file again', async (t) => {
  const { client, cells, notebook } = await openAsCells(t);
  await cells.edit(0, '# Places');
  assert.deepEqual((await cells.states())[0], [1, 'changedHere']);
  await writeFile(notebook, file.replace('# Ranks', '# Places').replace('r"""', '"""'));
  const saved = client.nextChange();
  const notebookDocument = { uri: cells.uri };
  await client.connection.sendNotification('notebookDocument/didSave', { notebookDocument });
  await saved;
  assert.deepEqual((await cells.states())[0], [1, 'changedHere']);
  await writeFile(notebook, file);
  await cells.edit(0, '# Ranks');
  assert.deepEqual((await cells.states())[0], [1, 'fresh']);
});

test('cells: the same notebook may be open as text, too', async (t) => {
  const { client, cells, notebook } = await openAsCells(t);
  const uri = await client.open(notebook, file.replace('a.csv', 'b.csv'));
  assert.equal((await client.cells(uri)).cells[1]?.state, 'changedHere');
  assert.equal((await client.cells(uri)).cells[1]?.uri, uri);
  assert.deepEqual(await cells.states(), fresh);
  await client.connection.sendNotification('textDocument/didClose', { textDocument: { uri } });
  assert.deepEqual(await client.cells(uri), { cells: [], orphaned: [], returned: [], earlier: [] });
  assert.deepEqual(await cells.states(), fresh);
  await client.connection.sendNotification('notebookDocument/didClose', {
    notebookDocument: { uri: cells.uri },
    cellTextDocuments: shown.map((_, index) => ({ uri: cells.cell(index) })),
  });
  assert.deepEqual(await cells.cells(), { cells: [], orphaned: [], returned: [], earlier: [] });
});

/** Has the second entry made of a file, as that is now. */
async function noteRead(database: string, file: string): Promise<void> {
  const { size, mtimeMs } = await stat(file);
  await runSql(
    database,
    `INSERT INTO reads (entry_id, path, how, size, modified_at, digest)
     VALUES (2, '${path.basename(file)}', 'opened', ${size}, ${mtimeMs / 1000}, NULL)`,
  );
}

test('files: a change of one that was read is announced, and said at the cell', async (t) => {
  let data = '';
  const { client, cells } = await openAsCells(t, async (folder, database) => {
    data = path.join(folder, 'a.csv');
    await writeFile(data, '1\n');
    await noteRead(database, data);
  });
  const files = async () => (await cells.cells()).cells[1]?.outdated;
  assert.equal(await files(), false);
  await writeFile(data, '1\n2\n');
  await utimes(data, 1000, 2000);
  await client.until(async () => (await files()) === true);
  const cell = (await cells.cells()).cells[1];
  assert.equal(cell?.label, 'cached, but a.csv changed');
  assert.equal(cell.state, 'fresh');
  assert.match(cell.reason, /^In the cache, but a\.csv has changed since\./);
});

test('files: where it is set so, what was made of a file that changed is computed anew', async (t) => {
  let data = '';
  const { cells } = await openAsCells(t, async (folder, database) => {
    data = path.join(folder, 'a.csv');
    await writeFile(data, '1\n');
    await noteRead(database, data);
    const settings =
      '[tool.marimo.runtime]\ncache_cells = true\n[tool.cellar]\nrecompute_on_change = true\n';
    await writeFile(path.join(folder, 'pyproject.toml'), settings);
  });
  assert.equal((await cells.cells()).cells[1]?.state, 'fresh');
  await writeFile(data, '1\n2\n');
  const [, cell, below] = (await cells.cells()).cells;
  assert.equal(cell?.label, 'changed file: a.csv');
  assert.equal(cell.saves, undefined);
  assert.equal(below?.label, 'changed upstream: load');
  // What is gone cannot be read anew: what was made of it is served, and told.
  await rm(data);
  const gone = (await cells.cells()).cells[1];
  assert.equal(gone?.label, 'cached, but a.csv is gone');
});

test('files: a module that marimo loads anew has the cell computed anew, whatever else changed', async (t) => {
  const names = ['a.csv', 'helper.py'];
  const modified = 1000;
  let top = '';
  const { cells } = await openAsCells(t, async (folder, database) => {
    top = folder;
    for (const name of names) {
      await writeFile(path.join(folder, name), '1\n');
      await utimes(path.join(folder, name), modified, modified);
      await noteRead(database, path.join(folder, name));
    }
    const settings = '[tool.marimo.runtime]\ncache_cells = true\nauto_reload = "lazy"\n';
    await writeFile(path.join(folder, 'pyproject.toml'), settings);
  });
  const told = async () => {
    const { state, label, outdated, saves } = (await cells.cells()).cells[1] ?? {};
    return { state, label, outdated, saves };
  };
  assert.equal((await told()).state, 'fresh');
  await writeFile(path.join(top, 'a.csv'), '1\n2\n');
  assert.equal((await told()).label, 'cached, but a.csv changed');
  await writeFile(path.join(top, 'helper.py'), '1\n2\n');
  assert.deepEqual(await told(), {
    state: 'changedModule',
    label: 'changed module: helper.py',
    outdated: false,
    saves: undefined,
  });
  // What is made of it is told to be in doubt, and in doubt no more once the edit is taken back.
  const below = async () => (await cells.cells()).cells[2]?.label;
  assert.equal(await below(), 'changed upstream: load');
  await writeFile(path.join(top, 'helper.py'), '1\n');
  await utimes(path.join(top, 'helper.py'), modified, modified);
  assert.equal((await told()).label, 'cached, but a.csv changed');
  assert.equal(await below(), 'cached, saves 2 s');
});

test('cells: one that is disabled in the editor is not served', async (t) => {
  const { cells } = await openAsCells(t);
  assert.deepEqual(await cells.states(), fresh);
  const second = cells.asCell(1);
  const metadata = { marimo: { name: 'load', options: { disabled: true } } };
  await cells.change({ data: [{ ...second, metadata }] });
  const disabled = (await cells.cells()).cells;
  assert.deepEqual(
    disabled.map(({ label }) => label),
    ['cached, saves 34 s', 'disabled', 'disabled upstream: load'],
  );
  await cells.change({ data: [second] });
  assert.deepEqual(await cells.states(), fresh);
});
