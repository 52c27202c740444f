import assert from 'node:assert/strict';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { newestPython } from '../environment';
import { runNotebook } from '../kernel';
import { emptyFolder, stepsIn } from './steps';
import { VsCode } from './VsCode';

const notebook = `import marimo

app = marimo.App()


@app.cell
def kept():
    import marimo as mo

    with mo.persistent_cache("kept"):
        print("computed", file=open("ran.txt", "a"))
        value = [1, 2, 3]
    return (value,)
`;

test('a kernel without Cellar is served for as long as the user wants', async (t) => {
  const folder = await emptyFolder(t);
  const configuration = await emptyFolder(t);
  const file = path.join(configuration, 'marimo', 'marimo.toml');
  const before = '# mine\n[display]\ntheme = "dark"\n';
  await mkdir(path.dirname(file));
  await writeFile(file, before);
  await writeFile(path.join(folder, 'analysis.py'), notebook);
  // Never the configuration of whoever runs the tests.
  const environment = { XDG_CONFIG_HOME: configuration, HOME: configuration };
  const vsCode = await VsCode.open({ folder, environment });
  t.after(() => vsCode.close());
  const step = stepsIn(t, vsCode, 'serve');

  const run = () =>
    runNotebook(newestPython(), path.join(folder, 'analysis.py'), {
      ...environment,
      PYTHONPATH: '',
    });
  const computed = async () =>
    (await readFile(path.join(folder, 'ran.txt'), 'utf8')).split('\n').filter(Boolean).length;
  const line = async () => /^store = .*"cellar-.*$/m.exec(await readFile(file, 'utf8'))?.[0];
  const expectLine = (there: boolean) =>
    vsCode.eventually(async () => {
      assert.equal((await line()) !== undefined, there);
    });

  await step('the command writes the line into a file that nobody else can read', async () => {
    await vsCode.tree.show();
    await vsCode.command('Serve Cache to Other Kernels');
    await vsCode.pick('marimo 0.24.1 or later, on this machine');
    await expectLine(true);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    await vsCode.line('type = "rest"').waitFor();
    await vsCode.page.getByRole('button', { name: /Cache served/ }).waitFor();
  });

  await step('a stock kernel is served, and the view shows what it saved', async () => {
    await run();
    assert.equal(await computed(), 1);
    await run();
    assert.equal(await computed(), 1, 'the second run is served');
    await vsCode.tree.row('from kernels that were served').waitFor({ timeout: 30_000 });
  });

  await step('a new window goes on where the last one was', async () => {
    const former = await line();
    await vsCode.clearNotifications();
    const loaded = vsCode.page.waitForEvent('load');
    await vsCode.command('Developer: Reload Window');
    await loaded;
    await vsCode.page.getByRole('button', { name: /Cache served/ }).waitFor({ timeout: 60_000 });
    await expectLine(true);
    assert.equal(await line(), former, 'kernels that run find it again');
    await run();
    assert.equal(await computed(), 1);
  });

  await step('of a file that held nothing else, no editor stays open', async () => {
    await vsCode.command('Stop Serving Cache');
    await expectLine(false);
    await rm(file);
    await vsCode.command('Serve Cache to Other Kernels');
    await vsCode.pick('marimo 0.24.1 or later, on this machine');
    await vsCode.page.locator('.tab.active', { hasText: 'marimo.toml' }).waitFor();
    await expectLine(true);
    await vsCode.command('Stop Serving Cache');
    await vsCode.page.locator('.tab', { hasText: 'marimo.toml' }).waitFor({ state: 'detached' });
    await assert.rejects(stat(file), { code: 'ENOENT' });
    await writeFile(file, before);
    await vsCode.command('Serve Cache to Other Kernels');
    await vsCode.pick('marimo 0.24.1 or later, on this machine');
    await expectLine(true);
    await vsCode.clearNotifications();
  });

  await step('serving ends, and the line is gone', async () => {
    await vsCode.command('Stop Serving Cache');
    await vsCode.notification('No longer served').waitFor();
    await expectLine(false);
    assert.equal(await readFile(file, 'utf8'), before);
  });

  await step(
    'the next window takes back a line that could not be, and serves no more',
    async () => {
      await vsCode.clearNotifications();
      await vsCode.command('Serve Cache to Other Kernels');
      await vsCode.pick('marimo 0.24.1 or later, on this machine');
      await expectLine(true);
      const served = await readFile(file, 'utf8');
      await writeFile(file, `${served}[broken`);
      await vsCode.command('Stop Serving Cache');
      await vsCode.notification('no longer served, but its line is still there').waitFor();
      await writeFile(file, served);
      const loaded = vsCode.page.waitForEvent('load');
      await vsCode.command('Developer: Reload Window');
      await loaded;
      await expectLine(false);
      await vsCode.tree.show();
      await vsCode.tree.row('from kernels that were served').waitFor();
      assert.equal(await line(), undefined);
      assert.equal(await vsCode.page.getByRole('button', { name: /Cache served/ }).count(), 0);
    },
  );
});
