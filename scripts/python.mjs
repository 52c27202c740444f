// The Python environments: one for each version of marimo that Cellar is tested with, one for the
// benchmark, and one that bundles our package.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { installedOnce } from './cacheFolder.mjs';
import { root, runOrFail } from './programs.mjs';
import { findPython } from './system.mjs';

const UV = 'uv==0.13.9';
const requirements = path.join(root, 'python', 'requirements');

/** @returns {string[]} the versions of marimo that are tested, oldest first */
export function marimoVersions() {
  return readdirSync(requirements)
    .map((file) => /^marimo-([\d.]+)\.txt$/.exec(file)?.[1])
    .filter((version) => version !== undefined)
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/**
 * Makes the environment of one version of marimo, once for each content of its requirements.
 * @param {string} version one of `marimoVersions()`
 * @returns {Promise<string>} its Python
 */
export function marimoPython(version) {
  const file = path.join(requirements, `marimo-${version}.txt`);
  return environment(`marimo-${version}`, contentOf(file), ['-r', file]);
}

/** @returns {Promise<string>} the Python with the newest marimo that is tested */
export function newestMarimoPython() {
  return marimoPython(marimoVersions().at(-1) ?? 'none');
}

/** @returns {Promise<string>} the Python of the benchmark: the newest marimo, and what it is compared with */
export function benchPython() {
  const marimo = `marimo==${marimoVersions().at(-1)}`;
  const file = path.join(requirements, 'bench.txt');
  return environment('bench', `${marimo}\n${contentOf(file)}`, [marimo, '-r', file]);
}

/** @returns {string} requirements, with those that they include */
function contentOf(file) {
  return [file, path.join(requirements, 'dev.txt')]
    .map((name) => readFileSync(name, 'utf8'))
    .join('\n');
}

/** @returns {Promise<string>} the program uv, which runs notebooks in environments of its own */
export async function uv() {
  const python = await environment('uv', UV, [UV]);
  return path.join(path.dirname(python), process.platform === 'win32' ? 'uv.exe' : 'uv');
}

/** @returns {Promise<string>} a Python with pip and nothing else, which bundles our package */
export function bundlingPython() {
  return environment('bundling', '', []);
}

async function environment(name, content, packages) {
  const system = await findPython();
  if (system === undefined) throw new Error('Python 3.10 or later with venv and pip is needed.');
  const version = (await runOrFail(system, ['--version'], { quiet: true })).trim();
  const folder = await installedOnce(name, `${system} ${version}\n${content}`, async (into) => {
    await runOrFail(system, ['-m', 'venv', into], { quiet: true });
    if (packages.length === 0) return;
    const args = ['-m', 'pip', 'install', '--disable-pip-version-check', ...packages];
    await runOrFail(pythonOf(into), args, { quiet: true });
  });
  return pythonOf(folder);
}

function pythonOf(folder) {
  return process.platform === 'win32'
    ? path.join(folder, 'Scripts', 'python.exe')
    : path.join(folder, 'bin', 'python');
}
