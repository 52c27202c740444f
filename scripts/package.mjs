// `npm run package`: builds the extension with the Python package inside it, as a .vsix for this
// platform. The native module makes the package good for one platform only.
import { readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { ensureDependencies } from './dependencies.mjs';
import { root, runOrFail } from './programs.mjs';
import { bundlingPython } from './python.mjs';
import { ensureSystem } from './system.mjs';

/** What vsce calls this platform. */
const target = `${isAlpine() ? 'alpine' : process.platform}-${process.arch}`;

/**
 * Builds dist/: the bundles, and beside them the Python package twice, installed as it goes on
 * PYTHONPATH and as the wheel that is installed into a user's environment.
 * @param {{production: boolean}} how minified and without source maps when for production
 */
export async function build({ production }) {
  await runOrFail(process.execPath, ['esbuild.mjs', ...(production ? ['--production'] : [])], {
    quiet: true,
  });
  const python = await bundlingPython();
  const pip = (...args) =>
    runOrFail(python, ['-m', 'pip', '--disable-pip-version-check', ...args], { quiet: true });
  await pip('wheel', '--no-deps', '-w', 'dist/wheel', './python');
  // By name rather than by path: pip would write the path of this machine into the package.
  const from = ['--no-index', '--find-links', 'dist/wheel', 'marimo-cellar'];
  await pip('install', '--no-deps', '--no-compile', '--target', 'dist/python', ...from);
}

/**
 * Builds and packs the extension.
 * @returns {Promise<string>} the .vsix
 */
export async function makePackage() {
  await build({ production: true });
  const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
  const file = path.join(root, `cellar-${target}-${version}.vsix`);
  await rm(file, { force: true });
  const vsce = path.join(root, 'node_modules', '@vscode', 'vsce', 'vsce');
  const args = ['package', '--no-dependencies', '--target', target, '--out', file];
  await runOrFail(process.execPath, [vsce, ...args], { quiet: true });
  return file;
}

/** Whether this is a Linux whose C library is not GNU's: VS Code calls all of these alpine. */
function isAlpine() {
  return process.platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await ensureSystem(['compiler', 'python']);
  await ensureDependencies();
  const file = await makePackage();
  console.log(`${file} (${((await stat(file)).size / 1e6).toFixed(2)} MB)`);
}
