import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { emptyFolder, stepsIn } from './steps';
import { VsCode } from './VsCode';

test('scripts are set to use SQLite in the user’s own configuration', async (t) => {
  const folder = await emptyFolder(t);
  const configuration = await emptyFolder(t);
  const file = path.join(configuration, 'marimo', 'marimo.toml');
  const before = '# mine\n[display]\ntheme = "dark"\n';
  await mkdir(path.dirname(file));
  await writeFile(file, before);
  const vsCode = await VsCode.open({
    folder,
    // Never the configuration of whoever runs the tests.
    environment: { XDG_CONFIG_HOME: configuration, HOME: configuration },
  });
  t.after(() => vsCode.close());
  const step = stepsIn(t, vsCode, 'scripts');
  const expectText = (text: RegExp | string) =>
    vsCode.eventually(async () => {
      const found = await readFile(file, 'utf8');
      if (typeof text === 'string') assert.equal(found, text);
      else assert.match(found, text);
    });

  await step('the command writes the line and shows it', async () => {
    // The palette does not follow what becomes known while it is open.
    await vsCode.tree.show();
    await vsCode.tree.pane.getByRole('button', { name: 'Turn On Cell Caching' }).waitFor();
    await vsCode.command('Use SQLite for Scripts');
    await vsCode.pick('marimo 0.24.1 or later');
    await vsCode.line('type = "sqlite"').waitFor();
    await expectText(/^# mine[^]*\n\[cache\.store\]\ntype = "sqlite"\n/);
  });

  await step('it takes it back', async () => {
    await vsCode.notification(/./).getByRole('button', { name: 'Undo' }).click();
    await expectText(before);
  });

  await step('and later as well', async () => {
    await writeFile(file, `${before}\n[cache.store]\ntype = "sqlite"\n`);
    await vsCode.command('Use SQLite for Scripts');
    await vsCode.pick('marimo 0.24.1 or later');
    await vsCode
      .notification(/already/)
      .getByRole('button', { name: 'Take Back' })
      .click();
    await expectText(before);
  });
});
