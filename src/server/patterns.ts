import { createHash } from 'node:crypto';
import { opendir } from 'node:fs/promises';
import path from 'node:path';

/** Names in a folder of whose matches it is known which they were, as the kernel's side has it. */
const mostListed = 2000;

/** Whether a relative path is a pattern of names in one folder, such as `data/*.csv`. */
export function isOfOneFolder(relative: string): boolean {
  const parts = relative.split('/');
  const name = parts.pop() ?? '';
  return /[*?]/.test(name) && !parts.some((part) => part === '..' || /[*?]/.test(part));
}

/**
 * What a pattern stands for in its folder, by the digest of the names (`entries/patterns.py` in the
 * kernel), as hex; `undefined` in a folder of very many.
 * @param pattern absolute, with no wildcard but in its last part
 * @throws what the file system says where there is no such folder
 */
export async function digestOfNames(pattern: string): Promise<string | undefined> {
  const { dir, base } = path.parse(pattern);
  const matches = matcher(base);
  const found: Buffer[] = [];
  let seen = 0;
  // One by one: of a folder of a million names not all are held.
  for await (const { name } of await opendir(dir)) {
    if (++seen > mostListed) return undefined;
    if (!name.startsWith('.') && matches.test(name)) found.push(Buffer.from(name));
  }
  const hash = createHash('sha256');
  found
    .sort((a, b) => a.compare(b))
    .forEach((name, at) => hash.update(at === 0 ? '' : '\0').update(name));
  return hash.digest('hex');
}

/** `*` and `?` stand for characters of one name; all else for itself. */
function matcher(pattern: string): RegExp {
  const parts = pattern.split(/(\*+|\?)/);
  const source = parts.map((part, at) =>
    at % 2 === 0 ? part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&') : part === '?' ? '[^/]' : '[^/]*',
  );
  return new RegExp(`^${source.join('')}$`, 'su');
}
