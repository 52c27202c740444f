// Builds the extension: programs for Node (the extension host, what it loads later, the language
// server, the decoder that runs in a worker thread) and the pages of the preview and the overview.
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
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
};

/** @type {esbuild.BuildOptions} */
const processes = {
  ...node,
  entryPoints: { server: 'src/server/main.ts', decoder: 'src/formats/decoder.ts' },
};

/**
 * Writes what was split as modules, which esbuild offers for no other format, as CommonJS: the oldest
 * VS Code that we support loads nothing else.
 * @type {esbuild.Plugin}
 */
const asCommonJs = {
  name: 'as-commonjs',
  setup: ({ onEnd }) => {
    onEnd(async ({ outputFiles = [] }) => {
      await mkdir('dist', { recursive: true });
      await Promise.all(outputFiles.map(writeCommonJs));
    });
  },
};

/** @param {esbuild.OutputFile} file */
async function writeCommonJs({ path: file, contents, text }) {
  if (!file.endsWith('.js')) return writeFile(file, contents);
  // Taken as a module it would be copied, name by name, for each of our files that imports it.
  const direct = text.replaceAll(
    /import\s*\*\s*as\s*([\w$]+)\s*from\s*"vscode";/g,
    'const $1=require("vscode");',
  );
  const { code } = await esbuild.transform(direct, {
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    minify: production,
    sourcemap: production ? false : 'inline',
    // An `import()` of our own file becomes a `require`: VS Code answers that for `vscode` alone.
    supported: { 'dynamic-import': false },
  });
  return writeFile(file, code);
}

/**
 * The extension in pieces: what VS Code has to know of from the start, and by each `import()` what is
 * loaded when it is asked for.
 * @type {esbuild.BuildOptions}
 */
const extension = {
  ...node,
  format: 'esm',
  splitting: true,
  write: false,
  sourcemap: production ? false : 'inline',
  chunkNames: 'part-[hash]',
  plugins: [asCommonJs],
  entryPoints: { extension: 'src/activation.ts' },
};

/** @type {esbuild.BuildOptions} */
const browser = {
  ...common,
  platform: 'browser',
  format: 'iife',
  target: 'chrome120',
  loader: { '.ttf': 'file' },
  assetNames: '[name]',
  entryPoints: { webview: 'webview/main.ts', overview: 'webview/overview/main.ts' },
};

const icons = ['codicon.css', 'codicon.ttf'].map(
  (file) => `node_modules/@vscode/codicons/dist/${file}`,
);

const programs = [extension, processes, browser];
await rm('dist', { recursive: true, force: true });
if (watch) {
  for (const options of programs) await (await esbuild.context(options)).watch();
} else {
  const bundles = await Promise.all(programs.map((options) => esbuild.build(options)));
  const bundled = bundles.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  await writeNotices([...bundled, ...icons]);
}
await mkdir('dist', { recursive: true });
for (const file of icons) await copyFile(file, `dist/${path.basename(file)}`);
