import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { newestPython } from '../environment';
import { runNotebook } from '../kernel';
import { fileNotebook } from '../notebooks';
import { emptyFolder, stepsIn } from './steps';
import { VsCode } from './VsCode';

test("marimo's file cache is imported, and its files go when they are told to", async (t) => {
  const folder = await emptyFolder(t);
  await writeFile(path.join(folder, 'nb.py'), fileNotebook);
  await runNotebook(newestPython(), path.join(folder, 'nb.py'), { PYTHONPATH: '' });
  const stock = path.join(folder, '__marimo__', 'cache');
  const manifests = async () =>
    (await readdir(stock, { recursive: true })).filter((name) => name.endsWith('.jsonl'));
  assert.equal((await manifests()).length, 1);
  const vsCode = await VsCode.open({ folder });
  t.after(() => vsCode.close());
  const step = stepsIn(t, vsCode, 'import');
  const { page } = vsCode;

  await step('what it did is one message', async () => {
    await vsCode.tree.show();
    await vsCode.command("Cellar: Import marimo's File Cache");
    await page.getByText('Results from files: 1 imported, 0 there already.').first().waitFor();
    assert.equal((await manifests()).length, 1);
  });

  await step('removing the files says first how many bytes go', async () => {
    await page.getByRole('button', { name: 'Remove the Files' }).click();
    await page.locator('.monaco-dialog-box', { hasText: 'in marimo’s own files' }).waitFor();
  });

  await step('then they are gone', async () => {
    await page.locator('.monaco-dialog-box').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('The files of 1 result were removed.').first().waitFor();
    assert.deepEqual(await manifests(), []);
  });
});
