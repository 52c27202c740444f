// Builds the extension: three programs for Node (the extension host, the language server, the
// decoder that runs in a worker thread) and the page of the preview.
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { argv } from 'node:process';
import * as esbuild from 'esbuild';

const watch = argv.includes('--watch');
const production = argv.includes('--production');

const common = {
  bundle: true,
  minify: production,
  sourcemap: production ? false : 'linked',
  logLevel: 'info',
  outdir: 'dist',
};

/** @type {esbuild.BuildOptions} */
const node = {
  ...common,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['vscode'],
  // The native module is loaded by a path relative to the bundle, so it is copied beside it.
  loader: { '.node': 'copy', '.sql': 'text' },
  assetNames: '[name]',
  entryPoints: {
    extension: 'src/extension.ts',
    server: 'src/server/main.ts',
    decoder: 'src/formats/decoder.ts',
  },
};

/** @type {esbuild.BuildOptions} */
const browser = {
  ...common,
  platform: 'browser',
  format: 'iife',
  target: 'chrome120',
  loader: { '.ttf': 'file' },
  assetNames: '[name]',
  entryPoints: { webview: 'webview/main.ts' },
};

await rm('dist', { recursive: true, force: true });
if (watch) {
  for (const options of [node, browser]) await (await esbuild.context(options)).watch();
} else {
  await Promise.all([esbuild.build(node), esbuild.build(browser)]);
}
await mkdir('dist', { recursive: true });
for (const file of ['codicon.css', 'codicon.ttf']) {
  await copyFile(`node_modules/@vscode/codicons/dist/${file}`, `dist/${file}`);
}
