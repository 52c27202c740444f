import { dirname } from 'node:path';
import { BlobFolder } from './BlobFolder';
import { CacheError } from './CacheError';
import { Connection } from './Connection';
import { ChangeFeed } from './ChangeFeed';
import { check, type CheckOptions, type Fault, type Report } from './checking';
import { clear, planClearance, tidy } from './clearing';
import {
  listApps,
  listCells,
  listEntries,
  listItems,
  listItemsByKey,
  listLookups,
  listReads,
} from './listing';
import { LiveDatabase } from './LiveDatabase';
import { entryThere, load, lookup } from './lookup';
import { mend, type Mended } from './mending';
import { type Figures, type FiguresOptions, readFigures, readSaved, type Saved } from './figures';
import { openDatabase, type OpenDatabase } from './opening';
import { hiddenUntil } from './outside';
import { type PinTarget, setPinned } from './pinning';
import {
  type EntryName,
  nameEntries,
  planPruning,
  type PlanOptions,
  prune,
  type Pruned,
  type PruneOptions,
  type PrunePlan,
  wasUsedAfter,
} from './pruning';
import { lastFormat, type NotebookRecord, readGone, readRecord } from './record';
import type {
  AppSummary,
  BlobFile,
  Bytes,
  CellSummary,
  Clearance,
  ClearTarget,
  EntryKey,
  EntrySummary,
  HeldItem,
  ItemSummary,
  Load,
  Lookup,
  LookupSummary,
  ReadSummary,
  Lost,
  NewEntry,
  NewItem,
  OldEntry,
} from './rows';
import type { Eviction } from './retention';
import { save, takeOver } from './saving';
import { discard, spool } from './spool';
import { findFile, quarantine, readInline, verify } from './values';
import type { Change, Disposable, Watcher } from './Watcher';
import { refuseReadOnly, Writer } from './Writer';

export interface LoaderOptions {
  /** Without one, changes are noticed only while somebody is watching (`setVisible`). */
  readonly watcher?: Watcher;
  /** Called with faults of work that nobody waits for, such as the notice of a change. */
  readonly report?: (error: unknown) => void;
}

/**
 * One database: lists what it holds, reads its values, saves and clears. Every method throws
 * `CacheError` for a fault of the database; what is merely not there is `undefined` or a value that
 * says so. A loader outlives its file: when another is put in its place the next call reads that one.
 */
export class SqliteLoader {
  /** Absolute path of the database, as it was asked for. */
  readonly path: string;
  readonly #changes: ChangeFeed;
  readonly #live: LiveDatabase;
  readonly #report: (error: unknown) => void;
  /** Changes are made one after the other. */
  #lastWrite: Promise<unknown> = Promise.resolve();
  /** How many of them wait for their turn. */
  #waiting = 0;
  /** What goes on apart from them. */
  #beside: Promise<unknown> = Promise.resolve();
  readonly #closing = new AbortController();

  /**
   * Opens a database that exists; none is ever made by looking.
   * @param path absolute path of the database.
   * @throws CacheError when it is missing, not ours, newer, damaged or cannot be read.
   */
  static async open(path: string, options: LoaderOptions = {}): Promise<SqliteLoader> {
    return new SqliteLoader(await openDatabase(path), options);
  }

  private constructor(opened: OpenDatabase, { watcher, report = () => undefined }: LoaderOptions) {
    this.path = opened.path;
    this.#report = report;
    this.#live = new LiveDatabase(opened, (change) => {
      this.#changes.announce(change);
    });
    this.#changes = new ChangeFeed(this.path, () => this.#live.look(), report, watcher);
  }

  /** Makes sure that a database of ours stands there now. @throws CacheError */
  async ready(): Promise<void> {
    await this.#live.current();
  }

  /** Every notebook the database knows, by path; those without an entry too. */
  apps(): Promise<AppSummary[]> {
    return this.#read(({ connection, path }) => listApps(connection, path));
  }

  /** The same without what only a look at all entries tells, such as the time that they save. */
  appsInShort(): Promise<AppSummary[]> {
    return this.#read(({ connection, path }) => listApps(connection, path, { uses: false }));
  }

  app(appId: number): Promise<AppSummary | undefined> {
    return this.#read(
      async ({ connection, path }) => (await listApps(connection, path, { appId }))[0],
    );
  }

  /** An app's cells in notebook order, those without an entry and retired ones too. */
  cells(appId: number): Promise<CellSummary[]> {
    return this.#read(({ connection }) => listCells(connection, { appId }));
  }

  cell(cellId: number): Promise<CellSummary | undefined> {
    return this.#read(async ({ connection }) => (await listCells(connection, { cellId }))[0]);
  }

  /** A cell's entries, newest first. */
  entries(cellId: number): Promise<EntrySummary[]> {
    return this.#read(({ connection }) => listEntries(connection, { cellId }));
  }

  entry(entryId: number): Promise<EntrySummary | undefined> {
    return this.#read(async ({ connection }) => (await listEntries(connection, { entryId }))[0]);
  }

  /** An entry's values, by key. */
  items(entryId: number): Promise<ItemSummary[]> {
    return this.#read(({ connection }) => listItems(connection, entryId));
  }

  item(entryId: number, key: string): Promise<ItemSummary | undefined> {
    return this.#read(async ({ connection }) => (await listItems(connection, entryId, key))[0]);
  }

  /** What the last runs met for a cell, newest first. */
  lookups(cellId: number, limit: number): Promise<LookupSummary[]> {
    return this.#read(({ connection }) => listLookups(connection, cellId, limit));
  }

  /** The files that were read for an app's entries, by path. */
  reads(appId: number): Promise<ReadSummary[]> {
    return this.#read(({ connection }) => listReads(connection, appId));
  }

  /** All that it takes to judge a notebook's document; `undefined` when the cache does not know it. */
  record(notebook: string): Promise<NotebookRecord | undefined> {
    return this.#read(({ connection, path }) => readRecord(connection, path, notebook));
  }

  /** The cache format that an app's marimo reads: {@link lastFormat}. */
  lastFormat(appId: number): Promise<string | undefined> {
    return this.#read(({ connection }) => lastFormat(connection, appId));
  }

  /** The same of each notebook whose file is gone, the one seen last first. */
  goneRecords(): Promise<NotebookRecord[]> {
    return this.#read(({ connection, path }) => readGone(connection, path));
  }

  /** What answers for one of marimo's store keys in an app's folder: {@link listItemsByKey}. */
  itemsByKey(app: string, key: string): Promise<ItemSummary[]> {
    return this.#read(({ connection }) => listItemsByKey(connection, app, key));
  }

  /** Finds the entry that a cell would be served from: its own, or another cell's equal one. */
  lookup(cellId: number, key: EntryKey): Promise<Lookup> {
    return this.#read(({ connection }) => lookup(connection, cellId, key));
  }

  /** Checks all values of an entry (size, CRC-32, seal, digest) and hands them over; files stay files. */
  load(entryId: number): Promise<Load> {
    return this.#read(({ connection }, blobs) => load(connection, blobs, entryId));
  }

  /**
   * Reads a value's bytes for an entry that is not whole yet, without keeping other work waiting. They
   * are held until the entry is saved, or `release` is called.
   * @throws CacheError before anything is written, where the database is read-only.
   */
  hold(item: NewItem): Promise<HeldItem> {
    return this.#read((database, blobs) => {
      refuseReadOnly(database);
      return spool(blobs, item);
    });
  }

  /** Gives up bytes that were held. Doing so twice, or after the save, is harmless. */
  release(items: readonly HeldItem[]): Promise<void> {
    return discard(items);
  }

  /** Saves a result: files first, then all its rows in one transaction. @returns its entry id. */
  save(entry: NewEntry): Promise<number> {
    return this.#write(async (writer, blobs) => {
      const id = await save(writer, blobs, entry, now());
      await writer.checkpointIfLong().catch(this.#report);
      return id;
    });
  }

  /** Whether the notebooks of an app's folder have an entry already: {@link entryThere}. */
  entryThere(app: string, key: EntryKey): Promise<'whole' | 'partly' | 'not'> {
    return this.#read(({ connection }, blobs) => entryThere(connection, blobs, app, key));
  }

  /** Up to when marimo's old files of a key are of no use to an app: {@link hiddenUntil}. */
  hiddenUntil(app: string, key: EntryKey): Promise<number> {
    return this.#read(({ connection }) => hiddenUntil(connection, app, key));
  }

  /**
   * Takes over a result that was made before, with the time it was made at.
   * @returns false when there is one of its key already, or it was cleared since.
   */
  takeOver(entry: OldEntry): Promise<boolean> {
    return this.#write(async (writer, blobs) => {
      const taken = await takeOver(writer, blobs, entry, now());
      await writer.checkpointIfLong().catch(this.#report);
      return taken;
    });
  }

  /** What `clear` would take, exactly, were it called now. Targets that do not exist count nothing. */
  planClear(targets: readonly ClearTarget[]): Promise<Clearance> {
    return this.#read(({ connection, path }) => planClearance(connection, path, targets));
  }

  /**
   * Removes entries; their disk space is given back after that: {@link settled}. Cells, and what
   * their runs met, stay known; so does a notebook whose file is gone.
   */
  async clear(targets: readonly ClearTarget[]): Promise<Clearance> {
    const { clearance, leftovers } = await this.#write((writer, blobs) => {
      // A millisecond ahead, as the clock was cut to whole ones: an equal entry made just before this
      // must not look as if it had been made after.
      const at = now() + 0.001;
      return clear(writer, blobs, this.path, targets, at);
    });
    // The entries are gone: that their space is given back late is no failure of the clear.
    this.#write((writer) => tidy(writer, leftovers, () => this.#waiting === 0)).catch(this.#report);
    return clearance;
  }

  /** Exempts results from eviction, or takes that back: {@link setPinned}. */
  pin(target: PinTarget, pinned: boolean): Promise<number> {
    return this.#write((writer) =>
      writer.transaction((connection) => setPinned(connection, target, pinned)),
    );
  }

  clearCell(cellId: number): Promise<Clearance> {
    return this.clear([{ kind: 'cell', cellId }]);
  }

  clearApp(appId: number): Promise<Clearance> {
    return this.clear([{ kind: 'app', appId }]);
  }

  /** What a clean-up would evict now: {@link planPruning}. */
  planPruning(options: PlanOptions): Promise<PrunePlan | undefined> {
    return this.#apart((connection) => planPruning(connection, this.path, options));
  }

  /** Whose entries these are, by id. */
  nameEntries(entryIds: readonly number[]): Promise<Map<number, EntryName>> {
    return this.#read(({ connection, path }) => nameEntries(connection, path, entryIds));
  }

  /**
   * Evicts what a plan chose, in transactions of a few milliseconds. Other changes of ours go on
   * beside it, as those of other processes do.
   */
  prune(evictions: readonly Eviction[], options: PruneOptions): Promise<Pruned> {
    const stop = AbortSignal.any([
      this.#closing.signal,
      ...(options.signal ? [options.signal] : []),
    ]);
    const result = this.#live.current().then(async (database) => {
      const blobs = new BlobFolder(dirname(database.realPath));
      try {
        return await Writer.use(database, (writer) =>
          prune(writer, blobs, evictions, { ...options, signal: stop }),
        );
      } finally {
        await this.#changes.lookNow();
      }
    });
    this.#beside = Promise.allSettled([this.#beside, result]);
    return result;
  }

  /** Whether anything can be changed here. */
  async isWritable(): Promise<boolean> {
    return (await this.#live.current()).access.kind === 'readWrite';
  }

  /** Whether an entry was made or used after a time, in Unix seconds: {@link wasUsedAfter}. */
  wasUsedAfter(time: number): Promise<boolean> {
    return this.#apart((connection) => wasUsedAfter(connection, time));
  }

  /** What a cell's hits saved in all: {@link readSaved}. */
  saved(cellId: number): Promise<Saved | undefined> {
    return this.#read(({ connection }) => readSaved(connection, cellId));
  }

  /** How the cache does: its room, and what it saves. */
  figures(options: FiguresOptions): Promise<Figures> {
    return this.#apart((connection) => readFigures(connection, this.path, options));
  }

  /** The file of a value whose `file` is set, for reading by range. Its bytes are not yet verified. */
  blobFile(item: ItemSummary): Promise<BlobFile | Lost> {
    return this.#read(({ connection }, blobs) => findFile(connection, blobs, item));
  }

  /** The bytes of a value whose `file` is not set, verified. */
  readInline(item: ItemSummary): Promise<Bytes | Lost> {
    return this.#read(({ connection }) => readInline(connection, item));
  }

  /**
   * Reads all bytes of a value, never whole into memory when they are a file, and compares size,
   * CRC-32, seal and digest. With `quarantine`, wrong bytes are marked so that nobody is served them
   * again; pass it only where the workspace is trusted. A cache that is read-only is left as it is.
   */
  async verify(
    item: ItemSummary,
    options: { readonly quarantine: boolean; readonly signal?: AbortSignal },
  ): Promise<{ readonly kind: 'right' } | Lost> {
    const verdict = await this.#read(({ connection }, blobs) =>
      verify(connection, blobs, item, options.signal),
    );
    const wrong =
      verdict.kind === 'lost' && (verdict.why === 'wrongBytes' || verdict.why === 'wrongSize');
    if (wrong && options.quarantine && (await this.isWritable())) {
      await this.#write((writer) =>
        writer.transaction((connection) => quarantine(connection, item.digest, now())),
      );
    }
    return verdict;
  }

  /**
   * Compares rows with one another, with their bytes and with the files, both ways; changes nothing.
   * @throws when `signal` is aborted.
   */
  async check(options: Omit<CheckOptions, 'now'> = {}): Promise<Report> {
    await this.settled();
    return this.#read(({ connection }, blobs) =>
      check(connection, blobs, { ...options, now: now() }),
    );
  }

  /** Puts right what {@link check} found, as far as `canMend` says of it. */
  mend(faults: readonly Fault[]): Promise<Mended> {
    return this.#write((writer, blobs) => mend(writer, blobs, faults, now()));
  }

  /** Resolves once all changes that were asked for are made, and what they left is tidied up. */
  async settled(): Promise<void> {
    let last: Promise<unknown> | undefined;
    while (last !== this.#lastWrite) {
      last = this.#lastWrite;
      await last;
    }
  }

  /** Calls `listener` after a commit of anybody, ourselves included, and when the file is replaced. */
  onDidChange(listener: (change: Change) => void): Disposable {
    return this.#changes.onDidChange(listener);
  }

  /** While true, SQLite is asked twice a second whether anything was committed. */
  setVisible(visible: boolean): void {
    this.#changes.setVisible(visible);
  }

  /** Waits for what is under way, then closes. Calling it twice is harmless. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#changes.dispose();
    await Promise.all([this.settled(), this.#beside]);
    await this.#live.close();
  }

  async #read<T>(work: (database: OpenDatabase, blobs: BlobFolder) => Promise<T>): Promise<T> {
    const database = await this.#live.current();
    try {
      return await work(database, new BlobFolder(dirname(database.realPath)));
    } catch (error) {
      // The file was replaced between two queries: what has not begun to change may begin anew.
      if (!(error instanceof CacheError && error.kind === 'closed')) throw error;
      const next = await this.#live.current();
      return work(next, new BlobFolder(dirname(next.realPath)));
    }
  }

  /** Reads by a connection of its own: what takes long keeps no listing waiting. */
  #apart<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const result = this.#live.current().then(async ({ realPath, immutable }) => {
      const connection = await Connection.open(realPath, immutable ? 'immutable' : 'read');
      try {
        return await work(connection);
      } finally {
        await connection.close();
      }
    });
    this.#beside = Promise.allSettled([this.#beside, result]);
    return result;
  }

  #write<T>(work: (writer: Writer, blobs: BlobFolder) => Promise<T>): Promise<T> {
    this.#waiting++;
    const result = this.#lastWrite.then(async () => {
      this.#waiting--;
      const database = await this.#live.current();
      const blobs = new BlobFolder(dirname(database.realPath));
      try {
        return await Writer.use(database, (writer) => work(writer, blobs));
      } finally {
        await this.#changes.lookNow();
      }
    });
    this.#lastWrite = result.catch(() => undefined);
    return result;
  }
}

/** Unix seconds. */
function now(): number {
  return Date.now() / 1000;
}
