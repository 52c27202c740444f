// What tests and benchmarks need beyond Node, handed to them as environment variables
// (test/environment.ts reads them).
import { codeServer } from './codeServer.mjs';
import { makePackage } from './package.mjs';
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
  const { node, entry } = await prepared('the browser VS Code', codeServer);
  const chromium = findChromium();
  if (chromium === undefined) throw new CannotRun('there is no Chromium');
  return {
    CELLAR_TEST_NODE: node,
    CELLAR_TEST_CODE_SERVER: entry,
    CELLAR_TEST_CHROMIUM: chromium,
    CELLAR_TEST_UV: await prepared('uv', uv),
    CELLAR_TEST_VSIX: await makePackage(),
  };
}

async function prepared(what, install) {
  try {
    return await install();
  } catch (error) {
    throw new CannotRun(`${what} could not be installed: ${error.message}`);
  }
}
