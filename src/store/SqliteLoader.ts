import { Access } from './Access';
import { CacheUpkeep } from './CacheUpkeep';
import { CacheValues } from './CacheValues';
import { ChangeFeed } from './database/ChangeFeed';
import { check, type CheckOptions, type Fault, type Report } from './checking/checking';
import { ClearUndo, type UndoablyCleared } from './ClearUndo';
import { clear, planClearance, readStake } from './entries/clearing';
import {
  listApps,
  listCells,
  listEntries,
  listItems,
  listItemsByKey,
  listLookups,
  listReads,
} from './entries/listing';
import { LiveDatabase } from './database/LiveDatabase';
import { entryThere, load, lookup } from './entries/lookup';
import { type EntrySearch, searchEntries } from './entries/searching';
import { mend, type Mended } from './checking/mending';
import { type Figures, type FiguresOptions, readFigures, readSaved, type Saved } from './figures';
import { openDatabase, type OpenDatabase } from './database/opening';
import { hiddenUntil } from './entries/outside';
import { withOwners } from './checking/owners';
import { type PinTarget, setPinned } from './entries/pinning';
import { type NotebookRecord, readGone, readRecord } from './entries/record';
import type {
  AppSummary,
  CellSummary,
  Clearance,
  ClearPlan,
  ClearTarget,
  DatedItem,
  EntryKey,
  EntrySummary,
  FoundEntry,
  HeldItem,
  ItemSummary,
  Load,
  Lookup,
  LookupSummary,
  ReadSummary,
  Stake,
  NewEntry,
  NewItem,
  OldEntry,
} from './rows';
import { save, takeOver } from './entries/saving';
import type { InEditors } from './entries/uses';
import { discard, spool } from './blobs/spool';
import { Tidying } from './Tidying';
import type { Change, Disposable, Watcher } from './database/Watcher';
import { refuseReadOnly } from './database/Writer';

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
  readonly #access: Access;
  readonly #tidying: Tidying;
  /** The bytes of what is stored. */
  readonly values: CacheValues;
  /** How the disk is looked after. */
  readonly upkeep: CacheUpkeep;

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
    this.#access = new Access(this.#live, this.#changes);
    this.#tidying = new Tidying(this.#access, report);
    this.values = new CacheValues(this.#access);
    this.upkeep = new CacheUpkeep(this.path, this.#access);
  }

  /**
   * Which of the databases that have stood in this place is there now, to be compared by
   * `isSameGeneration`: an id of one means nothing in another. Whoever has ids that are not from this
   * moment says of which they are. @throws CacheError
   */
  generation(): Promise<string> {
    return this.#access.generation();
  }

  /** Makes sure that a database of ours stands there now. @throws CacheError */
  async ready(): Promise<void> {
    await this.#live.current();
  }

  /**
   * Every notebook the database knows, by path; those without an entry too.
   * @param open what open notebooks say of cells
   */
  apps(open?: InEditors): Promise<AppSummary[]> {
    return this.#access.read(({ connection, path }) =>
      listApps(connection, path, open === undefined ? {} : { open }),
    );
  }

  /** The same without what only a look at all entries tells, such as the time that they save. */
  appsInShort(): Promise<AppSummary[]> {
    return this.#access.read(({ connection, path }) => listApps(connection, path, { uses: false }));
  }

  /** One of them, in short as well. */
  app(appId: number): Promise<AppSummary | undefined> {
    return this.#access.read(
      async ({ connection, path }) => (await listApps(connection, path, { appId, uses: false }))[0],
    );
  }

  /**
   * An app's cells in notebook order, those without an entry and retired ones too.
   * @param open what open notebooks say of cells
   */
  cells(appId: number, open?: InEditors): Promise<CellSummary[]> {
    return this.#access.read(({ connection }) => listCells(connection, { appId }, open));
  }

  cell(cellId: number): Promise<CellSummary | undefined> {
    return this.#access.read(
      async ({ connection }) => (await listCells(connection, { cellId }))[0],
    );
  }

  /**
   * A cell's entries, newest first.
   * @param open what open notebooks say of cells
   */
  entries(cellId: number, open?: InEditors): Promise<EntrySummary[]> {
    return this.#access.read(({ connection }) => listEntries(connection, { cellId }, open));
  }

  entry(entryId: number, open?: InEditors): Promise<EntrySummary | undefined> {
    return this.#access.read(
      async ({ connection }) => (await listEntries(connection, { entryId }, open))[0],
    );
  }

  /**
   * The results that a text finds, what was used last first: {@link searchEntries}.
   * @throws the signal's reason soon after it is aborted
   */
  search(search: EntrySearch, signal?: AbortSignal): Promise<FoundEntry[]> {
    return this.#access.apart((connection) => searchEntries(connection, search), signal);
  }

  /** An entry's values, by key. */
  items(entryId: number): Promise<ItemSummary[]> {
    return this.#access.read(({ connection }) => listItems(connection, entryId));
  }

  item(entryId: number, key: string): Promise<ItemSummary | undefined> {
    return this.#access.read(
      async ({ connection }) => (await listItems(connection, entryId, key))[0],
    );
  }

  /** What the last runs met for a cell, and for its functions and blocks, newest first: `limit` of either. */
  lookups(cellId: number, limit: number): Promise<LookupSummary[]> {
    return this.#access.read(({ connection }) => listLookups(connection, cellId, limit));
  }

  /** The files that were read for an app's entries, by path. */
  reads(appId: number): Promise<ReadSummary[]> {
    return this.#access.read(({ connection }) => listReads(connection, appId));
  }

  /** All that it takes to judge a notebook's document; `undefined` when the cache does not know it. */
  record(notebook: string): Promise<NotebookRecord | undefined> {
    return this.#access.read(({ connection, path }) => readRecord(connection, path, notebook));
  }

  /** The same of each notebook whose file is gone, the one seen last first. */
  goneRecords(): Promise<NotebookRecord[]> {
    return this.#access.read(({ connection, path }) => readGone(connection, path));
  }

  /** What answers for one of marimo's store keys in an app's folder: {@link listItemsByKey}. */
  itemsByKey(app: string, key: string): Promise<DatedItem[]> {
    return this.#access.read(({ connection }) => listItemsByKey(connection, app, key));
  }

  /** Finds the entry that a cell would be served from: its own, or another cell's equal one. */
  lookup(cellId: number, key: EntryKey): Promise<Lookup> {
    return this.#access.read(({ connection }) => lookup(connection, cellId, key));
  }

  /** Checks all values of an entry (size, CRC-32, seal, digest) and hands them over; files stay files. */
  load(entryId: number): Promise<Load> {
    return this.#access.read(({ connection }, blobs) => load(connection, blobs, entryId));
  }

  /**
   * Reads a value's bytes for an entry that is not whole yet, without keeping other work waiting. They
   * are held until the entry is saved, or `release` is called.
   * @throws CacheError before anything is written, where the database is read-only.
   */
  hold(item: NewItem): Promise<HeldItem> {
    return this.#access.read((database, blobs) => {
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
    return this.#access.write(async (writer, blobs) => {
      const id = await save(writer, blobs, entry, now());
      await writer.foldIfLong().catch(this.#report);
      return id;
    });
  }

  /** Whether the notebooks of an app's folder have an entry already: {@link entryThere}. */
  entryThere(app: string, key: EntryKey): Promise<'whole' | 'partly' | 'not'> {
    return this.#access.read(({ connection }, blobs) => entryThere(connection, blobs, app, key));
  }

  /** Up to when marimo's old files of a key are of no use to an app: {@link hiddenUntil}. */
  hiddenUntil(app: string, key: EntryKey): Promise<number> {
    return this.#access.read(({ connection }) => hiddenUntil(connection, app, key));
  }

  /**
   * Takes over a result that was made before, with the time it was made at.
   * @returns false when there is one of its key already, or it was cleared since.
   */
  takeOver(entry: OldEntry): Promise<boolean> {
    return this.#access.write(async (writer, blobs) => {
      const taken = await takeOver(writer, blobs, entry, now());
      await writer.foldIfLong().catch(this.#report);
      return taken;
    });
  }

  /** What {@link clear} would cost. */
  stake(targets: readonly ClearTarget[]): Promise<Stake> {
    return this.#access.read(({ connection }) => readStake(connection, targets));
  }

  /** What `clear` would take, exactly, were it called now. Targets that do not exist count nothing. */
  planClear(targets: readonly ClearTarget[]): Promise<ClearPlan> {
    return this.#access.read(({ connection, path }) => planClearance(connection, path, targets));
  }

  /**
   * Removes entries; their disk space is given back after that: {@link settled}. Cells, and what
   * their runs met, stay known; so does a notebook whose file is gone.
   */
  async clear(targets: readonly ClearTarget[]): Promise<Clearance> {
    const { clearance, leftovers } = await this.#access.write((writer, blobs) =>
      clear(writer, blobs, this.path, targets, clearTime()),
    );
    this.#tidying.add(leftovers);
    return clearance;
  }

  /**
   * The same, keeping what goes in memory and files beside, until `undo` brings it back or is told to
   * forget it.
   * @param generation of which database the targets are: {@link generation}
   * @returns without `undo` where that is too much, as `planClear` told before, or damaged
   * @throws CacheError of kind `busy`, and nothing has gone, where another one is there by now
   */
  clearUndoably(targets: readonly ClearTarget[], generation?: string): Promise<UndoablyCleared> {
    return ClearUndo.clear(this.#access, this.#tidying, this.path, targets, clearTime, generation);
  }

  /**
   * Exempts results from eviction, or takes that back: {@link setPinned}.
   * @param generation of which database the target is: {@link generation}
   * @throws CacheError of kind `busy`, and nothing has changed, where another one is there by now
   */
  pin(target: PinTarget, pinned: boolean, generation?: string): Promise<number> {
    return this.#access.write(
      (writer) => writer.transaction((connection) => setPinned(connection, target, pinned)),
      generation,
    );
  }

  clearCell(cellId: number): Promise<Clearance> {
    return this.clear([{ kind: 'cell', cellId }]);
  }

  clearApp(appId: number): Promise<Clearance> {
    return this.clear([{ kind: 'app', appId }]);
  }

  /** Whether anything can be changed here. */
  isWritable(): Promise<boolean> {
    return this.#access.isWritable();
  }

  /** What a cell's hits saved in all: {@link readSaved}. */
  saved(cellId: number): Promise<Saved | undefined> {
    return this.#access.read(({ connection }) => readSaved(connection, cellId));
  }

  /** How the cache does: its room, and what it saves. */
  figures(options: FiguresOptions): Promise<Figures> {
    return this.#access.apart((connection) => readFigures(connection, this.path, options));
  }

  /**
   * Compares rows with one another, with their bytes and with the files, both ways; changes nothing.
   * @throws soon after `signal` is aborted, or the loader is closed.
   */
  async check(options: Omit<CheckOptions, 'now'> = {}): Promise<Report> {
    await this.settled();
    return this.#access.apart(async (connection, blobs, signal) => {
      const report = await check(connection, blobs, { ...options, signal, now: now() });
      return { ...report, faults: await withOwners(connection, this.path, report.faults) };
    }, options.signal);
  }

  /**
   * Puts right what {@link check} found, as far as `canMend` says of it.
   * @param generation of which database the faults are: {@link generation}
   * @throws CacheError of kind `busy`, and nothing has changed, where another one is there by now
   */
  mend(faults: readonly Fault[], generation?: string): Promise<Mended> {
    return this.#access.write((writer, blobs) => mend(writer, blobs, faults, now()), generation);
  }

  /** Resolves once all changes that were asked for are made, and what they left is tidied up. */
  settled(): Promise<void> {
    return this.#access.settled();
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
    const ended = this.#access.close();
    await this.#changes.dispose();
    await ended;
    await this.#live.close();
  }
}

/**
 * A millisecond ahead, as the clock was cut to whole ones: an equal entry made just before a clear must not
 * look as if it had been made after.
 */
function clearTime(): number {
  return now() + 0.001;
}

/** Unix seconds. */
function now(): number {
  return Date.now() / 1000;
}
