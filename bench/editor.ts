import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { VsCode } from '../test/e2e/VsCode';
import { newestPython } from '../test/environment';
import { runNotebook } from '../test/kernel';
import { median, milliseconds, type Figure } from './figures';
import { notebookOf } from './notebook';

const CELLS = 1000;
const ROUNDS = 5;

/** What a person waits for in VS Code, over a cache of 1,000 cells that a real kernel filled. */
export async function measure(): Promise<Figure[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cellar-bench-'));
  try {
    await writeFile(path.join(folder, 'thousand.py'), notebookOf(CELLS));
    await runNotebook(newestPython(), path.join(folder, 'thousand.py'));
    const activations: number[] = [];
    const views: number[] = [];
    const cells: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const vsCode = await VsCode.open({ folder });
      try {
        activations.push(await activation(vsCode));
        views.push(
          await timed(async () => {
            await vsCode.tree.show();
            await vsCode.tree.row('thousand.py').waitFor();
          }),
        );
        cells.push(
          await timed(async () => {
            await vsCode.tree.expand('thousand.py');
            await vsCode.tree.row('step_0').waitFor();
          }),
        );
      } finally {
        await vsCode.close();
      }
    }
    const inBrowser = `median of ${ROUNDS} fresh windows, seen by the browser`;
    return [
      {
        what: 'Activation',
        value: milliseconds(median(activations)),
        how: `as VS Code itself reports it, median of ${ROUNDS} fresh windows`,
      },
      {
        what: `Tree after a click on its icon, a notebook of ${CELLS} cells`,
        value: milliseconds(median(views)),
        how: inBrowser,
      },
      {
        what: `Its ${CELLS} cells after a click on the notebook`,
        value: milliseconds(median(cells)),
        how: inBrowser,
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Waits until ours runs. @returns the milliseconds that VS Code's list of extensions gives for it */
async function activation(vsCode: VsCode): Promise<number> {
  await vsCode.command('Developer: Show Running Extensions');
  const row = vsCode.page.locator('.runtime-extensions-editor .monaco-list-row', {
    hasText: 'Cellar',
  });
  const text = await row.locator('.activation-time').innerText();
  const found = /(\d+)\s*ms/.exec(text)?.[1];
  // The list lies over everything else.
  await vsCode.page.keyboard.press('Escape');
  await row.waitFor({ state: 'detached' });
  if (found === undefined) throw new Error(`no activation time in "${text}"`);
  return Number(found);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}
