import { resolve } from 'node:path';
import { beginDatabase } from './database/beginning';
import { CacheError } from './database/CacheError';
import { SqliteLoader, type LoaderOptions } from './SqliteLoader';
import type { Change, Disposable } from './database/Watcher';

/**
 * The databases of this session, one loader each, shared by all who show or change them. They are
 * numbered in the order in which they were first named; a number is what a `Reference` carries.
 */
export class Caches {
  readonly #numbers = new Map<string, number>();
  readonly #paths: string[] = [];
  readonly #loaders = new Map<string, Promise<SqliteLoader>>();
  readonly #listeners = new Set<(cache: number, change: Change) => void>();
  #visible = false;
  #closed: Promise<void> | undefined;

  constructor(private readonly options: LoaderOptions = {}) {}

  /** The number of a database, whether or not it can be opened; the same for as long as we live. */
  number(path: string): number {
    const absolute = resolve(path);
    const known = this.#numbers.get(absolute);
    if (known !== undefined) return known;
    const number = this.#paths.push(absolute) - 1;
    this.#numbers.set(absolute, number);
    return number;
  }

  /** The path behind a number; `undefined` for one that was never given out. */
  path(cache: number): string | undefined {
    return this.#paths[cache];
  }

  /** Opens on first use; a failure is tried again at the next call. @throws CacheError */
  open(path: string): Promise<SqliteLoader> {
    const absolute = resolve(path);
    if (this.#closed)
      return Promise.reject(new CacheError('closed', absolute, 'Cellar is closing.'));
    const opened = this.#loaders.get(absolute);
    if (opened) return opened;
    const loader = this.#open(absolute);
    this.#loaders.set(absolute, loader);
    loader.catch(() => {
      if (this.#loaders.get(absolute) === loader) this.#loaders.delete(absolute);
    });
    return loader;
  }

  /** Opens what is there now; `undefined` where there is no database. @throws CacheError */
  async existing(path: string): Promise<SqliteLoader | undefined> {
    try {
      const loader = await this.open(path);
      await loader.ready();
      return loader;
    } catch (error) {
      if (error instanceof CacheError && error.kind === 'missing') return undefined;
      throw error;
    }
  }

  /** The same, beginning a database where there is none. @throws CacheError */
  async begun(path: string): Promise<SqliteLoader> {
    const existing = await this.existing(path);
    if (existing !== undefined) return existing;
    await beginDatabase(path);
    // An opening that another caller started while the file was still empty is shared, and finds
    // nothing; the one after it has started since.
    const shared = await this.existing(path);
    if (shared !== undefined) return shared;
    const loader = await this.open(path);
    await loader.ready();
    return loader;
  }

  /** Opens by number; `undefined` for a number that was never given out. @throws CacheError */
  async get(cache: number): Promise<SqliteLoader | undefined> {
    const path = this.path(cache);
    return path === undefined ? undefined : this.open(path);
  }

  /** Closes a database of which nobody needs anything for now; the next to ask opens it again. */
  async release(path: string): Promise<void> {
    const absolute = resolve(path);
    const loader = this.#loaders.get(absolute);
    this.#loaders.delete(absolute);
    await (await loader?.catch(() => undefined))?.close();
  }

  /** Calls `listener` with the database's number whenever one that was opened changes. */
  onDidChange(listener: (cache: number, change: Change) => void): Disposable {
    const own = (cache: number, change: Change) => {
      listener(cache, change);
    };
    this.#listeners.add(own);
    return { dispose: () => this.#listeners.delete(own) };
  }

  /** Whether a view or preview of ours can be seen: only then SQLite is asked twice a second. */
  setVisible(visible: boolean): void {
    this.#visible = visible;
    for (const loader of this.#loaders.values()) {
      loader.then(
        (opened) => {
          opened.setVisible(this.#visible);
        },
        () => undefined,
      );
    }
  }

  /** Closes all, those that are being opened too. Calling it twice is harmless. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      this.#listeners.clear();
      const opened = await Promise.allSettled(this.#loaders.values());
      for (const each of opened) {
        if (each.status === 'fulfilled') await each.value.close();
      }
      this.#loaders.clear();
    })();
    return this.#closed;
  }

  async #open(path: string): Promise<SqliteLoader> {
    const number = this.number(path);
    const loader = await SqliteLoader.open(path, this.options);
    loader.onDidChange((change) => {
      for (const listener of [...this.#listeners]) listener(number, change);
    });
    loader.setVisible(this.#visible);
    return loader;
  }
}
