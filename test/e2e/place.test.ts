import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { newestPython } from '../environment';
import { runNotebook } from '../kernel';
import { cachingNotebook } from '../notebooks';
import { emptyFolder, stepsIn } from './steps';
import { VsCode } from './VsCode';

test('a cache that a project keeps outside the opened folder is found and followed', async (t) => {
  const project = await emptyFolder(t);
  for (const folder of ['opened', 'beside']) {
    await mkdir(path.join(project, folder));
    await writeFile(path.join(project, folder, `${folder}.py`), cachingNotebook);
  }
  await writeFile(path.join(project, 'pyproject.toml'), "[tool.cellar]\npath = 'caches'\n");
  const run = (folder: string) =>
    runNotebook(newestPython(), path.join(project, folder, `${folder}.py`));
  const vsCode = await VsCode.open({ folder: path.join(project, 'opened') });
  t.after(() => vsCode.close());
  const { tree } = vsCode;
  const step = stepsIn(t, vsCode, 'place');

  await step('at first there is nothing', async () => {
    await tree.show();
    await tree.pane.getByText('Nothing is cached').waitFor({ timeout: 30_000 });
  });

  await step('what a kernel saves there appears, without what is of no concern here', async () => {
    await run('beside');
    await run('opened');
    assert.ok(existsSync(path.join(project, 'caches', 'cache.db')));
    await tree.expand('opened.py');
    await tree.row('answer').waitFor();
    assert.deepEqual(await tree.labels(), ['opened.py', 'answer']);
  });

  await step('a cache that is deleted is gone', async () => {
    await rm(path.join(project, 'caches'), { recursive: true });
    await tree.row('opened.py').waitFor({ state: 'detached', timeout: 30_000 });
  });
});

test('a setting that is not followed is told where it stands, until it is put right', async (t) => {
  const folder = await emptyFolder(t);
  const project = path.join(folder, 'pyproject.toml');
  const settings = (where: string) =>
    `[project]\nname = "p"\n\n[tool.cellar]\npath = "${where}"\ncost_per_hour = "a lot"\n`;
  await writeFile(project, settings('../elsewhere'));
  await writeFile(path.join(folder, 'opened.py'), cachingNotebook);
  const vsCode = await VsCode.open({ folder });
  t.after(() => vsCode.close());
  const { tree, page } = vsCode;
  const step = stepsIn(t, vsCode, 'settings');
  const rows = tree.row(/ is not followed$/);

  await step('the view tells of each', async () => {
    await tree.show();
    await rows.first().waitFor({ timeout: 30_000 });
    assert.deepEqual(await tree.labels(), [
      'path is not followed',
      'cost_per_hour is not followed',
    ]);
  });

  await step('what the row tells of it, in lines that end between words', async () => {
    const tooltip = await (await vsCode.hover(rows.first(), /not a folder within/)).innerText();
    assert.match(tooltip, /only CELLAR_PATH and your own settings may name one elsewhere/);
    assert.doesNotMatch(tooltip, /\u00a0/);
  });

  await step('a click goes to the line, where the reason and the way out are told', async () => {
    await rows.first().click();
    await page.locator('.tab.active', { hasText: 'pyproject.toml' }).waitFor();
    await page.locator('.editor-instance .squiggly-warning').nth(1).waitFor();
    const line = vsCode.line('path = "../elsewhere"');
    const hover = await vsCode.hover(line.locator('span span').first(), /not a folder within/);
    assert.match(await hover.innerText(), /only CELLAR_PATH and your own settings may name one/);
  });

  await step('what is put right is told no longer', async () => {
    await writeFile(project, settings('here'));
    await vsCode.eventually(async () => {
      assert.deepEqual(await tree.labels(), ['cost_per_hour is not followed']);
    });
    assert.equal(await page.locator('.editor-instance .squiggly-warning').count(), 1);
  });
});
