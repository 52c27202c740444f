// Builds the extension: programs for Node (the extension host, what it loads later, the language
// server, the decoder that runs in a worker thread) and the page of the preview.
import { copyFile, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { argv } from 'node:process';
import * as esbuild from 'esbuild';
import { writeNotices } from './scripts/notices.mjs';

const watch = argv.includes('--watch');
const production = argv.includes('--production');

const common = {
  bundle: true,
  minify: production,
  sourcemap: production ? false : 'linked',
  logLevel: 'info',
  outdir: 'dist',
  metafile: true,
};

/**
 * The library that talks to the language server is three quarters of the extension's code, and of no
 * use before a notebook is opened: it is a program of its own, which `import()` loads then.
 * @type {esbuild.Plugin}
 */
const loadedLater = {
  name: 'loaded-later',
  setup: ({ onResolve }) => {
    onResolve({ filter: /^vscode-languageclient\/node$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './languageclient.js', external: true } : undefined,
    );
  },
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
  // An `import()` of our own file becomes a `require`: VS Code answers that for `vscode` alone.
  supported: { 'dynamic-import': false },
  plugins: [loadedLater],
  entryPoints: {
    extension: 'src/extension.ts',
    languageclient: 'vscode-languageclient/node',
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

const icons = ['codicon.css', 'codicon.ttf'].map(
  (file) => `node_modules/@vscode/codicons/dist/${file}`,
);

await rm('dist', { recursive: true, force: true });
if (watch) {
  for (const options of [node, browser]) await (await esbuild.context(options)).watch();
} else {
  const bundles = await Promise.all([esbuild.build(node), esbuild.build(browser)]);
  const bundled = bundles.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  await writeNotices([...bundled, ...icons]);
}
await mkdir('dist', { recursive: true });
for (const file of icons) await copyFile(file, `dist/${path.basename(file)}`);
