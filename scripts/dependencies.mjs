// The npm packages, as package-lock.json names them.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root, runOrFail } from './programs.mjs';

/** Runs `npm ci` when node_modules is not what package-lock.json asks for. */
export async function ensureDependencies() {
  if (areInstalled()) return;
  console.log('Installing the npm packages (SQLite is compiled, about two minutes) ...');
  await runOrFail('npm', ['ci', '--no-audit', '--no-fund']);
}

/**
 * npm keeps a list of what it installed, and writes it last. The lists are compared, not their
 * times: npm dates its own three hours ahead.
 */
function areInstalled() {
  const wanted = packagesIn('package-lock.json');
  const there = packagesIn('node_modules/.package-lock.json');
  return Object.entries(wanted).every(
    // A package for another platform is optional, and left out.
    ([name, { version, optional }]) =>
      name === '' || there[name]?.version === version || (optional && !(name in there)),
  );
}

/** @returns {Record<string, {version: string, optional?: boolean}>} empty when there is no list */
function packagesIn(file) {
  try {
    return JSON.parse(readFileSync(path.join(root, file), 'utf8')).packages;
  } catch {
    return {};
  }
}
