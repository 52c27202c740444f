// What tests and benchmarks need beyond Node, handed to them as environment variables
// (test/environment.ts reads them).
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { codeServer, installExtension } from './codeServer.mjs';
import { makePackage } from './package.mjs';
import { root } from './programs.mjs';
import { benchPython, marimoPython, marimoVersions, uv } from './python.mjs';
import { findChromium } from './system.mjs';

/** Thrown where something cannot be had on this machine. */
export class CannotRun extends Error {}

/**
 * @param {string} version one of `marimoVersions()`
 * @returns {Promise<string>} its Python
 */
export const testedPython = (version) => prepared(`marimo ${version}`, () => marimoPython(version));

/** @returns {Promise<Record<string, string>>} the Python of each version of marimo */
export async function pythonVariables() {
  const pythons = {};
  for (const version of marimoVersions()) pythons[version] = await testedPython(version);
  return { CELLAR_TEST_PYTHONS: JSON.stringify(pythons) };
}

/** @returns {Promise<Record<string, string>>} the Python that the stores are compared in */
export async function benchVariables() {
  return { CELLAR_BENCH_PYTHON: await prepared("the benchmark's environment", benchPython) };
}

/** @returns {Promise<Record<string, string>>} a real VS Code with the packaged extension, and what drives it */
export async function editorVariables() {
  const installed = await prepared('the browser VS Code', codeServer);
  const chromium = findChromium();
  if (chromium === undefined) throw new CannotRun('there is no Chromium');
  const vsix = await makePackage();
  return {
    CELLAR_TEST_NODE: installed.node,
    CELLAR_TEST_CODE_SERVER: installed.entry,
    CELLAR_TEST_CHROMIUM: chromium,
    CELLAR_TEST_UV: await prepared('uv', uv),
    CELLAR_TEST_VSIX: vsix,
    CELLAR_TEST_EXTENSIONS: await extensionsWith(vsix, installed),
  };
}

/**
 * Installs the packaged extension once for all windows of the tests, each of which has a copy.
 * @param {string} vsix
 * @param {import('./codeServer.mjs').CodeServer} installed
 * @returns {Promise<string>} a folder of extensions, with ours alone
 */
export async function extensionsWith(vsix, installed) {
  const profile = path.join(root, 'test', 'out', 'profile');
  await rm(profile, { recursive: true, force: true });
  await installExtension(installed, profile, vsix);
  return path.join(profile, 'extensions');
}

async function prepared(what, install) {
  try {
    return await install();
  } catch (error) {
    throw new CannotRun(`${what} could not be installed: ${error.message}`);
  }
}
