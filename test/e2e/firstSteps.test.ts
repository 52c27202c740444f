import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { newestPython } from '../environment';
import { runNotebook } from '../kernel';
import { cachingNotebook, plainNotebook } from '../notebooks';
import { emptyFolder, stepsIn } from './steps';
import { type Theme, VsCode } from './VsCode';

/** Themes that leave colours out which others have. */
const highContrast: readonly Theme[] = [
  { name: 'Default High Contrast', mark: 'hc-black' },
  { name: 'Default High Contrast Light', mark: 'hc-light' },
];

/** An expression for the page: the texts of its picture on a box of the colour that they are drawn in. */
const textsOnTheirOwnColour = `
  [...document.querySelectorAll('svg text')].filter((text) => {
    const { left, right, top, bottom } = text.getBoundingClientRect();
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    return [...document.querySelectorAll('svg rect')].some((box) => {
      const around = box.getBoundingClientRect();
      const isOn = around.left < x && x < around.right && around.top < y && y < around.bottom;
      return isOn && getComputedStyle(box).fill === getComputedStyle(text).fill;
    });
  }).map((text) => text.textContent)`;

test('a notebook that caches nothing yet', async (t) => {
  const folder = await emptyFolder(t);
  const file = path.join(folder, 'fresh.py');
  await writeFile(file, plainNotebook);
  const vsCode = await VsCode.open({ folder });
  t.after(() => vsCode.close());
  const { tree } = vsCode;
  const step = stepsIn(t, vsCode, 'first');
  const turnOn = tree.pane.getByRole('button', { name: 'Turn On Cell Caching' });

  await step('the empty view says so and offers to turn it on', async () => {
    await tree.show();
    await tree.pane.getByText('Nothing is cached here yet').waitFor({ timeout: 30_000 });
    await turnOn.waitFor();
  });

  await step('turning it on writes the setting and shows it', async () => {
    await vsCode.openFile('fresh.py');
    await turnOn.click();
    await vsCode.pick('This notebook only');
    await vsCode.line('cache_cells = true').waitFor();
    await vsCode.eventually(async () => {
      assert.match(
        await readFile(file, 'utf8'),
        /# \[tool\.marimo\.runtime\]\n# cache_cells = true/,
      );
    });
  });

  await step('it is taken back on request', async () => {
    await vsCode
      .notification(/./)
      .getByRole('button', { name: /Undo|Take Back/ })
      .click();
    await vsCode.eventually(async () => {
      assert.equal(await readFile(file, 'utf8'), plainNotebook);
    });
  });

  await step('a run with it fills the view', async () => {
    await vsCode.command('Turn On Cell Caching');
    await vsCode.pick('This notebook only');
    await vsCode.eventually(async () => {
      assert.match(await readFile(file, 'utf8'), /cache_cells = true/);
    });
    await runNotebook(newestPython(), file);
    await tree.expand('fresh.py');
    await tree.row('answer').waitFor();
  });

  await step('where it is on already it is taken back, too, long after', async () => {
    await vsCode.clearNotifications();
    await vsCode.command('Turn On Cell Caching');
    await vsCode.pick('This notebook only');
    await vsCode
      .notification('Cell caching is on already')
      .getByRole('button', { name: 'Take Back' })
      .click();
    await vsCode.eventually(async () => {
      assert.equal(await readFile(file, 'utf8'), plainNotebook);
    });
  });
});

test('the walkthrough', async (t) => {
  const vsCode = await VsCode.open({ folder: await emptyFolder(t) });
  t.after(() => vsCode.close());
  const { page } = vsCode;
  const step = stepsIn(t, vsCode, 'walkthrough');
  // A title, what its button is called, and words that its picture has.
  const steps = [
    ['Turn on cell caching', 'Turn On Cell Caching', 'pyproject.toml, for a folder'],
    ['Run the notebook', 'Open Terminal with Cellar', 'every run after it'],
    ['See where each cell stands', 'Settings of Cellar', 'changed upstream: summary'],
    ['Look at what is kept', 'Open Cell Cache', 'current, saves 31 s, 97 kB, now'],
    ['Never think of the disk', 'Show Cache Overview', 'Time saved by day'],
  ] as const;

  await step('is offered by name', async () => {
    // Beside a side bar there is no room for pictures.
    await vsCode.command('View: Toggle Primary Side Bar Visibility');
    await vsCode.command('Welcome: Open Walkthrough...');
    await vsCode.pick('Get Started with Cellar');
    // The list that it was chosen from says so too, until it is gone.
    await page
      .locator('.gettingStarted')
      .getByText(/^Keep what the cells/)
      .waitFor();
  });

  for (const [title, button, picture] of steps) {
    await step(`has the step ${title}`, async () => {
      await page.getByRole('button', { name: title }).first().click();
      await page.getByRole('button', { name: button, exact: true }).waitFor();
      const media = page.locator('iframe.webview.ready:visible').last().contentFrame();
      await media.locator('#active-frame').contentFrame().getByText(picture).waitFor();
    });
  }

  for (const theme of highContrast) {
    await step(`can be read in ${theme.name}`, async () => {
      await vsCode.setTheme(theme);
      for (const [title, , picture] of steps) {
        await page.getByRole('button', { name: title }).first().click();
        const media = page.locator('iframe.webview.ready:visible').last().contentFrame();
        const shown = media.locator('#active-frame').contentFrame();
        await shown.getByText(picture).waitFor();
        await shown.locator(`body[data-vscode-theme-id="${theme.name}"]`).waitFor();
        assert.deepEqual(await shown.locator('body').evaluate(textsOnTheirOwnColour), [], title);
      }
    });
  }

  await step('opens the view by its button', async () => {
    await page.getByRole('button', { name: 'Look at what is kept' }).first().click();
    await page.getByRole('button', { name: 'Open Cell Cache', exact: true }).click();
    await vsCode.tree.pane.getByText('Nothing is cached here yet').waitFor({ timeout: 30_000 });
  });

  await step('is opened by the link of an empty view', async () => {
    await vsCode.command('View: Close All Editors');
    await page.locator('.gettingStarted').waitFor({ state: 'detached' });
    await vsCode.tree.pane.locator('a', { hasText: 'walkthrough' }).click();
    await page
      .locator('.gettingStarted')
      .getByText(/^Keep what the cells/)
      .waitFor();
  });
});

test('a notebook that marimo caches in files, without Cellar', async (t) => {
  const folder = await emptyFolder(t);
  const file = path.join(folder, 'files.py');
  await writeFile(file, cachingNotebook);
  await runNotebook(newestPython(), file, { PYTHONPATH: '' });
  const vsCode = await VsCode.open({ folder });
  t.after(() => vsCode.close());
  const { tree } = vsCode;
  const step = stepsIn(t, vsCode, 'files');

  await step('the view says so and offers both fixes', async () => {
    await tree.show();
    await tree.pane
      .getByText('marimo is caching here, but not through Cellar')
      .waitFor({ timeout: 30_000 });
    await tree.pane.getByRole('button', { name: 'Install in Python Environment' }).waitFor();
    await tree.pane.getByRole('button', { name: 'Open Terminal' }).waitFor();
  });
});

test('where there is nothing to choose from, that is said at once', async (t) => {
  const folder = await emptyFolder(t);
  const packages = path.join(folder, '.venv', 'lib', 'python3.13', 'site-packages');
  await mkdir(path.join(packages, 'marimo'), { recursive: true });
  await writeFile(path.join(packages, 'marimo', 'intro.py'), plainNotebook);
  const vsCode = await VsCode.open({ folder });
  t.after(() => vsCode.close());
  const { tree, page } = vsCode;
  const step = stepsIn(t, vsCode, 'nothing');
  const list = page.locator('.quick-input-widget:visible');

  await step('no notebook to turn caching on for', async () => {
    await tree.show();
    await tree.pane.getByRole('button', { name: 'Turn On Cell Caching' }).click();
    await vsCode.notification('There is no marimo notebook in this workspace.').waitFor();
    await list.waitFor({ state: 'hidden' });
  });

  await step('no cell to clear', async () => {
    await vsCode.command('Cellar: Clear Cell Cache');
    await vsCode.notification('Nothing is cached in this workspace.').waitFor();
    await list.waitFor({ state: 'hidden' });
  });
});
