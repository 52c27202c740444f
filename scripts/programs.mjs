// Finds and runs other programs.
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';

// Not by `import.meta.dirname`: a Node without it is to hear that it is too old.
/** The root of the repository. */
export const root = path.resolve(fileURLToPath(import.meta.url), '..', '..');

/**
 * @param {string} name a program's name, or an absolute path
 * @returns {string | undefined} where it is, or undefined when it is not on the PATH
 */
export function findProgram(name) {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', '.bat', ''] : [''];
  const folders = path.isAbsolute(name) ? [''] : (process.env.PATH ?? '').split(path.delimiter);
  for (const folder of folders) {
    for (const ending of endings) {
      const file = path.join(folder, name + ending);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        continue;
      }
    }
  }
  return undefined;
}

/**
 * Runs a program to its end. What it prints is kept, and shown as it comes unless `quiet`; with a
 * `prefix` line by line, each with that before it, so that programs which run at once can be told apart.
 * @param {string} program
 * @param {string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, quiet?: boolean, prefix?: string}} [options]
 * @returns {Promise<{code: number, output: string}>} its exit code (1 when a signal ended it), and
 *   standard output and error as one text
 */
export function run(
  program,
  args,
  { cwd = root, env = process.env, quiet = false, prefix = '' } = {},
) {
  return new Promise((resolve, reject) => {
    // npm is a script on Windows, which only a shell can run.
    const shell = process.platform === 'win32' && !program.endsWith('.exe');
    const quoted = (text) => (shell ? `"${text}"` : text);
    const child = spawn(quoted(program), args.map(quoted), {
      ...{ cwd, env, shell },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const chunks = [];
    for (const [from, shown] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ]) {
      from.on('data', (chunk) => {
        chunks.push(chunk);
        if (!quiet && prefix === '') shown.write(chunk);
      });
      if (quiet || prefix === '') continue;
      createInterface({ input: from }).on('line', (line) => shown.write(`${prefix}${line}\n`));
    }
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString('utf8') });
    });
  });
}

/**
 * Runs a program that has to succeed.
 * @returns {Promise<string>} what it printed
 * @throws {Error} with the end of what it printed, when its exit code is not zero
 */
export async function runOrFail(program, args, options) {
  const { code, output } = await run(program, args, options);
  if (code !== 0) {
    const end = output.trimEnd().split('\n').slice(-40).join('\n');
    throw new Error(`${path.basename(program)} ${args.join(' ')} ended with code ${code}\n${end}`);
  }
  return output;
}
