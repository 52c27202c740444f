import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import type { CellSummary } from '../../src/store/rows';
import { SqliteLoader } from '../../src/store/SqliteLoader';
import { newestPython } from '../environment';
import { runNotebook } from '../kernel';
import { folderWith, stepsIn } from './steps';
import { VsCode } from './VsCode';

/** How an LZ4 frame begins. */
const lz4Frame = Buffer.from([0x04, 0x22, 0x4d, 0x18]);

test('from a run in a real kernel to a cleared cache', async (t) => {
  const folder = await folderWith(t, ['wine.py', 'diabetes.py']);
  const python = newestPython();
  const wine = path.join(folder, 'wine.py');
  await runNotebook(python, wine);
  await runNotebook(python, path.join(folder, 'diabetes.py'));
  const lines = (await readFile(wine, 'utf8')).split('\n');
  const lineOf = (text: string) => lines.findIndex((line) => line.startsWith(text)) + 1;
  const vsCode = await VsCode.open({ folder });
  t.after(() => vsCode.close());
  const { tree } = vsCode;
  const step = stepsIn(t, vsCode, 'path');

  /** The cells of wine.py as the database has them. */
  const withCells = async (
    look: (cell: CellSummary, loader: SqliteLoader) => Promise<void>,
  ): Promise<void> => {
    const loader = await SqliteLoader.open(path.join(folder, '__marimo__', 'cache', 'cache.db'));
    try {
      const app = (await loader.apps()).find(({ notebook }) => notebook.endsWith('wine.py'));
      assert.ok(app);
      for (const cell of await loader.cells(app.appId)) await look(cell, loader);
    } finally {
      await loader.close();
    }
  };

  /** What the last lookup of each cell since `since` met; Unix seconds. */
  const outcomesSince = async (since: number): Promise<Map<string, string>> => {
    const met = new Map<string, string>();
    await withCells(async (cell, loader) => {
      const [last] = await loader.lookups(cell.cellId, 1);
      if (last === undefined || last.at < since) return;
      met.set(cell.name ?? `#${cell.ordinal}`, last.outcome);
    });
    return met;
  };

  /** The bytes of a small value. */
  const valueNamed = async (cellName: string, name: string): Promise<Buffer> => {
    let bytes = Buffer.alloc(0);
    await withCells(async (cell, loader) => {
      if (cell.name !== cellName) return;
      for (const { entryId } of await loader.entries(cell.cellId)) {
        const item = (await loader.items(entryId)).find((value) => value.name === name);
        const read = item === undefined ? undefined : await loader.values.inline(item);
        if (read?.kind === 'bytes') bytes = Buffer.from(read.bytes);
      }
    });
    return bytes;
  };

  await step('the tree shows the notebooks', async () => {
    await tree.show();
    await tree.widen(80);
    await tree.row('wine.py').waitFor({ timeout: 30_000 });
    await tree.row('diabetes.py').waitFor();
    const wineRow = (await tree.rows()).find((row) => row.startsWith('wine.py'));
    assert.match(wineRow ?? '', /saves.*(kB|MB)/, 'time saved and size are told');
  });

  await step('the tree unfolds to cells, results and values', async () => {
    await tree.expand('wine.py');
    await tree.row('search_model').waitFor();
    const labels = await tree.labels();
    const cells = labels.slice(labels.indexOf('wine.py') + 1);
    const inOrder = ['load_table', 'summarise', 'split', 'search_model'].map((name) =>
      cells.indexOf(name),
    );
    assert.ok(!inOrder.includes(-1), `cells are missing among ${cells.join(', ')}`);
    assert.deepEqual(
      inOrder,
      inOrder.toSorted((a, b) => a - b),
      'in notebook order',
    );
    assert.ok(
      cells.some((label) => label.startsWith('candidates = ')),
      'a cell without a name goes by its first line',
    );
    await tree.expand('load_table');
    await tree.expand(/^Result$/);
    await tree.row('wine').waitFor();
  });

  await step('an LZ4 Arrow table is previewed', async () => {
    assert.ok((await valueNamed('load_table', 'wine')).includes(lz4Frame), 'it is compressed');
    await tree.click('wine');
    const preview = await vsCode.webview('load_table');
    await preview.getByText('malic_acid').first().waitFor();
    await preview.getByText('14.23').first().waitFor();
  });

  await step('a JSON value is previewed', async () => {
    await tree.expand('diabetes.py');
    await tree.expand('compare_models');
    await tree.expand('model_scores');
    await tree.click(/, scores$/);
    const preview = await vsCode.webview('compare_models');
    await preview.getByText('GradientBoostingRegressor').first().waitFor();
  });

  await step('the hover tells that a cell is cached', async () => {
    await vsCode.openFile('wine.py');
    await vsCode.goToLine(lineOf('def search_model'));
    await vsCode.page.locator('.editor-instance .codelens-decoration:visible').first().waitFor();
    const name = vsCode.line('def search_model').locator('span span').last();
    const hover = await vsCode.hover(name, /cache/i);
    const text = await hover.innerText();
    assert.match(text, /Preview/);
    assert.match(text, /Clear/);
    assert.ok(text.trim().split('\n').length <= 6, `the hover is short:\n${text}`);
  });

  await step('one cell is cleared from the palette', async () => {
    await vsCode.goToLine(lineOf('def summarise'));
    await vsCode.command('Clear cell cache');
    await vsCode.notification(/Cleared summarise/).waitFor();
    await tree.row('summarise').waitFor({ state: 'detached' });
    await tree.row('load_table').waitFor();
    await vsCode.clearNotifications();
  });

  await step('the next run computes that cell, and no other', async () => {
    const begun = Date.now() / 1000;
    await runNotebook(python, wine);
    const met = await outcomesSince(begun);
    assert.equal(met.get('summarise'), 'miss');
    assert.ok(met.size >= 10, 'all cells were looked up');
    const misses = [...met].filter(([, outcome]) => outcome !== 'hit').map(([cell]) => cell);
    assert.deepEqual(misses, ['summarise']);
    await tree.row('summarise').waitFor({ timeout: 10_000 });
  });

  await step('the hover tells what the last runs met', async () => {
    await vsCode.goToLine(lineOf('def search_model'));
    const name = vsCode.line('def search_model').locator('span span').last();
    const text = await (await vsCode.hover(name, /Last run: hit/)).innerText();
    assert.match(text, /Before: miss \(/);
  });

  await step("a cell that is cleared by the tree's button comes back by the notice's", async () => {
    await tree.row('summarise').hover();
    await tree.row('summarise').locator('.action-label[aria-label^="Clear Cell Cache"]').click();
    const notice = vsCode.notification(/Cleared summarise/);
    await notice.waitFor();
    await tree.row('summarise').waitFor({ state: 'detached' });
    await vsCode.picture('path-undo');
    await notice.getByRole('button', { name: 'Undo', exact: true }).click();
    await vsCode.notification('Brought back summarise of wine.py.').waitFor();
    await tree.row('summarise').waitFor();
    await vsCode.picture('path-undone');
    await vsCode.clearNotifications();
  });

  await step('the next run is served what came back', async () => {
    const begun = Date.now() / 1000;
    await runNotebook(python, wine);
    const met = await outcomesSince(begun);
    assert.equal(met.get('summarise'), 'hit');
    assert.deepEqual([...new Set(met.values())], ['hit']);
  });

  await step('the whole notebook is cleared after a question', async () => {
    await vsCode.command('Clear notebook cache');
    await vsCode.dialog.waitFor();
    assert.match(await vsCode.dialog.innerText(), /wine\.py/);
    assert.match(await vsCode.dialog.innerText(), /can be undone/);
    await vsCode.picture('path-question');
    await vsCode.dialog.getByRole('button', { name: 'Clear', exact: true }).click();
    await vsCode.notification(/Cleared/).waitFor();
    await tree.row('wine.py').waitFor({ state: 'detached' });
    await tree.row('diabetes.py').waitFor();
    assert.ok((await outcomesSince(0)).size > 0, 'what its runs met stays known');
  });

  await step('the notebook comes back by the command', async () => {
    await vsCode.command('Cellar: Undo Clear');
    await vsCode.notification('Brought back wine.py.').waitFor();
    await tree.row('wine.py').waitFor();
    const begun = Date.now() / 1000;
    await runNotebook(python, wine);
    assert.deepEqual([...new Set((await outcomesSince(begun)).values())], ['hit']);
  });

  await step('the command is offered as long as there is a clear to undo', async () => {
    // The first one, from the palette.
    await vsCode.command('Cellar: Undo Clear');
    await vsCode.notification('Nothing had to come back: it was computed again.').waitFor();
    assert.deepEqual(await vsCode.commandsFor('Undo Clear'), []);
  });
});
