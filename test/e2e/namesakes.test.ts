import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { SqliteLoader } from '../../src/store/SqliteLoader';
import { newestPython } from '../environment';
import { runNotebook } from '../kernel';
import { cachingNotebook } from '../notebooks';
import { emptyFolder, stepsIn } from './steps';
import { VsCode } from './VsCode';

test('notebooks of the same name are not taken for one another', async (t) => {
  const folder = await emptyFolder(t);
  for (const name of ['north', 'south']) {
    await mkdir(path.join(folder, name));
    const notebook = path.join(folder, name, 'report.py');
    await writeFile(notebook, cachingNotebook);
    await runNotebook(newestPython(), notebook);
  }
  const vsCode = await VsCode.open({ folder });
  t.after(() => vsCode.close());
  const { tree, page } = vsCode;
  const step = stepsIn(t, vsCode, 'namesakes');
  const rows = tree.row('report.py');
  const south = rows.filter({ hasText: 'south' });

  const entriesOf = async (name: string) => {
    const database = path.join(folder, name, '__marimo__', 'cache', 'cache.db');
    const loader = await SqliteLoader.open(database);
    const apps = await loader.apps();
    await loader.close();
    return apps.reduce((sum, { entries }) => sum + entries, 0);
  };

  await step('the view says which folder each is in', async () => {
    await tree.show();
    await rows.nth(1).waitFor({ timeout: 30_000 });
    assert.match((await tree.rows()).join('\n'), /north, .*\n.*south, /);
  });

  await step('previews of cells of the same name say which notebook each is of', async () => {
    const tabs = async () =>
      (await page.locator('.tabs-container .tab').allInnerTexts()).map((text) =>
        text.trim().replaceAll('\\', '/'),
      );
    for (const at of [0, 1]) {
      const row = rows.nth(at);
      await row.locator('.monaco-tl-twistie').click();
      const cell = tree.row('answer').first();
      await cell.hover();
      await cell.locator('.action-label[aria-label^="Preview"]').click();
      await page.locator('.tab.active', { hasText: 'answer' }).waitFor();
      await (await vsCode.webview('answer')).getByText('42').first().waitFor();
      await row.locator('.monaco-tl-twistie').click();
      await tree.row('answer').waitFor({ state: 'detached' });
    }
    await vsCode.eventually(async () => {
      assert.deepEqual(await tabs(), ['answer, north/report.py', 'answer, south/report.py']);
    });
    await vsCode.picture('namesakes-tabs');
    await page.locator('.tab.active .action-label[aria-label^="Close"]').click();
    await vsCode.eventually(async () => {
      assert.deepEqual(await tabs(), ['answer']);
    });
  });

  await step('of rows of several kinds, the menu clears what is selected', async () => {
    await rows.nth(0).locator('.monaco-tl-twistie').click();
    await tree.row('answer').first().waitFor();
    for (const row of [tree.row('answer').first(), south]) {
      await row.locator('.label-name').click({ modifiers: ['Control'] });
    }
    const clear = await tree.menu('answer', /^Clear Selected/);
    await vsCode.picture('namesakes-menu');
    const offered = await page.locator('.monaco-menu .action-label').allInnerTexts();
    assert.deepEqual(
      offered.filter((title) => title.startsWith('Clear')),
      ['Clear Selected'],
    );
    await clear.click();
    await vsCode.dialog.waitFor();
    assert.match(await vsCode.dialog.innerText(), /Clear what is cached for 2 cells\?/);
    await page.keyboard.press('Escape');
    await vsCode.dialog.waitFor({ state: 'hidden' });
    await rows.nth(0).locator('.monaco-tl-twistie').click();
    await tree.row('answer').waitFor({ state: 'detached' });
  });

  await step('the question before a clear says so, too, and that one is cleared', async () => {
    await south.locator('.label-name').click();
    await vsCode.eventually(async () => {
      // While a view is redrawn nothing is selected in it.
      await page.keyboard.press('Delete');
      await vsCode.dialog.waitFor({ timeout: 2000 });
    });
    const asked = (await vsCode.dialog.innerText()).replaceAll('\\', '/');
    assert.match(asked, /Clear what is cached for south\/report\.py\?/);
    await vsCode.dialog.getByRole('button', { name: 'Clear', exact: true }).click();
    await south.waitFor({ state: 'detached' });
    assert.equal(await rows.count(), 1);
    assert.equal(await entriesOf('south'), 0);
    assert.equal(await entriesOf('north'), 1);
  });
});
