import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { newestPython } from '../environment';
import { runNotebook } from '../kernel';
import { cachingNotebook } from '../notebooks';
import { emptyFolder, stepsIn } from './steps';
import { VsCode } from './VsCode';

test('a damaged database does not keep the others from being shown', async (t) => {
  const folder = await emptyFolder(t);
  const cacheOf = (name: string) => path.join(folder, name, '__marimo__', 'cache', 'cache.db');
  for (const name of ['good', 'broken', 'other']) {
    await mkdir(path.dirname(cacheOf(name)), { recursive: true });
    await writeFile(path.join(folder, name, `${name}.py`), cachingNotebook);
  }
  await runNotebook(newestPython(), path.join(folder, 'good', 'good.py'));
  await writeFile(
    cacheOf('broken'),
    'this is not a database, and longer than a header '.repeat(99),
  );
  // The header of a database of ours, cut short.
  const header = await readFile(cacheOf('good'));
  await writeFile(cacheOf('other'), header.subarray(0, 100));
  const vsCode = await VsCode.open({ folder });
  t.after(() => vsCode.close());
  const { tree } = vsCode;
  const step = stepsIn(t, vsCode, 'damaged');

  await step('good and bad ones are shown side by side', async () => {
    await tree.show();
    await tree.row('good.py').waitFor({ timeout: 30_000 });
    await tree.row(/not a database/).waitFor();
    await tree.expand('good.py');
    await tree.row('answer').waitFor();
    const problems = (await tree.rows()).filter((row) => /broken|other/.test(row));
    assert.equal(problems.length, 2, problems.join('; '));
  });

  await step('looking at them has changed nothing', async () => {
    const broken = await readFile(cacheOf('broken'), 'utf8');
    assert.match(broken, /^this is not a database/);
    assert.equal((await readFile(cacheOf('other'))).length, 100);
  });

  await step('one that a kernel set aside is told of, and can be deleted', async () => {
    await runNotebook(newestPython(), path.join(folder, 'other', 'other.py'));
    const row = tree.row('A damaged cache was set aside');
    await row.waitFor({ timeout: 30_000 });
    await tree.row('other.py').waitFor();
    const aside = async () =>
      (await readdir(path.dirname(cacheOf('other')))).filter((name) => name.includes('damaged'));
    assert.equal((await aside()).length, 1);
    await tree.click('A damaged cache was set aside');
    await vsCode.dialog.getByText('What was whole in it was taken into the cache').waitFor();
    await vsCode.picture('damaged-set-aside');
    await vsCode.dialog.getByRole('button', { name: 'Delete' }).click();
    await row.waitFor({ state: 'detached' });
    assert.deepEqual(await aside(), []);
    await tree.row('other.py').waitFor();
  });
});
