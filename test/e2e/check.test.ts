import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { newestPython } from '../environment';
import { runNotebook } from '../kernel';
import { fileNotebook } from '../notebooks';
import { emptyFolder, stepsIn } from './steps';
import { VsCode } from './VsCode';

test('a check shows what is wrong, and puts it right when it is told to', async (t) => {
  const folder = await emptyFolder(t);
  await writeFile(path.join(folder, 'nb.py'), fileNotebook);
  await runNotebook(newestPython(), path.join(folder, 'nb.py'));
  const blobs = path.join(folder, '__marimo__', 'cache', 'blobs');
  const [file = ''] = (await readdir(blobs, { recursive: true })).filter((name) =>
    name.endsWith('.pickle'),
  );
  const blob = path.join(blobs, file);
  const bytes = await readFile(blob);
  const vsCode = await VsCode.open({ folder });
  t.after(() => vsCode.close());
  const step = stepsIn(t, vsCode, 'check');
  const { page } = vsCode;

  await step('nothing is wrong', async () => {
    await vsCode.tree.show();
    await vsCode.tree.row('nb.py').waitFor({ timeout: 30_000 });
    await vsCode.command('Cellar: Check Cache');
    await page.getByText('Nothing is wrong with the cache.').first().waitFor();
    await page.getByRole('button', { name: 'Show Report' }).click();
    await page.getByRole('tab', { name: /Cache Check/ }).waitFor();
    await page.locator('.view-lines', { hasText: 'Results that are kept' }).waitFor();
  });

  await step('a damaged value is found and named', async () => {
    bytes.writeUInt8(bytes.readUInt8(5000) ^ 1, 5000);
    await writeFile(blob, bytes);
    await vsCode.command('Cellar: Check Cache');
    await page.locator('.view-lines', { hasText: 'Damaged values (1)' }).waitFor();
    await vsCode.line('many of nb.py: its bytes are not those that were saved').waitFor();
    await page.getByRole('button', { name: 'Put Right' }).waitFor();
  });

  await step('what putting it right would do is said first', async () => {
    await page.getByRole('button', { name: 'Put Right' }).click();
    await page.locator('.monaco-dialog-box', { hasText: 'kept aside' }).waitFor();
  });

  await step('then nothing is wrong, and the damaged bytes are still there', async () => {
    await page.locator('.monaco-dialog-box').getByRole('button', { name: 'Put Right' }).click();
    await page.locator('.view-lines', { hasText: 'found before: 1' }).waitFor();
    assert.deepEqual(await readFile(blob), bytes);
  });
});
