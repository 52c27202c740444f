import { execFile } from 'node:child_process';
import { cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import type { Locator } from 'playwright-core';
import { emptyFolder } from './steps';
import type { VsCode } from './VsCode';

const root = path.resolve(import.meta.dirname, '..', '..');
const source = path.join(import.meta.dirname, 'marimoEditor');

/** The notebook editor of the stand-in for the marimo extension, in a window that has it. */
export class MarimoEditor {
  constructor(private readonly vsCode: VsCode) {}

  /** Packs the stand-in. @returns the .vsix, for `VsCode.open` */
  static async pack(t: TestContext): Promise<string> {
    const folder = path.join(await emptyFolder(t), 'marimo-editor');
    await mkdir(folder);
    await cp(path.join(source, 'package.json'), path.join(folder, 'package.json'));
    await build({
      entryPoints: [path.join(source, 'extension.ts')],
      outfile: path.join(folder, 'extension.js'),
      bundle: true,
      platform: 'node',
      format: 'cjs',
      external: ['vscode'],
      logLevel: 'error',
    });
    const file = path.join(folder, 'marimo-editor.vsix');
    const vsce = path.join(root, 'node_modules', '@vscode', 'vsce', 'vsce');
    const args = ['package', '--no-dependencies', '--allow-missing-repository', '--skip-license'];
    await promisify(execFile)(process.execPath, [vsce, ...args, '--out', file], { cwd: folder });
    return file;
  }

  /** Opens the file in the active text editor as a notebook. */
  async open(): Promise<void> {
    const shown = this.vsCode.page.locator('.notebookOverlay');
    // The extension host learns of the active editor a little later than it is to be seen.
    for (let tries = 1; ; tries++) {
      await this.vsCode.command('marimo: Open as marimo notebook');
      try {
        await shown.waitFor({ timeout: 10_000 });
        return;
      } catch (error) {
        if (tries === 3) throw error;
      }
    }
  }

  /** A cell with code, by its place among those that have some. */
  cell(index: number): Locator {
    return this.vsCode.page.locator('.notebookOverlay .code-cell-row').nth(index);
  }

  /** What stands below each cell with code. */
  async statuses(): Promise<string[]> {
    const bars = this.vsCode.page.locator('.notebookOverlay .code-cell-row .cell-status-left');
    const texts = await bars.allInnerTexts();
    return texts.map((text) => text.replaceAll(/\s+/g, ' ').trim());
  }
}
