import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { type Caching, findCaching } from '../store/settings/marimo';
import { thisSystem, userFile } from '../store/settings/place';
import { findRecompute } from '../store/settings/recomputing';
import { fileOf } from './fileOf';
import { type Form, keyOf, type OpenNotebook } from './OpenNotebooks';

/** Milliseconds for which settings that were read are held to be as they are. */
const heldFor = 500;

/** What is set for a notebook, in marimo's settings and in Cellar's. */
export interface NotebookSettings extends Caching {
  /** Whether what was made of a file that has changed since is computed anew. */
  readonly recomputes: boolean;
}

/** Whether marimo caches the cells of open notebooks and loads modules anew, as its settings have it. */
export class CachingSettings {
  readonly #found = new Map<
    string,
    {
      /** As it was in the editor; absent for a notebook that is open as cells. */
      readonly text: string | undefined;
      readonly until: number;
      readonly caching: Promise<NotebookSettings>;
    }
  >();

  /** @param now milliseconds on a clock that never goes back */
  constructor(private readonly now = () => performance.now()) {}

  of(open: OpenNotebook): Promise<NotebookSettings> {
    const text = open.kind === 'text' ? open.text.getText() : undefined;
    const known = this.#found.get(keyOf(open));
    if (known && known.text === text && known.until > this.now()) return known.caching;
    const caching = find(open.uri, text);
    this.#found.set(keyOf(open), { text, until: this.now() + heldFor, caching });
    return caching;
  }

  forget(form: Form): void {
    this.#found.delete(keyOf(form));
  }
}

async function find(uri: string, text: string | undefined): Promise<NotebookSettings> {
  const file = fileOf(uri);
  if (file === undefined) return { on: undefined, reloads: false, recomputes: false, files: [] };
  // One that is open as cells has its script metadata in the file alone.
  const metadata = text ?? (await textIn(file));
  const folder = path.dirname(file);
  const system = thisSystem();
  const [caching, recomputes] = await Promise.all([
    findCaching(folder, metadata, { env: process.env, home: homedir() }),
    findRecompute(folder, system, []),
  ]);
  return { ...caching, recomputes, files: [...caching.files, userFile(system)] };
}

async function textIn(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    // It was never saved.
    return '';
  }
}
