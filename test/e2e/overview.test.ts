import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { fillHistory } from './history';
import { emptyFolder, stepsIn } from './steps';
import { VsCode } from './VsCode';

test('the overview of a cache that two weeks of work went through', async (t) => {
  const folder = path.join(await emptyFolder(t), 'research');
  await fillHistory(folder);
  const vsCode = await VsCode.open({ folder });
  t.after(() => vsCode.close());
  const { tree, page } = vsCode;
  const step = stepsIn(t, vsCode, 'overview');
  await page.setViewportSize({ width: 1280, height: 960 });

  await step('rows say what they save where it can be read', async () => {
    await tree.show();
    await tree.expand('analysis.py');
    await tree.expand('answers.py');
    await tree.row('summary').waitFor();
    const rows = await tree.rows();
    assert.ok(
      rows.some((row) => /^fit_model ?saves 3 min 10 s, /.test(row)),
      rows.join('\n'),
    );
    assert.ok(rows.some((row) => /^summary ?saves 7\.9 s and 0\.42, /.test(row)));
  });

  await step('tells of days, room and what saved most', async () => {
    await vsCode.setTheme({ name: 'Dark 2026', mark: 'vs-dark' });
    await vsCode.command('Cellar: Show Cache Overview');
    const overview = await vsCode.webview('Cache Overview');
    await overview.getByText('20 MB more would have saved 14 min in the last 7 days.').waitFor();
    await overview.getByText(/by VS Code when idle: 6 results, 31 MB/).waitFor();
    assert.equal(await overview.getByRole('listitem', { name: /: nothing$/ }).count(), 4);
    await overview.getByRole('button', { name: 'answers.py' }).click();
    await overview.getByRole('row', { name: /^summary .* 10\.08 / }).waitFor();
    // So that no button is drawn as one that the pointer is on.
    await page.mouse.move(640, 950);
  });
});
