// Runs the sample notebooks in a real marimo kernel, with Cellar beside it as a terminal of VS Code
// has it: on PYTHONPATH and nowhere else.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { root, runOrFail } from './programs.mjs';

/** The folder of the sample notebooks. */
export const samples = path.join(root, 'sample');

/**
 * @param {string} python a Python that has marimo
 * @throws {Error} when a cell of a sample fails
 */
export async function runSamples(python) {
  const env = { ...process.env, PYTHONPATH: path.join(root, 'dist', 'python') };
  for (const notebook of readdirSync(samples).filter((file) => file.endsWith('.py'))) {
    const begun = Date.now();
    // The page goes to standard output, where nobody looks at it.
    const args = ['-m', 'marimo', 'export', 'html', '--no-sandbox', notebook];
    await runOrFail(python, args, { cwd: samples, env, quiet: true });
    console.log(`Ran ${notebook} in ${((Date.now() - begun) / 1000).toFixed(1)} s.`);
  }
}
