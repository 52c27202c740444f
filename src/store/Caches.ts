import type { SqliteLoader } from './SqliteLoader';
import type { Change, Disposable, Watcher } from './Watcher';

export interface CachesOptions {
  readonly watcher?: Watcher;
  readonly report?: (error: unknown) => void;
}

/**
 * The databases of this session, one loader each, shared by all who show or change them. They are
 * numbered in the order in which they were first named; a number is what a `Reference` carries.
 */
export declare class Caches {
  constructor(options?: CachesOptions);

  /** The number of a database, whether or not it can be opened; the same for as long as we live. */
  number(path: string): number;
  /** The path behind a number; `undefined` for one that was never given out. */
  path(cache: number): string | undefined;
  /** Opens on first use; a failure is tried again at the next call. @throws CacheError */
  open(path: string): Promise<SqliteLoader>;
  /** The same by number; `undefined` for a number that was never given out. @throws CacheError */
  get(cache: number): Promise<SqliteLoader | undefined>;
  /** Calls `listener` with the database's number whenever one that was opened changes. */
  onDidChange(listener: (cache: number, change: Change) => void): Disposable;
  /** Whether a view or preview of ours can be seen: only then SQLite is asked twice a second. */
  setVisible(visible: boolean): void;
  close(): Promise<void>;
}
