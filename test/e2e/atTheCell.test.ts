import assert from 'node:assert/strict';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import type { Locator } from 'playwright-core';
import { newestPython } from '../environment';
import { runNotebook } from '../kernel';
import { cachingApp } from '../notebooks';
import { emptyFolder, stepsIn } from './steps';
import { VsCode } from './VsCode';

const notebook = `${cachingApp}


@app.cell
def load():
    import time

    time.sleep(1.5)
    _lines = open("more.csv").readlines()
    rows = [3, 1, 2]
    return rows, time


@app.cell
def order(rows):
    import ranking as _ranking
    ordered = _ranking.least_first(rows)
    return (ordered,)


@app.cell
def show(ordered):
    f"The least is {ordered[0]}."
    return


if __name__ == "__main__":
    app.run()
`;

test('at the cell: how it stands, before and after a run', async (t) => {
  const folder = await emptyFolder(t);
  const python = newestPython();
  const file = path.join(folder, 'ranks.py');
  await writeFile(file, notebook);
  await writeFile(path.join(folder, 'more.csv'), '1\n');
  const ranking = path.join(folder, 'ranking.py');
  await writeFile(ranking, 'def least_first(rows):\n    return sorted(rows)\n');
  await runNotebook(python, file);
  await runNotebook(python, file);
  const vsCode = await VsCode.open({ folder });
  t.after(() => vsCode.close());
  const step = stepsIn(t, vsCode, 'cell');

  const lenses = async () =>
    (await vsCode.page.locator('.editor-instance .codelens-decoration').allInnerTexts()).map(
      (text) => text.replaceAll(/\s+/g, ' ').trim(),
    );
  const expectLenses = (...expected: RegExp[]) =>
    vsCode.eventually(async () => {
      const seen = await lenses();
      assert.equal(seen.length, expected.length, seen.join(' / '));
      for (const [index, pattern] of expected.entries()) assert.match(seen[index] ?? '', pattern);
    }, 40);
  const status = (text: RegExp): Locator =>
    vsCode.page.locator('.statusbar-item', { hasText: text });
  const hoverOf = async (name: string, expected: RegExp): Promise<string> => {
    const word = vsCode.line(`def ${name}`).locator('span span').last();
    return (await vsCode.hover(word, expected)).innerText();
  };
  /** What the view says of cells, by their names, or of the notebook. */
  const expectRows = (expected: Readonly<Record<string, RegExp>>) =>
    vsCode.eventually(async () => {
      for (const [name, pattern] of Object.entries(expected)) {
        const row = vsCode.tree.row(name).first().locator('.label-description');
        assert.match(await row.innerText(), pattern);
      }
    }, 40);
  /** Another program's edit of the file, which the open editor takes over. */
  const rewrite = async (change: (text: string) => string) => {
    await writeFile(file, change(await readFile(file, 'utf8')));
  };

  await step('lenses and the status bar tell what is cached', async () => {
    await vsCode.openFile('ranks.py');
    await expectLenses(/^cached, saves 1\.[5-9] s$|^cached, saves \d/, /^cached/, /^cached/);
    await status(/3 of 3 cells cached, saves/).waitFor();
    await vsCode.page.locator('.editor-instance .cgmr').first().waitFor();
  });

  await step('an edit shows at the cell and below it before any run', async () => {
    await vsCode.goToLine(notebook.split('\n').indexOf('    rows = [3, 1, 2]') + 1);
    await vsCode.page.keyboard.press('End');
    await vsCode.page.keyboard.press('ArrowLeft');
    await vsCode.page.keyboard.type(', 0');
    await expectLenses(/^changed here$/, /^changed upstream: load$/, /^changed upstream: load$/);
    await status(/0 of 3 cells cached/).waitFor();
    const text = await hoverOf('order', /load, which it needs, has changed/);
    assert.match(text, /Preview.*Clear.*Pin.*Why/s);
  });

  await step('the view says the same of it, and keeps what is selected and unfolded', async () => {
    await vsCode.tree.show();
    await vsCode.tree.expand('ranks.py');
    await vsCode.tree.expand('load');
    const [edited, upstream] = [/^changed here, \d/, /^changed upstream: load, \d/];
    await expectRows({ load: edited, order: upstream, show: upstream, 'ranks.py': /^\d/ });
    await expectRows({ Result: edited });
    await vsCode.tree.click('order');
    await vsCode.page.locator('.editor-instance').first().click();
    // The comma and the digit are taken back one by one.
    const twice = async (key: string) => {
      for (let times = 0; times < 2; times++) await vsCode.page.keyboard.press(key);
    };
    await twice('Control+z');
    const served = /^saves \d/;
    await expectRows({ load: served, Result: /^current, saves \d/, 'ranks.py': served });
    await twice('Control+y');
    await expectRows({ load: edited, order: upstream });
    await vsCode.tree.pane.locator('.monaco-list-row.selected', { hasText: 'order' }).waitFor();
  });

  await step('after the run the hover tells what it met', async () => {
    await vsCode.page.keyboard.press('Control+s');
    await vsCode.eventually(async () => {
      assert.match(await readFile(file, 'utf8'), /\[3, 1, 2, 0\]/);
    });
    await runNotebook(python, file);
    await expectLenses(/^cached/, /^cached/, /^cached/);
    const text = await hoverOf('order', /Last run: miss/);
    assert.match(text, /load, which it needs, changed|rows, from load, holds something else/);
    assert.match(text, /Before: hit.*miss/s);
  });

  await step(
    'of what is changed back on disk, as by a checkout, the view says the same',
    async () => {
      await vsCode.tree.show();
      await vsCode.tree.expand('ranks.py');
      await vsCode.tree.expand('load');
      // The first ones, which are those of `load`.
      const expectResults = (...expected: RegExp[]) =>
        vsCode.eventually(async () => {
          const rows = (await vsCode.tree.rows()).filter((row) => row.startsWith('Result'));
          for (const [at, words] of expected.entries()) assert.match(rows[at] ?? '', words);
        });
      const [current, outdated] = [/^Result ?current, saves/, /^Result ?outdated/];
      await expectResults(current, outdated);
      await rewrite((text) => text.replace('[3, 1, 2, 0]', '[3, 1, 2]'));
      await expectLenses(/^cached/, /^cached/, /^cached/);
      await expectResults(outdated, current);
      await vsCode.picture('cell-changed-back-in-the-view');
      await rewrite((text) => text.replace('[3, 1, 2]', '[3, 1, 2, 0]'));
      await expectResults(current, outdated);
    },
  );

  await step('what is disabled is said to be, with what needs it', async () => {
    await rewrite((text) =>
      text.replace('@app.cell\ndef load', '@app.cell(disabled=True)\ndef load'),
    );
    await expectLenses(/^disabled$/, /^disabled upstream: load$/, /^disabled upstream: load$/);
    await status(/0 of 3 cells cached/).waitFor();
    assert.match(await hoverOf('load', /It is disabled/), /Preview.*Clear.*Pin.*Why/s);
    await vsCode.tree.show();
    await vsCode.tree.expand('ranks.py');
    const row = (label: string) => vsCode.tree.row(label).first().innerText();
    await vsCode.eventually(async () => {
      assert.match(await row('load'), /disabled/);
      assert.match(await row('order'), /disabled/);
      assert.doesNotMatch(`${await row('load')} ${await row('order')}`, /saves/);
    });
    await vsCode.picture('cell-disabled-in-the-view');
    await vsCode.tree.expand('load');
    await vsCode.tree.expand(/^Result$/);
    await vsCode.tree.click('rows');
    const preview = await vsCode.webview('load');
    await preview.locator('header vscode-badge', { hasText: 'disabled' }).waitFor();
    await rewrite((text) => text.replace('@app.cell(disabled=True)', '@app.cell'));
    await vsCode.eventually(async () => {
      assert.doesNotMatch(await row('load'), /disabled/);
    });
    await preview.locator('header vscode-badge', { hasText: 'current' }).waitFor();
    await vsCode.openFile('ranks.py');
    await expectLenses(/^cached/, /^cached/, /^cached/);
  });

  await step('what is pinned says so, in the hover and the tree', async () => {
    await vsCode.goToLine(notebook.split('\n').indexOf('def order(rows):') + 1);
    await vsCode.command('Cellar: Pin');
    await hoverOf('order', /Pinned\./);
    await status(/3 of 3 cells cached/).click();
    const row = vsCode.tree.row('order').first();
    await row.waitFor();
    assert.match(await row.innerText(), /pinned/);
  });

  await step('of a selection of cells and results all is pinned', async () => {
    await vsCode.tree.show();
    await vsCode.tree.expand('load');
    const { page, tree } = vsCode;
    const result = tree.row(/^Result$/).first();
    await result.waitFor();
    await tree.row('show').locator('.label-name').click();
    await result.locator('.label-name').click({ modifiers: ['Control'] });
    await tree.pane.locator('.monaco-list-row.selected', { hasText: 'show' }).waitFor();
    const pin = await tree.menu('show', 'Pin');
    await pin.click();
    await page.locator('.statusbar', { hasText: /[23] results pinned/ }).waitFor();
    await vsCode.eventually(async () => {
      assert.match(await result.innerText(), /pinned/);
      assert.match(await tree.row('show').innerText(), /pinned/);
      assert.match(await tree.row('load').innerText(), /1 pinned/);
    });
    await (await tree.menu('show', 'Unpin')).click();
    await page.locator('.statusbar', { hasText: 'No longer pinned.' }).waitFor();
    await vsCode.eventually(async () => {
      assert.doesNotMatch(await tree.row('load').innerText(), /pinned/);
    });
  });

  await step('and of one that has a notebook, all that the notebook has', async () => {
    const { page, tree } = vsCode;
    await tree.row('show').locator('.label-name').click();
    const app = tree.row('ranks.py').first();
    await app.locator('.label-name').click({ modifiers: ['Control'] });
    await tree.pane.locator('.monaco-list-row.selected', { hasText: 'show' }).waitFor();
    // Its menu offers only what every row that is selected has.
    const pin = await tree.menu('show', 'Pin');
    await page.getByRole('menuitem', { name: 'Clear Selected' }).waitFor();
    await pin.click();
    await page.locator('.statusbar', { hasText: /\d results pinned/ }).waitFor();
    await vsCode.eventually(async () => {
      assert.match(await tree.row('show').innerText(), /pinned/);
      assert.match(await tree.row('load').innerText(), /pinned/);
    });
    await (await tree.menu('show', 'Unpin')).click();
    await page.locator('.statusbar', { hasText: 'No longer pinned.' }).waitFor();
    await vsCode.eventually(async () => {
      assert.doesNotMatch((await tree.rows()).join('\n'), /pinned/);
    });
  });

  await step('the question why is answered', async () => {
    await vsCode.page.locator('.editor-instance .codelens-decoration a').nth(1).click();
    await vsCode.dialog.waitFor();
    const text = await vsCode.dialog.innerText();
    assert.match(text, /The last runs:/);
    assert.match(text, /order[^]*load, which it needs, changed; rows, from load, holds something/);
    await vsCode.picture('cell-why');
    await vsCode.page.keyboard.press('Escape');
    await vsCode.dialog.waitFor({ state: 'hidden' });
  });

  await step(
    'the Delete key clears what is selected in the view, and says what that is',
    async () => {
      const { keyboard } = vsCode.page;
      await vsCode.tree.click('order');
      // The arrow keys move on without selecting: what is asked names what is meant.
      await keyboard.press('ArrowDown');
      await keyboard.press('Delete');
      await vsCode.dialog.waitFor();
      assert.match(await vsCode.dialog.innerText(), /order of ranks\.py/);
      await vsCode.picture('cell-delete-key');
      await keyboard.press('Escape');
      await vsCode.dialog.waitFor({ state: 'hidden' });
      await vsCode.tree.row('order').first().waitFor();
      // Elsewhere the key is the editor's.
      await vsCode.goToLine(1);
      await keyboard.press('Delete');
      await vsCode.page.waitForTimeout(500);
      assert.equal(await vsCode.dialog.isVisible(), false);
      await keyboard.press('Control+z');
      await vsCode.tree.click('load');
      await vsCode.eventually(async () => {
        // While a view is redrawn, as after the edit, nothing is selected in it.
        await keyboard.press('Delete');
        await vsCode.dialog.waitFor({ timeout: 2000 });
      });
      await vsCode.dialog.getByRole('button', { name: /Clear/ }).click();
      await vsCode.tree.row('load').waitFor({ state: 'detached' });
      // The keyboard goes on from where it was.
      await vsCode.tree.pane.locator('.monaco-list-row.focused', { hasText: 'order' }).waitFor();
      await vsCode.command('Cellar: Undo Clear');
      await vsCode.tree.row('load').first().waitFor();
      // What is said of the clear still stands there.
      await vsCode
        .notification(/Cleared/)
        .getByRole('button', { name: 'Undo' })
        .click();
      await vsCode.notification(/is undone already/).waitFor();
      await vsCode.clearNotifications();
    },
  );

  await step('of a cell that was never cached, it is said why', async () => {
    const cell =
      '@app.cell\ndef first(ordered):\n    first = ordered[0]\n    return (first,)\n\n\n';
    await rewrite((text) => text.replace('if __name__', `${cell}if __name__`));
    await expectLenses(/^cached/, /^cached/, /^cached/, /^not cached$/);
    const lines = (await readFile(file, 'utf8')).split('\n');
    await vsCode.goToLine(lines.indexOf('def first(ordered):') + 1);
    const hover = await hoverOf('first', /Not in the cache\. marimo caches it once it has run/);
    assert.match(hover, /Why\?$/);
    assert.doesNotMatch(hover, /Preview|Turn On/);
    await vsCode.picture('cell-hover-uncached');
    await vsCode.command('Cellar: Why?');
    await vsCode.dialog.getByText(/Not in the cache\. marimo caches it once it has run/).waitFor();
    await vsCode.picture('cell-why-uncached');
    await vsCode.page.keyboard.press('Escape');
    await vsCode.dialog.waitFor({ state: 'hidden' });
    await vsCode.page.locator('.editor-instance .codelens-decoration a').nth(3).click();
    await vsCode.dialog.getByText(/^first$/).waitFor();
    await vsCode.page.keyboard.press('Escape');
    await vsCode.dialog.waitFor({ state: 'hidden' });
    await rewrite((text) => text.replace(cell, ''));
    await vsCode.goToLine(1);
    await expectLenses(/^cached/, /^cached/, /^cached/);
  });

  await step('a file that was read and changed is told of', async () => {
    await writeFile(path.join(folder, 'more.csv'), '1\n2\n');
    await expectLenses(/^cached, but more\.csv changed$/, /^cached/, /^cached/);
    const text = await hoverOf('load', /more\.csv changed/);
    assert.match(text, /Clear/);
    await vsCode.tree.show();
    await expectRows({ load: /^cached, but more\.csv changed, \d/ });
  });

  await step('and so is a module of one’s own that made it', async () => {
    await writeFile(ranking, 'def least_first(rows):\n    return sorted(set(rows))\n');
    const changed = (file: string) => new RegExp(`^cached, but ${file} changed$`);
    await expectLenses(changed('more.csv'), changed('ranking.py'), /^cached/);
    assert.match(await hoverOf('order', /ranking\.py changed/), /Clear/);
  });

  await step('and what they made is computed anew where that is set', async () => {
    const settings = path.join(folder, 'pyproject.toml');
    await writeFile(settings, '[tool.cellar]\nrecompute_on_change = true\n');
    const changed = (file: string) => new RegExp(`^changed file: ${file}$`);
    await expectLenses(changed('more.csv'), changed('ranking.py'), /^changed upstream: order$/);
    await expectRows({ load: /^changed file: more\.csv, \d/ });
    await hoverOf('load', /more\.csv has changed since: it is computed anew/);
    await vsCode.picture('cell-computed-anew');
    await rm(settings);
    await expectLenses(/more\.csv changed$/, /ranking\.py changed$/, /^cached/);
  });

  await step('where caching is off nothing is said to be served', async () => {
    await rewrite((text) => text.replace('cache_cells = true', 'cache_cells = false'));
    const off = /^cached, but caching is off$/;
    await expectLenses(off, off, off);
    await status(/3 of 3 cells cached, but caching is off/).click();
    // For the notebook in the editor, which is not asked for.
    const choice = vsCode.page.locator('.quick-input-widget', { hasText: 'This notebook only' });
    await choice.waitFor();
    assert.match(await choice.innerText(), /ranks\.py/);
    await vsCode.picture('cell-off-turn-on');
    await vsCode.page.keyboard.press('Escape');
    await choice.waitFor({ state: 'hidden' });
    const why = await hoverOf('order', /cell caching is off for this notebook/);
    assert.match(why, /Turn On Cell Caching \| Why\?$/);
    const said = /^cached, but caching is off, ((\d+ )?pinned, )?\d/;
    await expectRows({ load: said, order: said, show: said, 'ranks.py': /^\d/ });
    await vsCode.picture('cell-off-in-the-view');
    await rewrite((text) => text.replace('cache_cells = false', 'cache_cells = true'));
    await expectLenses(/more\.csv changed$/, /ranking\.py changed$/, /^cached$|^cached, saves/);
  });

  await step('a cell that was moved keeps its history in a notebook that was renamed', async () => {
    const cells = /(@app\.cell\ndef order[^]*?\n\n\n)(@app\.cell\ndef show[^]*?\n\n\n)/;
    await rewrite((text) => text.replace(cells, '$2$1'));
    await vsCode.tree.show();
    await rename(file, path.join(folder, 'places.py'));
    await vsCode.eventually(async () => {
      assert.match(await vsCode.tree.row('ranks.py').innerText(), /the file is gone/);
    });
    await vsCode.picture('cell-notebook-gone');
    await vsCode.command('View: Show Explorer');
    const found = vsCode.page.locator('.explorer-folders-view .monaco-list-row');
    await found.filter({ hasText: 'places.py' }).dblclick();
    await vsCode.page.locator('.tab.active', { hasText: 'places.py' }).waitFor();
    await expectLenses(/^cached/, /^cached/, /^cached/);
    assert.match(await hoverOf('order', /Last run: miss/), /Before: hit/);
  });

  await step('what changed files made is cleared together', async () => {
    await vsCode.page.locator('.editor-instance .codelens-decoration a').first().click();
    await vsCode.dialog.getByText(/^load$/).waitFor();
    await vsCode.picture('cell-why-changed-files');
    await vsCode.dialog.getByRole('button', { name: 'Clear 2 Cells of Changed Files' }).click();
    await vsCode.dialog.getByText('Clear what is cached for 2 cells?').waitFor();
    await vsCode.dialog.getByRole('button', { name: /^Clear/ }).click();
    await expectLenses(/^not cached/, /^cached/, /^not cached/);
  });

  await step('in a dark theme', async () => {
    await vsCode.command('Preferences: Toggle between Light/Dark Themes');
    await vsCode.page.waitForTimeout(1000);
    await hoverOf('order', /Last run/);
  });
});
