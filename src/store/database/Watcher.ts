/**
 * Where news of files comes from: in VS Code a file system watcher on `cache.db*`. The store states
 * what it needs and leaves it to the editor's side to provide it.
 */
export interface Watcher {
  /**
   * Calls `changed` soon after `database` or the log beside it (`cache.db-wal`) was written, made,
   * replaced or deleted. It may call too often, and it may miss events: the store looks for itself
   * and, while somebody is watching, asks SQLite twice a second.
   */
  watch(database: string, changed: () => void): Disposable;
}

/** Ends what the call that returned it began. Disposing twice is harmless. */
export interface Disposable {
  dispose(): void;
}

/**
 * What a listener is told: rows changed (`committed`), another file stands in the place of the
 * database, so that ids are worthless (`replaced`), or none does (`gone`).
 */
export type Change = 'committed' | 'replaced' | 'gone';
