// Runs a program of `bench/` with what it needs, and hands it the arguments of the command line.
import { spawn } from 'node:child_process';
import process from 'node:process';
import { ensureDependencies } from './dependencies.mjs';
import { root } from './programs.mjs';
import { ensureSystem } from './system.mjs';
import { pythonVariables } from './testEnvironment.mjs';

/**
 * Sets up what is missing and runs the program, whose standard output is all that ours has: what
 * the set-up prints goes to standard error.
 * @param {string} program its path in the repository
 * @param {() => Promise<unknown>} [prepare] what more it needs
 */
export async function measure(program, prepare) {
  const write = process.stdout.write;
  process.stdout.write = process.stderr.write.bind(process.stderr);
  await ensureSystem(['compiler', 'python']);
  await ensureDependencies();
  const env = { ...process.env, ...(await pythonVariables()) };
  await prepare?.();
  process.stdout.write = write;
  const args = ['--import', 'tsx', '--require', './test/register.cjs', program];
  const child = spawn(process.execPath, [...args, ...process.argv.slice(2)], {
    cwd: root,
    env,
    stdio: 'inherit',
  });
  process.exitCode = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}
