import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { newestPython } from '../environment';
import { runNotebook } from '../kernel';
import { cachingApp } from '../notebooks';
import { emptyFolder, stepsIn } from './steps';
import { VsCode } from './VsCode';

/** A notebook whose one cell says when it is computed. */
const notebook = `${cachingApp}


@app.cell
def many():
    import pathlib as _pathlib

    with _pathlib.Path("computed.txt").open("a") as _log:
        _log.write("x")
    many = bytes(256_000)
    return (many,)
`;

test('what Cellar keeps is exported from VS Code, and serves a marimo without it', async (t) => {
  const folder = await emptyFolder(t);
  const names = ['one.py', 'two.py'];
  for (const name of names) {
    await writeFile(path.join(folder, name), notebook.replace('computed', name));
    await runNotebook(newestPython(), path.join(folder, name));
  }
  const computed = () => readFile(path.join(folder, 'one.py.txt'), 'utf8');
  assert.equal(await computed(), 'x');
  const vsCode = await VsCode.open({ folder });
  t.after(() => vsCode.close());
  const step = stepsIn(t, vsCode, 'export');

  await step('the palette asks for a notebook, or all, and for a place', async () => {
    await vsCode.tree.show();
    await vsCode.tree.row('one.py').waitFor({ timeout: 30_000 });
    await vsCode.command('Cellar: Export to marimo');
    await vsCode.quickPickRow('All 2 notebooks').waitFor();
    await vsCode.picture('export-whose');
    await vsCode.pick('one.py');
    await vsCode.quickPickRow('Another folder').waitFor();
    await vsCode.picture('export-where');
    await vsCode.pick('Beside the notebook');
  });

  await step('what it did is told, with the place', async () => {
    const told = vsCode.notification('1 result exported. They are in __marimo__/cache.');
    await told.waitFor();
    await told.getByRole('button', { name: 'Copy Path' }).waitFor();
    await told.getByRole('button', { name: 'Reveal' }).click();
    await vsCode.page.locator('.explorer-folders-view').waitFor();
  });

  await step('a marimo without Cellar finds it there', async () => {
    await runNotebook(newestPython(), path.join(folder, 'one.py'), { PYTHONPATH: '' });
    assert.equal(await computed(), 'x');
    // What was not exported is computed.
    await runNotebook(newestPython(), path.join(folder, 'two.py'), { PYTHONPATH: '' });
    assert.equal(await readFile(path.join(folder, 'two.py.txt'), 'utf8'), 'xx');
  });
});
