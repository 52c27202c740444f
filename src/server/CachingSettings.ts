import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Caching, findCaching } from '../store/settings/marimo';
import type { OpenNotebook } from './OpenNotebooks';

/** Milliseconds for which settings that were read are held to be as they are. */
const heldFor = 500;

/** Whether marimo caches the cells of open notebooks, as its settings have it. */
export class CachingSettings {
  /** By the URI of the notebook's file. */
  readonly #found = new Map<
    string,
    { readonly text: string; readonly until: number; readonly caching: Promise<Caching> }
  >();

  async of(open: OpenNotebook): Promise<Caching> {
    const { uri } = open;
    // One that is open as cells has its script metadata in the file alone.
    const text = open.kind === 'text' ? open.text.getText() : await textOf(uri);
    const known = this.#found.get(uri);
    if (known?.text === text && known.until > performance.now()) return known.caching;
    const caching = find(uri, text);
    this.#found.set(uri, { text, until: performance.now() + heldFor, caching });
    return caching;
  }

  forget(uri: string): void {
    this.#found.delete(uri);
  }
}

async function find(uri: string, text: string): Promise<Caching> {
  if (!uri.startsWith('file:')) return { on: undefined, files: [] };
  const folder = path.dirname(fileURLToPath(uri));
  return findCaching(folder, text, { env: process.env, home: homedir() });
}

async function textOf(uri: string): Promise<string> {
  try {
    return await readFile(fileURLToPath(uri), 'utf8');
  } catch {
    // It was never saved, or is no file.
    return '';
  }
}
