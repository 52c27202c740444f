import assert from 'node:assert/strict';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { newestPython } from '../environment';
import { runNotebook } from '../kernel';
import { cachingApp } from '../notebooks';
import { emptyFolder, stepsIn } from './steps';
import { VsCode } from './VsCode';

/** A cell's name cannot hold markup, but its first line of code can, which stands in for one. */
const notebook = `${cachingApp}


@app.cell
def _():
    "<img src=x onerror=alert(1)> [link](command:workbench.action.quit) \`code\`"
    return


@app.cell
def plain():
    value = 1
    return (value,)
`;

test('Restricted Mode shows what is cached, as text, and changes nothing', async (t) => {
  const folder = await emptyFolder(t);
  await writeFile(path.join(folder, 'stranger.py'), notebook);
  await runNotebook(newestPython(), path.join(folder, 'stranger.py'));
  const vsCode = await VsCode.open({ folder, trusted: false });
  t.after(() => vsCode.close());
  const { tree } = vsCode;
  const step = stepsIn(t, vsCode, 'restricted');

  await step('the view shows the cache', async () => {
    await vsCode.page.getByText('Restricted Mode').first().waitFor();
    await tree.show();
    await tree.expand('stranger.py');
    await tree.row('plain').waitFor();
  });

  await step('markup in what a cell is called stays text', async () => {
    const row = tree.row(/<img src=x one/);
    await row.waitFor();
    assert.equal(await tree.pane.locator('img[src="x"]').count(), 0);
    const tooltip = await vsCode.hover(row, 'onerror');
    assert.equal(await tooltip.locator('img[src="x"]').count(), 0);
    assert.equal(await tooltip.locator('a[data-href^="command:workbench"]').count(), 0);
  });

  await step('results are found, as text, and what would change them is not offered', async () => {
    await vsCode.command('Cellar: Go to Result');
    const line = vsCode.quickPickRow('<img src=x').first();
    await line.hover();
    await line.getByRole('button', { name: 'Reveal Cell in Notebook' }).waitFor();
    assert.equal(await line.getByRole('button', { name: 'Pin' }).count(), 0);
    assert.equal(await line.locator('img[src="x"], a[data-href^="command:"]').count(), 0);
    await vsCode.page.keyboard.press('Escape');
  });

  await step('clearing is not offered', async () => {
    assert.deepEqual(await vsCode.commandsFor('Clear Cell Cache'), []);
    assert.deepEqual(await vsCode.commandsFor('Clear Notebook Cache'), []);
    assert.deepEqual(await vsCode.commandsFor('Turn On Cell Caching'), []);
    assert.deepEqual(await vsCode.commandsFor('Install in Python Environment'), []);
    assert.deepEqual(await vsCode.commandsFor('Use SQLite for Scripts'), []);
    assert.deepEqual(await vsCode.commandsFor('Serve Cache to Other Kernels'), []);
    assert.deepEqual(await vsCode.commandsFor('Stop Serving Cache'), []);
    const refresh = await vsCode.commandsFor('Cellar: Refresh');
    assert.equal(refresh.length, 1, 'what changes nothing is offered');
  });

  await step('a check tells what is wrong, and how to be let put it right', async () => {
    const stray = path.join(folder, '__marimo__', 'cache', 'blobs', 'ab', 'stray.pickle');
    await mkdir(path.dirname(stray), { recursive: true });
    await writeFile(stray, 'left over');
    await utimes(stray, 1, 1);
    await vsCode.command('Cellar: Check Cache');
    const notice = vsCode.notification('One thing is wrong');
    await notice.getByRole('button', { name: 'Manage Workspace Trust' }).waitFor();
    assert.equal(await notice.getByRole('button', { name: 'Put Right' }).count(), 0);
    await vsCode.line('In Restricted Mode Cellar changes nothing.').waitFor();
  });
});
