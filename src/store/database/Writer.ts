import { CacheError } from './CacheError';
import { Connection } from './Connection';
import type { Kept } from './Kept';
import { isSameFile, type OpenDatabase } from './opening';
import { Pace } from './Pace';
import { tooLarge, WriteAheadLog } from './WriteAheadLog';

/** Bytes that the log keeps, and above which a write is followed by a fold. */
const logKept = 4 << 20;
/**
 * The same where one write follows the other: the more, the fewer are the waits for the disk. Nobody
 * waits for it, as it is done while others write.
 */
const logAmidWrites = 16 << 20;
/**
 * Kibibytes of pages that a change keeps in memory. What it touches of the indices is spread all over
 * them: with SQLite's own 2 MB it wrote and read most pages several times.
 */
const cacheSize = 64 << 10;
/** Seconds that a transaction of many is meant to take; it holds others up for as long. */
const transactionFor = 0.008;
/** Pages given back in the first transaction that does so: 512 KiB, some milliseconds. */
const pagesAtFirst = 64;

/** @throws CacheError for a database that is only read, saying why it is. */
export function refuseReadOnly({ access, path }: OpenDatabase): void {
  if (access.kind === 'readOnly') {
    throw new CacheError('readOnly', path, `${access.why} Nothing was changed.`);
  }
}

/** Another file stands in the place of the one that a change was meant for. */
export function replacedMeanwhile(path: string): CacheError {
  return new CacheError(
    'busy',
    path,
    `${path} was replaced meanwhile. Nothing was changed; try again.`,
  );
}

/** The right to change a database, for as long as one task needs it. */
export class Writer {
  /** Milliseconds that it held the write lock at most. */
  slowest = 0;
  readonly #log: WriteAheadLog;

  private constructor(
    private readonly database: OpenDatabase,
    private readonly connection: Connection,
  ) {
    this.#log = new WriteAheadLog(database, connection, (milliseconds) => {
      this.#held(milliseconds);
    });
  }

  /** Opens a connection that writes, does the work, and closes it again. @throws CacheError */
  static async use<T>(database: OpenDatabase, work: (writer: Writer) => Promise<T>): Promise<T> {
    refuseReadOnly(database);
    const connection = await Connection.open(database.realPath, 'write');
    try {
      // What a statement would undo itself by is kept in memory: most statements here are small, and
      // where they are not, a file of it took as long as the deletion did.
      await connection.exec(
        `PRAGMA journal_size_limit = ${logKept}; PRAGMA cache_size = -${cacheSize};
         PRAGMA temp_store = MEMORY`,
      );
      const writer = new Writer(database, connection);
      await writer.#log.foldAbove(tooLarge);
      return await work(writer);
    } finally {
      await connection.close();
    }
  }

  /**
   * Runs `work` under the write lock and commits; undoes all of it when it throws. The lock is
   * waited for. The schema is the one that was compared, or nothing happens.
   * @param pace is told how long it held the lock
   */
  async transaction<T>(work: (connection: Connection) => Promise<T>, pace?: Pace): Promise<T> {
    const { connection } = this;
    await connection.exec('BEGIN IMMEDIATE');
    const began = performance.now();
    try {
      await this.#checkIdentity();
      const result = await work(connection);
      await connection.exec('COMMIT');
      const took = this.#held(performance.now() - began);
      pace?.took(took / 1000);
      return result;
    } catch (error) {
      // SQLite has undone it already after some errors; there is then nothing to roll back.
      await connection.exec('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  /**
   * Acts on a few at a time, as many as fit into a short transaction, as long as `goOn` says so, and
   * folds a log that has grown.
   * @returns what each act returned, and how many of all are done by then
   */
  async *inPieces<T, U>(
    all: readonly T[],
    act: (connection: Connection, some: readonly T[]) => Promise<U>,
    goOn: () => boolean = () => true,
  ): AsyncGenerator<{ readonly result: U; readonly done: number }> {
    const pace = new Pace(transactionFor);
    for (let at = 0; at < all.length && goOn();) {
      const some = all.slice(at, at + pace.size);
      const result = await this.transaction((connection) => act(connection, some), pace);
      await this.foldAmidWrites();
      at += some.length;
      yield { result, done: at };
    }
  }

  /** Has what was removed at hand as `kept`, in transactions that begin after it. */
  async attach(kept: Kept): Promise<void> {
    await this.connection.run('ATTACH ? AS kept', kept.uri);
  }

  /** Asks the connection that writes, without the write lock. */
  look<T>(ask: (connection: Connection) => Promise<T>): Promise<T> {
    return ask(this.connection);
  }

  /** To be called after a write, as nobody else folds the log for us. */
  async foldIfLong(): Promise<void> {
    await this.#log.foldAbove(logKept);
  }

  /** The same after each of many writes. */
  async foldAmidWrites(): Promise<void> {
    await this.#log.foldAbove(logAmidWrites);
  }

  /**
   * Gives free pages back to the disk. The file shrinks when a fold copies the shorter database, and
   * the log is cut to its limit by the first commit after one, hence one before and one after.
   * @param goOn is asked between two steps: the pages that are left are given back the next time.
   */
  async shrink(goOn: () => boolean): Promise<void> {
    if (!goOn()) return;
    await this.#log.fold();
    const pace = new Pace(transactionFor, pagesAtFirst);
    for (let free = await this.#freePages(); free > 0 && goOn();) {
      await this.transaction(
        (connection) => connection.exec(`PRAGMA incremental_vacuum(${pace.size})`),
        pace,
      );
      await this.foldAmidWrites();
      const left = await this.#freePages();
      // A database made without auto_vacuum keeps its pages, and other writers may free more.
      if (left >= free) break;
      free = left;
    }
    await this.#log.fold();
  }

  #freePages(): Promise<number> {
    return this.connection.number('PRAGMA freelist_count');
  }

  async #checkIdentity(): Promise<void> {
    const schemaVersion = await this.connection.number('PRAGMA schema_version');
    if (schemaVersion !== this.database.schemaVersion || !(await isSameFile(this.database))) {
      throw replacedMeanwhile(this.database.path);
    }
  }

  #held(milliseconds: number): number {
    this.slowest = Math.max(this.slowest, milliseconds);
    return milliseconds;
  }
}
