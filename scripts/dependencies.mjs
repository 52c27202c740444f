// The npm packages, as package-lock.json names them.
import { statSync } from 'node:fs';
import path from 'node:path';
import { root, runOrFail } from './programs.mjs';

/** Runs `npm ci` when node_modules is missing or older than package-lock.json. */
export async function ensureDependencies() {
  const changed = (file) =>
    statSync(path.join(root, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  // npm writes this file last, so it is not there after an install that was cut short.
  if (changed('node_modules/.package-lock.json') >= changed('package-lock.json')) return;
  console.log('Installing the npm packages (SQLite is compiled, about two minutes) ...');
  await runOrFail('npm', ['ci', '--no-audit', '--no-fund']);
}
