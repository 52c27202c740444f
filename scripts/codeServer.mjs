// The VS Code that needs no desktop: code-server from npm, which is VS Code served to a browser.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { installedOnce } from './cacheFolder.mjs';
import { runOrFail } from './programs.mjs';

const CODE_SERVER = '4.139.1';
const NODE = '24.21.0';

/**
 * How to run the installed code-server: `entry` with the program `node`.
 * @typedef {{node: string, entry: string}} CodeServer
 *
 * The folder of one VS Code: its settings, its extensions and its log.
 * @typedef {string} Profile
 */

/**
 * Installs code-server and the Node it needs, once.
 *
 * code-server builds its native modules against Node 24. The npm package of that Node holds the
 * program and the headers; it has a folder of its own, since npm moves a package away while
 * another one's install script runs.
 * @returns {Promise<CodeServer>}
 */
export async function codeServer() {
  const platform = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const packageName = `node-${platform}`;
  const nodeFolder = await installedOnce('node-24', `${packageName} ${NODE}`, (folder) =>
    installPackages(folder, { [packageName]: NODE }, []),
  );
  const nodeHome = path.join(nodeFolder, 'node_modules', packageName);
  const bin = path.join(nodeHome, 'bin');
  const folder = await installedOnce('code-server', `${CODE_SERVER} ${NODE} ${platform}`, (into) =>
    installPackages(into, { 'code-server': CODE_SERVER }, ['code-server', 'argon2'], {
      ...process.env,
      npm_config_nodedir: nodeHome,
      // By it code-server's script tells which Node it is installed with. `npm start` sets it to the
      // Node that npm runs on, and an npm within it would pass that on.
      npm_config_user_agent: undefined,
      PATH: `${bin}${path.delimiter}${process.env.PATH ?? ''}`,
    }),
  );
  return {
    node: path.join(bin, 'node'),
    entry: path.join(folder, 'node_modules', 'code-server', 'out', 'node', 'entry.js'),
  };
}

/**
 * @param {Profile} profile
 * @param {Record<string, unknown>} settings the user's settings, as in settings.json
 */
export async function writeSettings(profile, settings) {
  await mkdir(path.join(profile, 'data', 'User'), { recursive: true });
  const file = path.join(profile, 'data', 'User', 'settings.json');
  await writeFile(file, JSON.stringify(settings, undefined, 2));
}

/**
 * @param {CodeServer} installed
 * @param {Profile} profile
 * @param {string} vsix
 */
export async function installExtension({ node, entry }, profile, vsix) {
  const args = [entry, '--install-extension', vsix, '--force', ...places(profile)];
  await runOrFail(node, args, { quiet: true });
}

/**
 * Serves VS Code on a free port of the loopback interface, until it is stopped, or this process is: by
 * Ctrl+C, by another program, or with its terminal.
 * @param {CodeServer} installed
 * @param {Profile} profile
 * @param {{args?: string[], env?: NodeJS.ProcessEnv}} [options]
 * @returns {Promise<{address: string, stop: () => Promise<void>, stopped: Promise<unknown>}>}
 */
export async function serve({ node, entry }, profile, { args = [], env = process.env } = {}) {
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const file = path.join(profile, 'server.log');
  const log = openSync(file, 'w');
  const all = [
    ...[entry, '--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, ...places(profile)],
    ...['--disable-telemetry', '--disable-update-check', ...args],
  ];
  // A group of its own: code-server starts processes that have to end with it.
  const server = spawn(node, all, { env, stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  const stopped = once(server, 'exit');
  const isRunning = () => server.exitCode === null && server.signalCode === null;
  const stop = async () => {
    if (!isRunning()) return;
    process.kill(-server.pid, 'SIGTERM');
    const killed = setTimeout(() => process.kill(-server.pid, 'SIGKILL'), 5000);
    await stopped;
    clearTimeout(killed);
  };
  let isEnded = false;
  // It is in a group of its own, and hears of none of these.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    const end = () => {
      isEnded = true;
      void stop();
    };
    process.once(signal, end);
    void stopped.then(() => process.off(signal, end));
  }
  for (let tries = 0; tries < 300 && isRunning(); tries++) {
    const answer = await fetch(`${address}/healthz`).catch(() => undefined);
    if (answer?.ok) return { address, stop, stopped };
    await sleep(100);
  }
  await stop();
  // Who ends it before it is there wants to hear nothing of it.
  if (isEnded) process.exit(1);
  throw new Error(`code-server did not start:\n${await readFile(file, 'utf8')}`);
}

function places(profile) {
  return [
    ...['--user-data-dir', path.join(profile, 'data')],
    ...['--extensions-dir', path.join(profile, 'extensions')],
    // Otherwise it writes one into the user's home.
    ...['--config', path.join(profile, 'config.yaml')],
  ];
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  return port;
}

/** Installs npm packages into a folder of their own; only the named ones may run scripts. */
async function installPackages(folder, dependencies, mayRunScripts, env = process.env) {
  await mkdir(folder, { recursive: true });
  const manifest = {
    private: true,
    dependencies,
    allowScripts: Object.fromEntries(mayRunScripts.map((name) => [name, true])),
  };
  await writeFile(path.join(folder, 'package.json'), JSON.stringify(manifest, undefined, 2));
  const args = ['install', '--no-audit', '--no-fund', '--loglevel=error'];
  await runOrFail('npm', args, { cwd: folder, env, quiet: true });
}
