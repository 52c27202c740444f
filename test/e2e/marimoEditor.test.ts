import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { newestPython } from '../environment';
import { runNotebook } from '../kernel';
import { cachingApp } from '../notebooks';
import { MarimoEditor } from './MarimoEditor';
import { folderWith, stepsIn } from './steps';
import { VsCode } from './VsCode';

const notebook = `${cachingApp}


@app.cell
def _():
    import marimo as mo

    return (mo,)


@app.cell
def _(mo):
    mo.md(
        r"""
        # Ranks

        Who comes first?
        """
    )
    return


@app.cell
def load():
    import time

    time.sleep(1.5)
    rows = [3, 1, 2]
    return rows, time


@app.cell
def order(rows):
    ordered = sorted(rows)
    return (ordered,)


if __name__ == "__main__":
    app.run()
`;

test("in marimo's notebook editor", async (t) => {
  const folder = await folderWith(t, []);
  const python = newestPython();
  const file = path.join(folder, 'ranks.py');
  await writeFile(file, notebook);
  await runNotebook(python, file);
  await runNotebook(python, file);
  const companions = [await MarimoEditor.pack(t)];
  const vsCode = await VsCode.open({ folder, companions });
  t.after(() => vsCode.close());
  const step = stepsIn(t, vsCode, 'notebook');
  const editor = new MarimoEditor(vsCode);

  const expectStatuses = (...expected: RegExp[]) =>
    vsCode.eventually(async () => {
      const seen = await editor.statuses();
      assert.equal(seen.length, expected.length, seen.join(' / '));
      for (const [index, pattern] of expected.entries()) assert.match(seen[index] ?? '', pattern);
    }, 40);
  const status = (text: RegExp) => vsCode.page.locator('.statusbar-item', { hasText: text });
  const hoverOf = async (cell: number, word: string, expected: RegExp): Promise<string> => {
    const token = editor.cell(cell).locator('.view-line span span', { hasText: word }).first();
    return (await vsCode.hover(token, expected)).innerText();
  };

  await step('each cell says how it stands', async () => {
    await vsCode.openFile('ranks.py');
    await editor.open();
    await expectStatuses(/cached/, /cached, saves [1-9]/, /cached/);
    await status(/3 of 4 cells cached, saves/).waitFor();
  });

  await step('its first line has the hover', async () => {
    const text = await hoverOf(1, 'import', /In the cache, and the code is as saved/);
    assert.match(text, /Last run: hit/);
    assert.match(text, /Preview.*Clear.*Pin.*Why/s);
  });

  await step('an edit shows at the cell and below it before any run', async () => {
    await editor.cell(1).locator('.view-line', { hasText: 'rows' }).click();
    await vsCode.page.keyboard.press('End');
    await vsCode.page.keyboard.press('ArrowLeft');
    await vsCode.page.keyboard.type(', 0');
    await expectStatuses(/cached/, /changed here/, /changed upstream: load/);
    await status(/1 of 4 cells cached/).waitFor();
    await vsCode.picture('notebook-edited');
    await hoverOf(2, 'ordered', /load, which it needs, has changed/);
  });

  await step('after it was saved and run the cells are cached again', async () => {
    await vsCode.page.keyboard.press('Control+s');
    await vsCode.eventually(async () => {
      assert.match(await readFile(file, 'utf8'), /\[3, 1, 2, 0\]/);
    });
    await runNotebook(python, file);
    await expectStatuses(/cached/, /cached, saves/, /cached/);
    await status(/3 of 4 cells cached/).waitFor();
    const text = await hoverOf(2, 'ordered', /Last run: miss/);
    assert.match(text, /load, which it needs, changed|rows, from load, holds something else/);
  });

  await step('the status answers the question why', async () => {
    await editor.cell(2).locator('.cell-status-left .cell-status-item').first().click();
    await vsCode.dialog.waitFor();
    assert.match(await vsCode.dialog.innerText(), /The last runs:/);
    await vsCode.page.keyboard.press('Escape');
    await vsCode.dialog.waitFor({ state: 'hidden' });
  });

  await step('the toolbar of a cell clears it, and no other', async () => {
    await editor.cell(1).locator('.view-line').first().click();
    await editor.cell(1).locator('.action-label[aria-label^="Clear Cell Cache"]').click();
    await vsCode.notification(/Cleared/).waitFor();
    await expectStatuses(/cached/, /not cached/, /cached/);
  });

  await step('what is pinned says so', async () => {
    await vsCode.clearNotifications();
    await editor.cell(2).locator('.view-line').first().click();
    await vsCode.command('Cellar: Pin');
    await hoverOf(2, 'ordered', /Pinned\./);
  });

  await step('in a dark theme', async () => {
    await vsCode.command('Preferences: Toggle between Light/Dark Themes');
    await vsCode.page.waitForTimeout(1000);
    await hoverOf(2, 'ordered', /Last run/);
  });

  await step('caching is turned on for it without a question which', async () => {
    await vsCode.command('Turn On Cell Caching');
    await vsCode.pick('This notebook only');
    await vsCode.notification('Cell caching is on').waitFor();
  });
});
