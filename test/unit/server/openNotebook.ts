/** A notebook of three cells, as the tests of the server have it open. */
import type { TestContext } from 'node:test';
import type { InitializeParams } from 'vscode-languageserver-protocol/node';
import { EditorClient } from './EditorClient';
import { creation, makeNotebookFolder, runSql, type SavedCell, savedRows } from './notebookFolder';

/** A cell whose result is served. */
export const load: SavedCell = {
  name: 'load',
  code: 'df = read("a.csv")',
  defs: ['df'],
  values: { df: 12_400_000, return: 1200, manifest: 300 },
  runtime: 34,
  lookup: { outcome: 'hit', seconds: 0.5 },
};
/** One that needs it. */
export const plot: SavedCell = {
  code: 'chart = draw(df)',
  defs: ['chart'],
  parents: [0],
  values: { chart: 640_000 },
  runtime: 2,
  lookup: { outcome: 'miss', seconds: 2.1, why: 'The code of load changed.' },
};
/** One that needs that, and of which nothing is kept. */
export const tail: SavedCell = { name: 'tail', code: 'print(chart)', parents: [1] };

/** The notebook's file: `load` is on lines 5 to 8, `plot` 11 to 14, `tail` 17 to 20. */
export const notebook = (reading = 'df = read("a.csv")') => `import marimo

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

/** A server that ends with the test. */
export async function start(
  t: TestContext,
  params?: Partial<InitializeParams>,
): Promise<EditorClient> {
  const client = await EditorClient.start(params);
  t.after(() => client.stop());
  return client;
}

/** A notebook with a cache that holds `cells`, and a server in which it is open. */
export async function openNotebook(
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
