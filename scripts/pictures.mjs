// `node scripts/pictures.mjs`: takes the README's pictures from the last end-to-end run, which
// leaves one of each step in test/out. Reduced to 256 colours, without dithering, they take less than half
// the room and look the same: whatever program is at hand does that before they are committed.
import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { root } from './programs.mjs';

const pictures = {
  'preview.png': 'path-03-an-LZ4-Arrow-table-is-previewed.png',
  'hover.png': 'path-08-the-hover-tells-what-the-last-runs-met.png',
  'notebook.png': 'notebook-edited.png',
  'overview.png': 'overview-02-tells-of-days-room-and-what-saved-most.png',
};

const folder = path.join(root, 'media', 'readme');
await mkdir(folder, { recursive: true });
for (const [name, step] of Object.entries(pictures)) {
  await copyFile(path.join(root, 'test', 'out', step), path.join(folder, name));
}
