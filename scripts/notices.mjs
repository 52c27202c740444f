// The licences of what is bundled: they ask that their text goes wherever the code goes.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { root } from './programs.mjs';

/**
 * Writes dist/THIRD_PARTY_NOTICES.txt.
 * @param {Iterable<string>} files what went into the bundles, relative to the repository
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
  return [title, ...texts.map((text) => text.trim())].join('\n\n') + '\n';
}
