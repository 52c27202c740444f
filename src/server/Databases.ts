import { stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CacheError } from '../store/CacheError';
import { Caches } from '../store/Caches';
import type { NotebookRecord } from '../store/record';
import type { SqliteLoader } from '../store/SqliteLoader';

/** Milliseconds between two looks for databases that could not be opened yet. */
const lookEvery = 500;

/** What stands behind a document: a cache that can be asked, or why there is none. */
export type Cache =
  | { readonly kind: 'open'; readonly path: string; readonly loader: SqliteLoader }
  | { readonly kind: 'failed'; readonly path: string; readonly error: CacheError };

/**
 * The databases of the open notebooks, read only, and the news of them. SQLite and the file system
 * are asked twice a second while a notebook is open, because not every client watches files, and
 * file events are late or missing on some systems; a client's events only make it faster.
 */
export class Databases {
  readonly #caches: Caches;
  /** Open notebooks by URI, with their files and databases. */
  readonly #notebooks = new Map<string, { readonly file: string; readonly database: string }>();
  /** By notebook file. A promise is shared by those who ask before it is answered. */
  readonly #records = new Map<string, Promise<NotebookRecord | undefined>>();
  /** Databases that do not open, with what the file looked like. */
  readonly #refused = new Map<string, string>();
  readonly #hints = new Map<string, () => void>();
  readonly #listeners: ((uri: string) => void)[] = [];
  #clock: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(report: (error: unknown) => void) {
    this.#caches = new Caches({
      report,
      watcher: {
        watch: (database, changed) => {
          this.#hints.set(database, changed);
          return { dispose: () => this.#hints.delete(database) };
        },
      },
    });
    this.#caches.onDidChange((cache) => {
      const database = this.#caches.path(cache);
      if (database !== undefined) this.#announce(database);
    });
  }

  /** Calls `listener` with the URI of every open notebook whose database changed. */
  onDidChange(listener: (uri: string) => void): void {
    this.#listeners.push(listener);
  }

  /** Says whether the document of this URI is an open notebook. */
  watch(uri: string, open: boolean): void {
    const file = open ? filePath(uri) : undefined;
    const known = this.#notebooks.get(uri);
    if (file === undefined) {
      if (known) this.#records.delete(known.file);
      this.#notebooks.delete(uri);
    } else if (!known) {
      const database = path.join(path.dirname(file), '__marimo__', 'cache', 'cache.db');
      this.#notebooks.set(uri, { file, database });
    }
    this.#caches.setVisible(this.#notebooks.size > 0);
    if (this.#notebooks.size === 0) {
      clearInterval(this.#clock);
      this.#clock = undefined;
    } else {
      this.#clock ??= setInterval(() => {
        this.#lookForNew();
      }, lookEvery);
    }
  }

  /** Files that the client saw change: looks at once instead of half a second later. */
  hint(uris: readonly string[]): void {
    for (const uri of uris) {
      const file = filePath(uri);
      if (file === undefined) continue;
      for (const [database, changed] of this.#hints) if (file.startsWith(database)) changed();
    }
    this.#lookForNew();
  }

  /** @returns `undefined` for a document that is no open notebook, or not a file. */
  async cache(uri: string): Promise<Cache | undefined> {
    const database = this.#notebooks.get(uri)?.database;
    if (database === undefined) return undefined;
    try {
      const loader = await this.#caches.open(database);
      this.#refused.delete(database);
      return { kind: 'open', path: database, loader };
    } catch (error) {
      return { kind: 'failed', path: database, error: await this.#refuse(database, error) };
    }
  }

  /** What the cache knows of a notebook, read again only after the database changed. */
  record(uri: string, loader: SqliteLoader): Promise<NotebookRecord | undefined> {
    const file = this.#notebooks.get(uri)?.file;
    if (file === undefined) return Promise.resolve(undefined);
    const known = this.#records.get(file);
    if (known) return known;
    const record = loader.record(file);
    this.#records.set(file, record);
    record.catch(() => {
      if (this.#records.get(file) === record) this.#records.delete(file);
    });
    return record;
  }

  async close(): Promise<void> {
    clearInterval(this.#clock);
    this.#notebooks.clear();
    await this.#looking;
    await this.#caches.close();
  }

  async #refuse(database: string, error: unknown): Promise<CacheError> {
    if (!(error instanceof CacheError)) throw error;
    this.#refused.set(database, await looks(database));
    return error;
  }

  #announce(database: string): void {
    for (const [uri, notebook] of this.#notebooks) {
      if (notebook.database !== database) continue;
      this.#records.delete(notebook.file);
      for (const listener of this.#listeners) listener(uri);
    }
  }

  /** Announces databases that did not open when they were asked for and look different now. */
  #lookForNew(): void {
    this.#looking ??= (async () => {
      for (const [database, before] of this.#refused) {
        if ((await looks(database)) === before) continue;
        this.#refused.delete(database);
        this.#announce(database);
      }
    })().finally(() => {
      this.#looking = undefined;
    });
  }
}

/** What a file and the log beside it look like from outside: nothing here opens a database. */
async function looks(database: string): Promise<string> {
  const marks = [database, `${database}-wal`].map(async (file) => {
    const found = await stat(file).catch(() => undefined);
    return found && [found.ino, found.size, found.mtimeMs].join(':');
  });
  return (await Promise.all(marks)).join('|');
}

function filePath(uri: string): string | undefined {
  try {
    return fileURLToPath(uri);
  } catch {
    return undefined;
  }
}
