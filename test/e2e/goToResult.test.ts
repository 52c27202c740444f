import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { newestPython } from '../environment';
import { runNotebook } from '../kernel';
import { cachingApp } from '../notebooks';
import { runSql } from '../unit/store/cacheFolder';
import { emptyFolder, stepsIn } from './steps';
import { VsCode } from './VsCode';

/** Answers to several questions, the last of which is asked last, and a cell with a result of its own. */
const chat = `${cachingApp}


@app.cell
def answers():
    import marimo as mo

    @mo.persistent_cache
    def ask(prompt, model="small"):
        return {"answer": f"{prompt} Nobody knows.", "tokens": len(prompt)}

    for _prompt in (
        "Why is the sky blue?",
        "You are a kind assistant who answers in one sentence. Why is the sky red in the evening?",
        "Who painted the $(trash) in the hall?",
        *(f"How many are {n} and 100%?" for n in range(120)),
    ):
        ask(_prompt)
    return (mo,)
`;

const market = `${cachingApp}


@app.cell
def prices():
    prices = [0.25, 0.5]
    return (prices,)
`;

test('a result is found among many by what its call was made with', async (t) => {
  const folder = await emptyFolder(t);
  const [talks, other, broken] = ['talks', 'market', 'broken'].map((name) =>
    path.join(folder, name),
  );
  assert.ok(talks && other && broken);
  const notebook = path.join(talks, 'chat.py');
  for (const each of [talks, other]) await mkdir(each);
  await writeFile(notebook, chat);
  await writeFile(path.join(other, 'market.py'), market);
  await runNotebook(newestPython(), path.join(other, 'market.py'));
  await runNotebook(newestPython(), notebook);
  const damaged = path.join(broken, '__marimo__', 'cache', 'cache.db');
  await mkdir(path.dirname(damaged), { recursive: true });
  await writeFile(damaged, 'this is not a database, and longer than a header '.repeat(99));

  const vsCode = await VsCode.open({ folder });
  t.after(() => vsCode.close());
  const step = stepsIn(t, vsCode, 'go-to-result');
  const { page } = vsCode;
  const list = page.locator('.quick-input-widget');
  const rows = list.locator('.quick-input-list .monaco-list-row');
  const row = (text: string) => vsCode.quickPickRow(text);
  const title = list.locator('.quick-input-title');
  const input = list.locator('input[type="text"]');
  const open = async () => {
    await page.locator('.sidebar').getByRole('button', { name: 'Go to Result...' }).click();
    await rows.first().waitFor();
  };

  await step('the magnifying glass in the view lists what was used last', async () => {
    await vsCode.tree.show();
    await vsCode.tree.row('chat.py').waitFor({ timeout: 30_000 });
    await open();
    await title.getByText('Go to Result: the 100 used last', { exact: true }).waitFor();
    await rows.first().getByText('talks/chat.py').waitFor();
  });

  await step(
    'words find the call that has them, beyond those and wherever they are in it',
    async () => {
      await input.fill('evening sky');
      // The cell in whose code they stand comes after it, and the cache that could not be searched.
      await vsCode.eventually(async () => {
        assert.equal(await rows.count(), 3);
      });
      await rows.nth(1).getByText('Why is the sky blue?').waitFor();
      await rows.nth(2).getByText('This file is not a database').waitFor();
      await title.getByText('Go to Result', { exact: true }).waitFor();
      const told = (await rows.first().innerText()).replaceAll(/\s+/g, ' ');
      assert.match(told, /^ask\('.*'\).*talks\/chat\.py › answers/);
      assert.match(told, /Why is the sky red in the evening\?', model='small'/);
      const spoken = (await rows.first().getAttribute('aria-label')) ?? '';
      assert.match(spoken, /^ask\(.*talks\/chat\.py › answers, .*sky red in the evening/);
    },
  );

  await step('another cache is found by its notebook, its cell and its code', async () => {
    for (const text of ['market.py', 'prices', '0.25']) {
      await input.fill(text);
      await row('market/market.py').waitFor();
      await vsCode.eventually(async () => {
        assert.equal(await rows.count(), 2, text);
      });
    }
  });

  await step('what has a meaning elsewhere is found as it is', async () => {
    await input.fill('$(trash');
    await row('$ (trash) in the hall?').first().waitFor();
    assert.equal(await rows.locator('.codicon-trash').count(), 0);
    await input.fill('7 100%?');
    await title.getByText('Go to Result', { exact: true }).waitFor();
    await row('How many are 107 and').waitFor();
  });

  await step('where nothing matches, the list says so', async () => {
    await input.fill('no such words');
    await row('No result matches “no such words”').waitFor();
    await page.keyboard.press('Enter');
    await row('No result matches “no such words”').waitFor();
  });

  await step('the cache that is left out says why', async () => {
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await vsCode.notification('is not an SQLite database').waitFor();
    await vsCode.clearNotifications();
  });

  await step('a result is pinned from the list, which stays', async () => {
    await open();
    await input.fill('evening assistant');
    await row('in the evening').first().waitFor();
    await rows.first().hover();
    await rows.first().getByRole('button', { name: 'Pin' }).click();
    await row('pinned').first().waitFor();
    assert.equal(await row('pinned').count(), 1, 'that alone');
    await rows.first().hover();
    await rows.first().getByRole('button', { name: 'Unpin' }).waitFor();
    assert.equal(await input.inputValue(), 'evening assistant');
  });

  await step('by the keyboard it is let go again, which stays where it is', async () => {
    // Not what the mouse rests on has the buttons, but what the keyboard is at.
    await page.mouse.move(5, 790);
    await input.focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    const [reveal, unpin] = ['Reveal Cell in Notebook', 'Unpin'].map((name) =>
      rows.first().getByRole('button', { name }).and(page.locator(':focus')),
    );
    await reveal?.waitFor();
    await page.keyboard.press('ArrowRight');
    await unpin?.waitFor();
    await page.keyboard.press('Enter');
    await rows
      .first()
      .getByRole('button', { name: 'Pin', exact: true })
      .waitFor({ state: 'attached' });
    await rows.first().and(page.locator('.focused')).waitFor();
    await list.locator(':focus').waitFor();
  });

  await step(
    'by the keyboard alone, what is typed is previewed as soon as it is found',
    async () => {
      await page.keyboard.press('Escape');
      await vsCode.command('Cellar: Go to Result');
      await title.waitFor();
      await page.keyboard.type('evening');
      await page.keyboard.press('Enter');
      const preview = await vsCode.webview(/ask/);
      await preview.getByText('Nobody knows').first().waitFor();
      await preview.getByText('in the evening?').first().waitFor();
      await list.waitFor({ state: 'hidden' });
    },
  );

  await step('a button on a line goes to the cell in the notebook', async () => {
    await open();
    await input.fill('blue');
    await row('sky blue').first().waitFor();
    await rows.first().hover();
    await rows.first().getByRole('button', { name: 'Reveal Cell in Notebook' }).click();
    await page.locator('.tab.active', { hasText: 'chat.py' }).waitFor();
    await vsCode.line('def answers():').waitFor();
  });

  await step('a result that is gone by the time it is chosen says so', async () => {
    await vsCode.clearNotifications();
    await open();
    await input.fill('painted');
    await row('painted').first().waitFor();
    await runSql(
      path.join(talks, '__marimo__', 'cache', 'cache.db'),
      `PRAGMA foreign_keys = ON;
       DELETE FROM entries WHERE entry_id IN (
         SELECT entry_id FROM calls WHERE arguments LIKE '%painted%')`,
    );
    await page.keyboard.press('Enter');
    await vsCode.notification('It is no longer in the cache.').waitFor();
  });

  await step('in a theme of high contrast', async () => {
    await vsCode.clearNotifications();
    await vsCode.setTheme({ name: 'Default High Contrast', mark: 'hc-black' });
    await open();
    await input.fill('sky');
    await row('sky blue').first().waitFor();
  });
});

test('where nothing is kept there is nothing to search', async (t) => {
  const folder = await emptyFolder(t);
  const vsCode = await VsCode.open({ folder });
  t.after(() => vsCode.close());
  await vsCode.command('Cellar: Go to Result');
  await vsCode.notification('Nothing is cached in this workspace.').waitFor();
  await vsCode.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
});
