/** Pictures that stand in texts as `data:` URLs, of kinds that browsers show and that have no script in them. */
import type { TreeNode } from '../protocol/pages';
import { sizeText } from './shorten';

const PICTURES = /data:(image\/(?:png|jpeg|gif|webp));base64,([A-Za-z0-9+/]+=*)/g;

/** UTF-16 code units of the pictures in one text that are shown. */
const MAX_CHARACTERS = 4 * 1024 * 1024;

/** The pictures in a text, each once, as far as they are not too large together. */
export function picturesIn(text: string): TreeNode[] {
  const found = new Map<string, TreeNode>();
  let left = MAX_CHARACTERS;
  for (const [picture, key = '', bytes = ''] of text.matchAll(PICTURES)) {
    if (found.has(picture) || picture.length > left) continue;
    left -= picture.length;
    // Of four characters of base64 come three bytes.
    const size = sizeText(Math.floor((bytes.length * 3) / 4));
    found.set(picture, { key, type: 'picture', text: size, picture });
  }
  return [...found.values()];
}

/** The text with `…` for the bytes of its pictures, which say nothing to people. */
export function withoutPictures(text: string): string {
  return text.replace(PICTURES, (_, kind: string) => `data:${kind};base64,…`);
}
