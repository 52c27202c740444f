import assert from 'node:assert/strict';
import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { SqliteLoader } from '../../src/store/SqliteLoader';
import { newestPython } from '../environment';
import { runSql } from '../unit/store/cacheFolder';
import { runNotebook } from '../kernel';
import { cachingApp } from '../notebooks';
import { emptyFolder, stepsIn } from './steps';
import { VsCode } from './VsCode';

const notebook = `${cachingApp}


@app.cell
def fruit():
    apples = {"variety": "Boskoop"}
    pears = {"variety": "Conference"}
    return apples, pears


@app.cell
def use(apples, pears):
    used = [apples, pears, "used here"]
    return (used,)

@app.cell
def survey():
    import random

    import pandas as pd

    survey = pd.DataFrame(
        {
            "day": pd.date_range("2026-01-01", periods=450),
            "tags": [["sweet", "red"], [], None] * 150,
            "note": [{"by": "A", "stars": 4.5}, "none", 3] * 150,
        },
        index=pd.Index(range(1000, 1450), name="number"),
    ).sample(frac=1, random_state=random.randrange(99))
    print("Asked on", len(survey), "days.")
    return (survey,)


@app.cell
def topics():
    about = ["Explain to a child of five years, in words of two syllables at most:"]
    about += [f"  {at}. why {what}" for at, what in enumerate(["rain falls", "<b>ice</b> swims"], 1)]
    return (about,)


@app.cell
def ask(about):
    import marimo as mo

    @mo.persistent_cache
    def answer(question, model="small"):
        words = "Light is scattered, the blue of it most.\\n" * 12
        return {"answer": words, "tokens": 108, "cost": 0.0042, "tags": ("sky", "light")}

    blue = answer("Why is the sky blue?")["tokens"]
    for question in ("Why is the sky red in the evening?", "\\n".join(about)):
        answer(question)
    return answer, blue
`;

/** Its first line, by which people call it, has what a notification makes a link of. */
const linked = `

@app.cell
def _():
    text = "[more](command:workbench.action.showCommands)"
    return (text,)
`;

test('previews that stand behind others', async (t) => {
  const folder = await emptyFolder(t);
  const file = path.join(folder, 'fruit.py');
  await writeFile(file, notebook + linked);
  await runNotebook(newestPython(), file);
  const vsCode = await VsCode.open({ folder });
  t.after(() => vsCode.close());
  const { tree } = vsCode;
  const step = stepsIn(t, vsCode, 'previews');

  await step('a preview that nobody sees shows the value that is clicked next', async () => {
    await tree.show();
    await tree.expand('fruit.py');
    await tree.expand('fruit');
    await tree.expand(/^Result$/);
    await tree.click('apples');
    await (await vsCode.webview('fruit')).getByText('Boskoop').first().waitFor();
    // Previews keep their tabs: another one stands in front of it now.
    await vsCode.openFile('fruit.py');
    await tree.click('pears');
    await vsCode.eventually(async () => {
      const preview = await vsCode.webview('fruit');
      await preview.getByText('Conference').first().waitFor({ timeout: 2000 });
    });
  });

  await step('a frame that was pickled is a table', async () => {
    await tree.row('fruit').locator('.monaco-tl-twistie').click();
    await tree.expand('survey');
    await tree.expand(/^Result$/);
    // The cell's row bears the same name, and stands above its value.
    await tree.row('survey').nth(1).locator('.label-name').click();
    const preview = await vsCode.webview('survey');
    await preview.getByText("{'by': 'A', 'stars': 4.5}").first().waitFor();
    await preview.getByText('number', { exact: true }).waitFor();
    await preview.getByText('450 rows').waitFor();
  });

  await step('what its cell printed is read', async () => {
    await tree.row('console output').locator('.label-name').click();
    const preview = await vsCode.webview('survey');
    await preview.getByText('stdout: "Asked on 450 days."').waitFor();
    await vsCode.picture('previews-console');
  });

  await step('where random numbers go on is told in words', async () => {
    await tree.row('random state').locator('.label-name').click();
    const preview = await vsCode.webview('survey');
    await preview.getByText("random: Python's own generator, if it").waitFor();
  });

  await step('what a cached function returned is read without running anything', async () => {
    await tree.row('survey').first().locator('.monaco-tl-twistie').click();
    await tree.expand('ask');
    await tree.expand("answer('Why is the sky bl…')");
    await tree.row('output').last().locator('.label-name').click();
    const preview = await vsCode.webview('answer');
    const holds = preview.getByRole('tree', { name: 'What it holds' });
    await holds.getByText('tokens: 108').waitFor();
    await holds.getByText('Light is scattered, the blue of it most.').first().waitFor();
    await holds.getByText('tuple (2)').waitFor();
    await preview.getByText('Cellar never loads it').waitFor();
  });

  await step('results of one function are told apart by what it was called with', async () => {
    await tree.widen(160);
    assert.deepEqual(
      (await tree.labels()).filter((label) => label.startsWith('answer')),
      [
        "answer('Explain to a chil…')",
        "answer('Why is the sky re…')",
        "answer('Why is the sky bl…')",
      ],
    );
    await tree.press(/Explain/, 'Preview');
    const preview = await vsCode.webview('answer(');
    const call = preview.getByRole('region', { name: 'Called with' });
    await call.getByText('<b>ice</b> swims').waitFor();
    assert.match(await call.innerText(), /most:\n {2}1\. why rain falls\n/);
    await call.getByText("'small'").waitFor();
    await vsCode.picture('previews-call');
    await vsCode.command('Preferences: Toggle between Light/Dark Themes');
    const tooltip = await vsCode.hover(tree.row(/sky re/), 'in the evening');
    assert.match(
      await tooltip.innerText(),
      /question='Why is the sky red in the evening\?'\s+model='small'/,
    );
    await vsCode.picture('previews-call-tooltip');
    await vsCode.command('Preferences: Toggle between Light/Dark Themes');
  });

  await step('one of them is pinned, and let go', async () => {
    const pinned = async () => (await tree.rows()).filter((row) => row.includes('pinned'));
    await (await tree.menu(/sky re/, 'Pin')).click();
    await vsCode.eventually(async () => {
      const [cell = '', call = '', ...others] = await pinned();
      assert.deepEqual([cell.startsWith('ask'), others], [true, []]);
      assert.match(cell, /1 pinned/);
      assert.match(call, /sky re/);
    });
    await vsCode.picture('previews-pinned');
    await (await tree.menu(/sky re/, 'Unpin')).click();
    await vsCode.eventually(async () => {
      assert.deepEqual(await pinned(), []);
    });
  });

  await step('one of them is cleared, and comes back', async () => {
    await (await tree.menu(/sky re/, 'Clear Result')).click();
    const told = vsCode.notification("Cleared answer('Why is the sky re…')");
    await told.waitFor();
    await tree.row(/sky re/).waitFor({ state: 'detached' });
    await tree.row(/sky bl/).waitFor();
    await told.getByRole('button', { name: 'Undo' }).click();
    await vsCode.notification("Brought back answer('Why is the sky re…').").waitFor();
    await tree.row(/sky re/).waitFor();
    // The key asks, and clears no more than the row that is meant.
    await tree.click(/sky re/);
    await vsCode.eventually(async () => {
      // While a view is redrawn nothing is selected in it.
      await vsCode.page.keyboard.press('Delete');
      await vsCode.dialog.waitFor({ timeout: 2000 });
    });
    assert.match(await vsCode.dialog.innerText(), /answer\('Why is the sky re…'\) of fruit\.py/);
    await vsCode.picture('previews-clear-result');
    await vsCode.dialog.getByRole('button', { name: /^Clear/ }).click();
    await tree.row(/sky re/).waitFor({ state: 'detached' });
    await tree.pane.locator('.monaco-list-row.focused', { hasText: 'sky bl' }).waitFor();
    await vsCode.clearNotifications();
    // What the preview shows is cleared from it.
    const preview = await vsCode.webview('answer(');
    await preview.locator('vscode-button', { hasText: 'Clear Result' }).click();
    await preview.getByText('This result was cleared.').waitFor();
    await tree.row(/Explain/).waitFor({ state: 'detached' });
    await tree.row(/sky bl/).waitFor();
    await vsCode.clearNotifications();
  });

  await step('what is gone while its menu is open clears nothing else', async () => {
    await vsCode.openFile('fruit.py');
    await vsCode.goToLine(notebook.split('\n').indexOf('def fruit():') + 1);
    const choice = await tree.menu('use', 'Clear Cell Cache');
    const database = path.join(folder, '__marimo__', 'cache', 'cache.db');
    const loader = await SqliteLoader.open(database);
    t.after(() => loader.close());
    const [app] = await loader.apps();
    const cellsNow = () => loader.cells(app?.appId ?? -1);
    const use = (await cellsNow()).find(({ name }) => name === 'use');
    await loader.clear([{ kind: 'cell', cellId: use?.cellId ?? -1 }]);
    await tree.row('use').waitFor({ state: 'detached' });
    await choice.click();
    await vsCode.notification('It is no longer in the cache.').waitFor();
    const kept = (await cellsNow()).filter(({ entries }) => entries > 0);
    assert.deepEqual(
      kept.map(({ name }) => name),
      ['fruit', 'survey', 'topics', 'ask', undefined],
    );
  });

  await step('what a notebook calls a cell is no link in a notification', async () => {
    await vsCode.clearNotifications();
    await writeFile(file, notebook);
    await (await tree.menu(/^text = /, 'Reveal Cell in Notebook')).click();
    const told = vsCode.notification('The notebook as it is now does not have');
    await told.waitFor();
    assert.match(await told.innerText(), /command:workbench/);
    assert.equal(
      await told.locator('a[href], a[data-href], .notification-list-item-message a').count(),
      0,
    );
  });

  await step(
    'a link to what was in a cache that was begun anew does nothing to the next',
    async () => {
      await vsCode.clearNotifications();
      await vsCode.openFile('fruit.py');
      const hover = await vsCode.hover(vsCode.line('def fruit():').getByText('fruit'), 'Pin');
      const database = path.join(folder, '__marimo__', 'cache', 'cache.db');
      const next = path.join(folder, 'next.db');
      await runSql(database, `VACUUM INTO '${next}'`);
      await runSql(next, 'PRAGMA journal_mode = WAL');
      for (const suffix of ['-wal', '-shm']) await rm(database + suffix, { force: true });
      await rename(next, database);
      await hover.getByText('Pin', { exact: true }).click();
      await vsCode.notification('It is no longer in the cache.').waitFor();
      const loader = await SqliteLoader.open(database);
      t.after(() => loader.close());
      const [app] = await loader.apps();
      const cells = await loader.cells(app?.appId ?? -1);
      assert.ok(cells.some(({ entries }) => entries > 0));
      assert.ok(cells.every(({ pinned }) => pinned === 0));
    },
  );
});
