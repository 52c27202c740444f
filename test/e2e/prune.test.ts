import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import type { Locator } from 'playwright-core';
import { newestPython } from '../environment';
import { bundledPython, runNotebook } from '../kernel';
import { cachingApp } from '../notebooks';
import { runSql } from '../unit/store/cacheFolder';
import { OtherProcess } from '../unit/store/OtherProcess';
import { emptyFolder, stepsIn } from './steps';
import { VsCode } from './VsCode';

const run = promisify(execFile);

/** A notebook whose one cell says when it is computed, in its n-th version. */
const version = (n: number) => `${cachingApp}


@app.cell
def numbers():
    import pathlib as _pathlib
    import time as _time

    from marimo_cellar import cost as _cost

    _time.sleep(1.5)
    _cost(0.42)
    with _pathlib.Path("computed.txt").open("a") as _log:
        _log.write("${n}\\n")
    numbers = bytes([${n}]) * 300_000
    return (numbers,)
`;

async function runVersion(folder: string, n: number): Promise<void> {
  const notebook = path.join(folder, 'nb.py');
  await writeFile(notebook, version(n));
  await runNotebook(newestPython(), notebook);
}

const setBudget = (folder: string, size: string) =>
  writeFile(path.join(folder, 'pyproject.toml'), `[tool.cellar]\nbudget = "${size}"\n`);

/** What the kernel's side says of the cache; the numbers that this test is about. */
interface DryRun {
  readonly used: number;
  readonly frees: number;
  readonly entries: readonly { readonly size: number; readonly reason: string }[];
}

/** Whether a text is read to its end, and not cut by what stands beside it. */
const isWhole = (text: Locator) =>
  text.evaluate(
    ({ scrollWidth, clientWidth }: { scrollWidth: number; clientWidth: number }) =>
      scrollWidth <= clientWidth,
  );

const heightOf = async (part: Locator) => (await part.boundingBox())?.height ?? NaN;

test('what would go is listed, some of it is pinned, and the rest goes as was said', async (t) => {
  const folder = await emptyFolder(t);
  const computed = async () =>
    (await readFile(path.join(folder, 'computed.txt'), 'utf8')).trim().split('\n').map(Number);
  const dryRun = async (): Promise<DryRun> => {
    const { stdout } = await run(
      newestPython(),
      ['-m', 'marimo_cellar', 'prune', '--dry-run', '--json', '.'],
      { cwd: folder, env: { ...process.env, PYTHONPATH: bundledPython } },
    );
    return JSON.parse(stdout) as DryRun;
  };
  for (const n of [1, 2, 3, 3]) await runVersion(folder, n);
  assert.deepEqual(await computed(), [1, 2, 3]);
  // Only now, so that no kernel has cleaned up for it.
  await setBudget(folder, '400 kB');

  const vsCode = await VsCode.open({ folder });
  t.after(() => vsCode.close());
  const step = stepsIn(t, vsCode, 'prune');
  const { page } = vsCode;
  const title = page.locator('.quick-input-title');
  const rows = vsCode.quickPickRow('numbers');
  let before: DryRun;

  await step('what goes is listed, with what it costs, as the command line says it', async () => {
    before = await dryRun();
    assert.deepEqual(
      before.entries.map(({ reason }) => reason),
      ['room', 'room'],
    );
    await vsCode.tree.show();
    await vsCode.tree.row('nb.py').waitFor({ timeout: 30_000 });
    await vsCode.command('Cellar: Prune Cache');
    await title.getByText(`frees ${Math.round(before.frees / 1000)} kB`).waitFor();
    assert.match(await title.innerText(), /about [3-9].* and 0\.84 if all were wanted again$/);
    assert.ok((await heightOf(title)) < 1.5 * (await heightOf(rows.first())), 'on two lines');
    assert.equal(await rows.count(), 2);
    await page.getByText('over the budget', { exact: true }).waitFor();
    for (const row of await rows.all()) {
      const description = row.locator('.label-description');
      assert.match(await description.innerText(), /kB, took 1\.\d s, cost 0\.42, used /);
      assert.ok(await isWhole(description));
    }
  });

  await step('what is unticked stays', async () => {
    await rows.first().getByRole('checkbox').click();
    await title
      .getByText(`frees ${Math.round((before.entries[1]?.size ?? 0) / 1000)} kB`)
      .waitFor();
    await rows.first().getByRole('checkbox').click();
    await title.getByText(`frees ${Math.round(before.frees / 1000)} kB`).waitFor();
  });

  await step('what is pinned is no longer in the list', async () => {
    await rows.first().hover();
    await rows.first().getByRole('button', { name: /Pin/ }).click();
    await vsCode.eventually(async () => {
      assert.equal(await rows.count(), 1);
    });
    await title
      .getByText(`frees ${Math.round((before.entries[1]?.size ?? 0) / 1000)} kB`)
      .waitFor();
  });

  await step(
    'the rest goes, as much as was said, once a cleaner that was killed is given up',
    async () => {
      // As a kernel leaves it that is killed while it cleans up.
      const until = Date.now() / 1000 + 8;
      await runSql(
        path.join(folder, '__marimo__', 'cache', 'cache.db'),
        `INSERT INTO cleaners VALUES (1, 'killed', ${until}, ${until})
       ON CONFLICT (one) DO UPDATE SET holder = 'killed', until = ${until}`,
      );
      await page.locator('.quick-input-widget').getByRole('button', { name: 'OK' }).click();
      await vsCode.notification('waiting for another clean-up to end').waitFor();
      const size = before.entries[1]?.size ?? 0;
      const told = vsCode.notification(`Freed ${Math.round(size / 1000)} kB: 1 result worth`);
      await told.waitFor();
      assert.ok(await isWhole(told.locator('.notification-list-item-message')));
      const after = await dryRun();
      assert.equal(after.used, before.used - size);
      assert.deepEqual(after.entries, []);
    },
  );

  await step('the overview shows the room, the clean-up and what was saved', async () => {
    await vsCode.clearNotifications();
    await vsCode.command('Cellar: Show Cache Overview');
    const overview = await vsCode.webview('Cache Overview');
    await overview.getByRole('heading', { name: 'Cache Overview' }).waitFor();
    const meter = overview.getByRole('meter');
    await meter.waitFor();
    assert.match((await meter.getAttribute('aria-valuetext')) ?? '', / of 400 kB$/);
    await overview.getByText('pyproject.toml').waitFor();
    await overview.getByText(/by a command: 1 result, 3\d\d kB/).waitFor();
    await overview.getByText('1 hit', { exact: true }).first().waitFor();
    const notebook = overview.getByRole('button', { name: 'nb.py' });
    assert.equal(await notebook.getAttribute('aria-expanded'), 'false');
    await notebook.click();
    await overview.getByRole('rowheader', { name: 'numbers' }).waitFor();
  });

  await step('a pinned old result still loads', async () => {
    await runVersion(folder, 1);
    assert.deepEqual(await computed(), [1, 2, 3]);
    const overview = await vsCode.webview('Cache Overview');
    await overview.getByText('2 hits', { exact: true }).first().waitFor();
  });
});

test('looking for what can go can be cancelled', async (t) => {
  const folder = await emptyFolder(t);
  for (const n of [1, 2, 3, 4]) await runVersion(folder, n);
  await setBudget(folder, '700 kB');
  const database = path.join(folder, '__marimo__', 'cache', 'cache.db');
  // Without a log, as on a network drive, who writes keeps readers out: so nothing is found for as long
  // as the test wants it.
  await runSql(database, 'PRAGMA journal_mode = DELETE');
  const vsCode = await VsCode.open({ folder });
  t.after(() => vsCode.close());
  const step = stepsIn(t, vsCode, 'prune-cancelled');
  const looking = vsCode.notification('Looking for what can go');
  const list = vsCode.page.locator('.quick-input-title', { hasText: 'Prune Cache' });
  const rows = vsCode.quickPickRow('numbers');
  const other = await OtherProcess.start(t, database);

  await step('while another program keeps the cache locked, the search is cancelled', async () => {
    await vsCode.tree.show();
    await vsCode.tree.expand('nb.py');
    await vsCode.tree.row('numbers').waitFor();
    await other.run('BEGIN EXCLUSIVE');
    await vsCode.command('Cellar: Prune Cache');
    await looking.getByRole('button', { name: 'Cancel' }).click();
    await looking.waitFor({ state: 'hidden' });
  });

  await step('once it is free, no list opens, and nothing has gone', async () => {
    await other.run('ROLLBACK');
    // By the mouse, which leaves a list open that the keyboard would close.
    await vsCode.page.getByRole('button', { name: 'Show Cache Overview' }).click();
    const overview = await vsCode.webview('Cache Overview');
    const meter = overview.getByRole('meter');
    await meter.waitFor();
    assert.match((await meter.getAttribute('aria-valuetext')) ?? '', /^1\.2 MB of 700 kB$/);
    assert.equal(await list.isVisible(), false);
    assert.equal(await vsCode.notification('Pruning failed').count(), 0);
  });

  await step('the next time it is found', async () => {
    await vsCode.command('Cellar: Prune Cache');
    await list.waitFor();
    assert.equal(await rows.count(), 2);
  });

  await step('what is pinned keeps its room, which the next one makes; ticks stay', async () => {
    const title = vsCode.page.locator('.quick-input-title');
    const frees = async () => Number(/frees (\d+) kB/.exec(await title.innerText())?.[1]);
    const both = await frees();
    await rows.nth(1).getByRole('checkbox').click();
    await vsCode.eventually(async () => {
      assert.ok((await frees()) < both);
    });
    const one = await frees();
    // By the keyboard, which must stay where it is.
    const { keyboard } = vsCode.page;
    await vsCode.page.locator('.quick-input-widget input[type="text"]').focus();
    await keyboard.press('ArrowDown');
    await rows.first().and(vsCode.page.locator('.focused')).waitFor();
    const pin = rows.first().getByRole('button', { name: /Pin/ });
    await keyboard.press('Tab');
    await keyboard.press('Tab');
    await pin.and(vsCode.page.locator(':focus')).waitFor();
    await keyboard.press('Enter');
    await vsCode.eventually(async () => {
      const ticks = await rows.getByRole('checkbox').all();
      const ticked = await Promise.all(ticks.map((tick) => tick.getAttribute('aria-checked')));
      assert.deepEqual(ticked, ['false', 'true']);
    });
    assert.ok(Math.abs((await frees()) - one) <= 1, 'another of its size goes in its place');
    await rows.first().and(vsCode.page.locator('.focused')).waitFor();
    await vsCode.page.locator('.quick-input-widget :focus').waitFor();
  });
});

test('in Restricted Mode nothing is pruned, and the overview says why', async (t) => {
  const folder = await emptyFolder(t);
  await runVersion(folder, 1);
  const vsCode = await VsCode.open({
    folder,
    trusted: false,
    // The picture also shows what a theme without colours makes of the page.
    settings: { 'workbench.colorTheme': 'Default High Contrast' },
  });
  t.after(() => vsCode.close());
  const step = stepsIn(t, vsCode, 'prune-restricted');

  await step('the command is not offered', async () => {
    await vsCode.tree.show();
    await vsCode.tree.row('nb.py').waitFor({ timeout: 30_000 });
    assert.deepEqual(await vsCode.commandsFor('Prune Cache'), []);
  });

  await step('the overview shows figures and changes nothing', async () => {
    await vsCode.command('Cellar: Show Cache Overview');
    const overview = await vsCode.webview('Cache Overview');
    await overview.getByText('In Restricted Mode Cellar changes nothing').waitFor();
    const prune = overview.locator('vscode-button', { hasText: 'Prune Cache' });
    assert.notEqual(await prune.getAttribute('disabled'), null);
  });
});
