// `npm start`: builds Cellar, fills a cache by running the samples, and shows it in VS Code.
import path from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { cacheFolder } from './cacheFolder.mjs';
import { codeServer, installExtension, serve, writeSettings } from './codeServer.mjs';
import { ensureDependencies } from './dependencies.mjs';
import { makePackage } from './package.mjs';
import { findProgram, run, runOrFail } from './programs.mjs';
import { newestMarimoPython } from './python.mjs';
import { runSamples, samples } from './samples.mjs';
import { ensureSystem } from './system.mjs';

const desktop = await wantsDesktop();
await ensureSystem(['compiler', 'python', ...(desktop ? [] : ['kerberos'])]);
await ensureDependencies();
const python = await newestMarimoPython();
console.log('Building the extension ...');
const vsix = await makePackage();
console.log('Running the samples: this computes once, and reads the cache at the next start ...');
await runSamples(python);
await (desktop ? openDesktop(desktop) : openBrowser());

/** @returns {Promise<string | undefined>} desktop VS Code, when there is one and it may be used */
async function wantsDesktop() {
  const code = findProgram('code');
  if (code === undefined || !process.stdin.isTTY) return undefined;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(
    'Install Cellar in your desktop VS Code and open the samples there? No opens a VS Code in ' +
      'the browser, with a profile of its own. [y/N] ',
  );
  terminal.close();
  return /^y/i.test(answer.trim()) ? code : undefined;
}

async function openDesktop(code) {
  await runOrFail(code, ['--install-extension', vsix, '--force']);
  await runOrFail(code, [samples]);
  console.log('Click the Cellar icon at the left.');
}

async function openBrowser() {
  const installed = await codeServer();
  const profile = path.join(cacheFolder, 'start');
  // A terminal in this VS Code finds `marimo` as after activating the environment.
  const search = `${path.dirname(python)}${path.delimiter}${process.env.PATH ?? ''}`;
  await writeSettings(profile, {
    'workbench.startupEditor': 'none',
    'workbench.secondarySideBar.defaultVisibility': 'hidden',
    'chat.disableAIFeatures': true,
    'extensions.ignoreRecommendations': true,
    'git.openRepositoryInParentFolders': 'never',
    'terminal.integrated.env.linux': { PATH: search },
    'terminal.integrated.env.osx': { PATH: search },
  });
  await installExtension(installed, profile, vsix);
  const server = await serve(installed, profile, {
    args: ['--disable-workspace-trust', samples],
  });
  const address = `${server.address}/?folder=${encodeURIComponent(samples)}`;
  console.log(`\nVS Code with Cellar: ${address}`);
  console.log('Click the Cellar icon at the left. Ctrl+C here ends it.');
  const opener = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const hasScreen =
    process.platform === 'darwin' || process.env.DISPLAY || process.env.WAYLAND_DISPLAY;
  if (hasScreen && findProgram(opener)) void run(opener, [address], { quiet: true });
  await server.stopped;
}
