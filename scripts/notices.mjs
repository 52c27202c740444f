// The licences of what is bundled: they ask that their text goes wherever the code goes.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { root } from './programs.mjs';

/** The text that a package means which says MIT in its manifest and brings none (https://spdx.org/licenses/MIT.html). */
const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction, including
without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the
following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT
LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO
EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN
AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE
OR OTHER DEALINGS IN THE SOFTWARE.`;

/**
 * Writes dist/THIRD_PARTY_NOTICES.txt.
 * @param {Iterable<string>} files what went into the bundles, relative to the repository
 * @throws {Error} where a package brings no text of a licence other than MIT
 */
export async function writeNotices(files) {
  const folders = new Set();
  for (const file of files) {
    const folder = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];
    if (folder !== undefined) folders.add(folder);
  }
  const notices = await Promise.all([...folders].sort().map(notice));
  const target = path.join(root, 'dist', 'THIRD_PARTY_NOTICES.txt');
  await writeFile(target, notices.join(`\n${'-'.repeat(80)}\n\n`));
}

async function notice(folder) {
  const place = path.join(root, folder);
  const manifest = JSON.parse(await readFile(path.join(place, 'package.json'), 'utf8'));
  const names = (await readdir(place)).filter((name) => /^(licen[cs]e|notice)/i.test(name));
  const texts = await Promise.all(names.map((name) => readFile(path.join(place, name), 'utf8')));
  const title = `${manifest.name} ${manifest.version} (${manifest.license})`;
  if (texts.length === 0) texts.push(ownText(title, manifest));
  return [title, ...texts.map((text) => text.trim())].join('\n\n') + '\n';
}

function ownText(title, { author, license }) {
  const holder = author?.name ?? author;
  if (license !== 'MIT' || !holder) throw new Error(`${title} brings no text of its licence`);
  return `Copyright (c) ${holder}\n\n${MIT}`;
}
