// The VS Code that needs no desktop: code-server from npm, which is VS Code served to a browser.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { installedOnce } from './cacheFolder.mjs';
import { runOrFail } from './programs.mjs';

const CODE_SERVER = '4.139.1';
const NODE = '24.21.0';

/**
 * Installs code-server and the Node it needs, once.
 *
 * code-server builds its native modules against Node 24. The npm package of that Node holds the
 * program and the headers; it has a folder of its own, since npm moves a package away while
 * another one's install script runs.
 * @returns {Promise<{node: string, entry: string}>} run `entry` with the program `node`
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
      PATH: `${bin}${path.delimiter}${process.env['PATH'] ?? ''}`,
    }),
  );
  return {
    node: path.join(bin, 'node'),
    entry: path.join(folder, 'node_modules', 'code-server', 'out', 'node', 'entry.js'),
  };
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
