import type {
  AppSummary,
  BlobFile,
  Bytes,
  CellSummary,
  Clearance,
  ClearTarget,
  EntryKey,
  EntrySummary,
  ItemSummary,
  Load,
  Lookup,
  LookupSummary,
  Lost,
  NewEntry,
  NodeSummary,
} from './rows';
import type { Change, Disposable, Watcher } from './Watcher';

export interface LoaderOptions {
  /** Without one, changes are noticed only while somebody is watching (`setVisible`). */
  readonly watcher?: Watcher;
  /** Called with faults of work that nobody waits for, such as the notice of a change. */
  readonly report?: (error: unknown) => void;
}

/** Whether a cache can be changed and, if not, why, as one sentence. */
export type Access =
  { readonly kind: 'readWrite' } | { readonly kind: 'readOnly'; readonly why: string };

/**
 * One database: lists what it holds, reads its values, saves and clears. Every method throws
 * `CacheError` for a fault of the database; what is merely not there is `undefined` or a value that
 * says so. A loader outlives its file: when another is put in its place the next call reads that one.
 */
export declare class SqliteLoader {
  /** Absolute path of the database, as it was asked for. */
  readonly path: string;

  /**
   * Opens a database that exists; none is ever made by looking.
   * @throws CacheError when it is missing, not ours, newer, damaged or cannot be read.
   */
  static open(path: string, options?: LoaderOptions): Promise<SqliteLoader>;

  private constructor();

  /** As found when the file was opened. */
  get access(): Access;

  /** Every notebook the database knows, by path; those without an entry too. */
  apps(): Promise<AppSummary[]>;
  app(appId: number): Promise<AppSummary | undefined>;
  /** An app's cells in notebook order, those without an entry and retired ones too. */
  cells(appId: number): Promise<CellSummary[]>;
  cell(cellId: number): Promise<CellSummary | undefined>;
  /** A cell's entries, newest first. */
  entries(cellId: number): Promise<EntrySummary[]>;
  entry(entryId: number): Promise<EntrySummary | undefined>;
  /** An entry's values by key. */
  items(entryId: number): Promise<ItemSummary[]>;
  item(entryId: number, key: string): Promise<ItemSummary | undefined>;
  /** What the last runs met for a cell, newest first. */
  lookups(cellId: number, limit: number): Promise<LookupSummary[]>;
  /** The cell as it stood when the entry was saved, first, and all it depended on. Empty if unknown. */
  ancestry(entryId: number): Promise<NodeSummary[]>;

  /** Finds the entry that a cell would be served from: its own, or another cell's equal one. */
  lookup(cellId: number, key: EntryKey): Promise<Lookup>;
  /** Checks all values of an entry (size, CRC-32, seal) and hands them over; files stay files. */
  load(entryId: number): Promise<Load>;
  /** Saves a result: files first, then all its rows in one transaction. @returns its entry id. */
  save(entry: NewEntry): Promise<number>;

  /** What `clear` would take, exactly, were it called now. Targets that do not exist count nothing. */
  planClear(targets: readonly ClearTarget[]): Promise<Clearance>;
  /** Removes entries and gives their disk space back. Cells, and what their runs met, stay known. */
  clear(targets: readonly ClearTarget[]): Promise<Clearance>;
  clearCell(cellId: number): Promise<Clearance>;
  clearApp(appId: number): Promise<Clearance>;

  /** The file of a value whose `file` is set, for reading by range. Its bytes are not yet verified. */
  blobFile(item: ItemSummary): Promise<BlobFile | Lost>;
  /** The bytes of a value whose `file` is not set, verified. */
  readInline(item: ItemSummary): Promise<Bytes | Lost>;
  /**
   * Reads all bytes of a value, never whole into memory when they are a file, and compares size,
   * CRC-32, seal and SHA-256. With `quarantine`, wrong bytes are marked so that nobody is served
   * them again; pass it only where the workspace is trusted. It is skipped in a read-only cache.
   */
  verify(
    item: ItemSummary,
    options: { quarantine: boolean; signal?: AbortSignal },
  ): Promise<{ readonly kind: 'right' } | Lost>;

  /** Calls `listener` after a commit of anybody, ourselves included, and when the file is replaced. */
  onDidChange(listener: (change: Change) => void): Disposable;
  /** While true, SQLite is asked twice a second whether anything was committed. */
  setVisible(visible: boolean): void;
  /** Waits for what is under way, then closes. Calling it twice is harmless. */
  close(): Promise<void>;
}
