import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The folder that VS Code puts on the PYTHONPATH of its terminals, as it is built. */
export const bundledPython = path.resolve(import.meta.dirname, '..', 'dist', 'python');

/**
 * Runs all cells of a notebook in a real marimo kernel, with Cellar beside it as a terminal of VS
 * Code has it: on PYTHONPATH and nowhere else.
 * @param environment added to our own; an empty PYTHONPATH there leaves Cellar out
 * @returns what the kernel and its cells complained of
 * @throws when a cell fails
 */
export async function runNotebook(
  python: string,
  notebook: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<string> {
  // The page is written to standard output, and is of no interest here.
  const { stderr } = await run(
    python,
    ['-m', 'marimo', 'export', 'html', '--no-sandbox', path.basename(notebook)],
    {
      cwd: path.dirname(notebook),
      env: { ...process.env, PYTHONPATH: bundledPython, ...environment },
      maxBuffer: 256 * 1024 * 1024,
      timeout: 180_000,
    },
  );
  return stderr;
}
