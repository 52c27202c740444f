import path from 'node:path';
import { CacheError } from '../store/database/CacheError';
import { Caches } from '../store/Caches';
import { contentMark } from '../store/database/opening';
import { databaseIn, findPlace } from '../store/settings/place';
import type { NotebookRecord } from '../store/entries/record';
import type { SqliteLoader } from '../store/SqliteLoader';
import { fileOf } from './fileOf';

/** Milliseconds between two looks for settings that changed and databases that did not open yet. */
const lookEvery = 500;

/** What stands behind a document: a cache that can be asked, or why there is none. */
export type Cache =
  | { readonly kind: 'open'; readonly path: string; readonly loader: SqliteLoader }
  | { readonly kind: 'failed'; readonly path: string; readonly error: CacheError };

/** What a cache knows of a notebook, or, of an unknown one, of all that it may have been. */
export interface Records {
  /** Which of the databases in the cache's place the ids are of: `SqliteLoader.generation`. */
  readonly generation: string | undefined;
  readonly own: NotebookRecord | undefined;
  readonly gone: readonly NotebookRecord[];
}

interface OpenNotebook {
  readonly file: string;
  /** The database, once its place was found. */
  database?: string;
}

/**
 * The databases of the open notebooks, read only, and the news of them. SQLite and the file system
 * are asked twice a second while a notebook is open, because not every client watches files, and
 * file events are late or missing on some systems; a client's events only make it faster.
 */
export class Databases {
  readonly #caches: Caches;
  /** Open notebooks by URI. */
  readonly #notebooks = new Map<string, OpenNotebook>();
  /** By notebook file. A promise is shared by those who ask before it is answered. */
  readonly #records = new Map<
    string,
    { readonly loader: SqliteLoader; readonly records: Promise<Records> }
  >();
  /** Databases that do not open, with what the file looked like. */
  readonly #refused = new Map<string, string>();
  readonly #hints = new Map<string, () => void>();
  readonly #listeners: ((uri: string) => void)[] = [];
  readonly #warned = new Set<string>();
  #clock: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  /** What is being closed. */
  #leaving: Promise<unknown> = Promise.resolve();

  constructor(private readonly report: (error: unknown) => void) {
    this.#caches = new Caches({
      report,
      watcher: {
        watch: (database, changed) => {
          this.#hints.set(database, changed);
          const dispose = () => {
            // One that is open again has a hint of its own.
            if (this.#hints.get(database) === changed) this.#hints.delete(database);
          };
          return { dispose };
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
    const file = open ? fileOf(uri) : undefined;
    const known = this.#notebooks.get(uri);
    if (file === undefined) {
      this.#notebooks.delete(uri);
      if (known) {
        this.#records.delete(known.file);
        this.#leave(known.database);
      }
    } else if (!known) {
      this.#notebooks.set(uri, { file });
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
      const file = fileOf(uri);
      if (file === undefined) continue;
      for (const [database, changed] of this.#hints) if (file.startsWith(database)) changed();
    }
    this.#lookForNew();
  }

  /** @returns `undefined` for a document that is no open notebook, or not a file. */
  async cache(uri: string): Promise<Cache | undefined> {
    const notebook = this.#notebooks.get(uri);
    if (notebook === undefined) return undefined;
    const database = (notebook.database ??= await this.#place(notebook));
    try {
      const loader = await this.#caches.open(database);
      // Closed while it was opened.
      if (!this.#notebooks.has(uri)) this.#leave(database);
      this.#refused.delete(database);
      return { kind: 'open', path: database, loader };
    } catch (error) {
      return { kind: 'failed', path: database, error: await this.#refuse(database, error) };
    }
  }

  /** What the cache knows of a notebook, read again only after the database changed. */
  records(uri: string, loader: SqliteLoader): Promise<Records> {
    const file = this.#notebooks.get(uri)?.file;
    if (file === undefined)
      return Promise.resolve({ generation: undefined, own: undefined, gone: [] });
    const known = this.#records.get(file);
    // Whoever asked before the cache was set to be elsewhere has the other loader.
    if (known?.loader === loader) return known.records;
    const records = readRecords(loader, file);
    this.#records.set(file, { loader, records });
    records.catch(() => {
      if (this.#records.get(file)?.records === records) this.#records.delete(file);
    });
    return records;
  }

  /** Reads what the cache knows of a notebook again: a part of it could not be read any more. */
  doubt(uri: string): void {
    const notebook = this.#notebooks.get(uri);
    if (notebook) this.#announceNotebook(uri, notebook);
  }

  async close(): Promise<void> {
    clearInterval(this.#clock);
    this.#notebooks.clear();
    await this.#looking;
    await this.#leaving;
    await this.#caches.close();
  }

  /** The database of a notebook, by what is set now. Each setting not followed is reported once. */
  async #place({ file }: OpenNotebook): Promise<string> {
    const place = await findPlace(path.dirname(file));
    for (const { message } of place.refusals) {
      if (this.#warned.has(message)) continue;
      this.#warned.add(message);
      this.report(message);
    }
    return databaseIn(place);
  }

  /** Closes a database that was one notebook's, unless it is another one's as well. */
  #leave(database: string | undefined): void {
    const isIts = (notebook: OpenNotebook) => notebook.database === database;
    if (database === undefined || [...this.#notebooks.values()].some(isIts)) return;
    this.#refused.delete(database);
    const left = this.#caches.release(database).catch(this.report);
    this.#leaving = Promise.all([this.#leaving, left]).then(() => undefined);
  }

  async #refuse(database: string, error: unknown): Promise<CacheError> {
    if (!(error instanceof CacheError)) throw error;
    this.#refused.set(database, await contentMark(database));
    return error;
  }

  #announce(database: string): void {
    for (const [uri, notebook] of this.#notebooks) {
      if (notebook.database === database) this.#announceNotebook(uri, notebook);
    }
  }

  #announceNotebook(uri: string, { file }: OpenNotebook): void {
    this.#records.delete(file);
    for (const listener of this.#listeners) listener(uri);
  }

  /**
   * Announces notebooks whose cache is set to be elsewhere now, and databases that did not open when
   * they were asked for and look different.
   */
  #lookForNew(): void {
    this.#looking ??= (async () => {
      for (const [uri, notebook] of [...this.#notebooks]) {
        if (notebook.database === undefined) continue;
        const database = await this.#place(notebook);
        if (database === notebook.database || this.#notebooks.get(uri) !== notebook) continue;
        const { database: before } = notebook;
        notebook.database = database;
        this.#leave(before);
        this.#announceNotebook(uri, notebook);
      }
      for (const [database, before] of this.#refused) {
        if ((await contentMark(database)) === before) continue;
        this.#refused.delete(database);
        this.#announce(database);
      }
    })().finally(() => {
      this.#looking = undefined;
    });
  }
}

async function readRecords(loader: SqliteLoader, file: string): Promise<Records> {
  // First: what is read after the file was replaced must not pass for what is there.
  const generation = await loader.generation();
  const own = await loader.record(file);
  // What was saved outside of any cell is not enough to know a notebook by.
  const isKnown = own?.cells.some(({ ordinal }) => ordinal >= 0) === true;
  return { generation, own, gone: isKnown ? [] : await loader.goneRecords() };
}
