// `node scripts/pictures.mjs`: takes the README's pictures from the last end-to-end run, which
// leaves one of each step in test/out.
import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { root } from './programs.mjs';

const pictures = {
  'preview.png': 'path-03-an-LZ4-Arrow-table-is-previewed.png',
  'hover.png': 'path-05-the-hover-tells-that-a-cell-is-cached.png',
  'notebook.png': 'notebook-03-an-edit-shows-at-the-cell-and-below-it-before-any-run.png',
};

const folder = path.join(root, 'media', 'readme');
await mkdir(folder, { recursive: true });
for (const [name, step] of Object.entries(pictures)) {
  await copyFile(path.join(root, 'test', 'out', step), path.join(folder, name));
}
