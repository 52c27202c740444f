import assert from 'node:assert/strict';
import test from 'node:test';
import { assertAccessible } from '../accessibility';
import { fillShowcase } from './showcase';
import { emptyFolder, stepsIn } from './steps';
import { type Theme, VsCode } from './VsCode';

const themes: Readonly<Record<string, Theme>> = {
  light: { name: 'Light 2026', mark: 'vs' },
  dark: { name: 'Dark 2026', mark: 'vs-dark' },
  'high contrast': { name: 'Default High Contrast', mark: 'hc-black' },
  'light high contrast': { name: 'Default High Contrast Light', mark: 'hc-light' },
};

/** The tabs of the preview, each of another kind, with a text that is there once it is shown. */
const values: readonly (readonly [tab: RegExp, text: string])[] = [
  [/^prices/, 'apple'],
  [/^letters/, 'Show Anyway'],
  [/^grid/, 'First values'],
  [/^span/, 'never loads it'],
  [/^manifest/, 'cache_type'],
];

test('everybody can read and use our pages, in every kind of theme', async (t) => {
  const folder = await emptyFolder(t);
  await fillShowcase(folder);
  const vsCode = await VsCode.open({
    folder,
    // So that a small table is costly enough to be asked about.
    settings: { 'cellar.preview.maxBatchSize': 1 },
  });
  t.after(() => vsCode.close());
  const { tree } = vsCode;
  const step = stepsIn(t, vsCode, 'accessibility');

  await step('rows of the view are called by what is read in them', async () => {
    await tree.show();
    await tree.expand('market.py');
    await tree.expand('prices');
    await tree.expand(/^Result$/);
    await tree.expand('draft');
    await vsCode.eventually(async () => {
      const rows = await tree.spoken();
      const orphaned = rows.find(({ label }) => label === 'draft');
      assert.match(orphaned?.spoken ?? '', /^draft, orphaned, .*, cell, 1 result is kept$/);
      assert.ok(rows.some(({ spoken }) => spoken.startsWith('Result, obsolete, ')));
      assert.ok(rows.some(({ spoken }) => spoken.startsWith('grid, ndarray, ')));
      for (const { role, label, description, spoken } of rows) {
        assert.equal(role, 'treeitem', spoken);
        assert.ok(spoken.startsWith(label) && spoken.includes(description), spoken);
      }
    });
  });

  for (const [kind, theme] of Object.entries(themes)) {
    await step(`nothing is wrong with the overview in a ${kind} theme`, async () => {
      await vsCode.setTheme(theme);
      await vsCode.command('Cellar: Show Cache Overview');
      const overview = await vsCode.webview('Cache Overview');
      await overview.locator(`body[data-vscode-theme-id="${theme.name}"]`).waitFor();
      await overview.getByRole('meter').waitFor();
      await overview.getByText(/more would have saved/).waitFor();
      await assertAccessible(overview, 'the overview');
    });

    await step(`nothing is wrong with the preview in a ${kind} theme`, async () => {
      await tree.click('span');
      const preview = await vsCode.webview('prices');
      await preview.locator(`body[data-vscode-theme-id="${theme.name}"]`).waitFor();
      for (const [tab, text] of values) {
        await preview.getByRole('tab', { name: tab }).click();
        await preview.getByText(text).locator('visible=true').first().waitFor();
        await assertAccessible(preview, `the preview of ${tab.source}`);
      }
    });
  }
});
