import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { CacheError } from './CacheError';
import { isSameFile, type OpenDatabase } from './opening';
import { Connection } from './Connection';

/** Bytes of log above which a write is followed by a checkpoint, and preceded by one. */
const checkpointAbove = 4 << 20;
const backOffAbove = 32 << 20;
/** Milliseconds for which a checkpoint may keep writers waiting. */
const checkpointFor = 200;
/**
 * Kibibytes of pages that a change keeps in memory. What it touches of the indices is spread all over
 * them: with SQLite's own 2 MB it wrote and read most pages several times.
 */
const cacheSize = 64 << 10;
/** Pages given back in one transaction: 4 MiB, some 10 ms of the write lock. */
const pagesAtOnce = 512;

/** @throws CacheError for a database that is only read, saying why it is. */
export function refuseReadOnly({ access, path }: OpenDatabase): void {
  if (access.kind === 'readOnly') {
    throw new CacheError('readOnly', path, `${access.why} Nothing was changed.`);
  }
}

/** The right to change a database, for as long as one task needs it. */
export class Writer {
  private constructor(
    private readonly database: OpenDatabase,
    private readonly connection: Connection,
  ) {}

  /** Opens a connection that writes, does the work, and closes it again. @throws CacheError */
  static async use<T>(database: OpenDatabase, work: (writer: Writer) => Promise<T>): Promise<T> {
    refuseReadOnly(database);
    const connection = await Connection.open(database.realPath, 'write');
    try {
      await connection.exec(
        `PRAGMA journal_size_limit = ${checkpointAbove}; PRAGMA cache_size = -${cacheSize}`,
      );
      const writer = new Writer(database, connection);
      if ((await writer.#logSize()) > backOffAbove) await writer.checkpoint();
      return await work(writer);
    } finally {
      await connection.close();
    }
  }

  /**
   * Runs `work` under the write lock and commits; undoes all of it when it throws. The lock is
   * waited for. The schema is the one that was compared, or nothing happens.
   */
  async transaction<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const { connection } = this;
    await connection.exec('BEGIN IMMEDIATE');
    try {
      await this.#checkIdentity();
      const result = await work(connection);
      await connection.exec('COMMIT');
      return result;
    } catch (error) {
      // SQLite has undone it already after some errors; there is then nothing to roll back.
      await connection.exec('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  /** Asks the connection that writes, without the write lock. */
  look<T>(ask: (connection: Connection) => Promise<T>): Promise<T> {
    return ask(this.connection);
  }

  /**
   * Copies the log into the database, while a sibling connection holds the write lock: SQLite before
   * 3.51.3 can corrupt a database when two checkpoints meet a commit that resets the log (the
   * "WAL-reset" bug), and under the lock nobody commits. PASSIVE is the kind that works there.
   */
  async checkpoint(): Promise<void> {
    const sibling = await Connection.open(this.database.realPath, 'write');
    try {
      await this.connection.exec('BEGIN IMMEDIATE');
      try {
        const deadline = performance.now() + checkpointFor;
        for (;;) {
          const state = await sibling.get('PRAGMA wal_checkpoint(PASSIVE)');
          // Equal when all is copied; both -1 when the database keeps no log.
          if (state?.log === state?.checkpointed || performance.now() > deadline) break;
          await sleep(5);
        }
      } finally {
        await this.connection.exec('ROLLBACK');
      }
    } finally {
      await sibling.close();
    }
  }

  /** To be called after a write, as nobody else makes checkpoints for us. */
  async checkpointIfLong(): Promise<void> {
    if ((await this.#logSize()) > checkpointAbove) await this.checkpoint();
  }

  /**
   * Gives free pages back to the disk. The file shrinks when a checkpoint copies the shorter database,
   * and the log is cut to its limit by the first commit after one, hence one before and one after.
   * @param goOn is asked between two steps: the pages that are left are given back the next time.
   */
  async shrink(goOn: () => boolean): Promise<void> {
    if (!goOn()) return;
    await this.checkpoint();
    for (let free = await this.#freePages(); free > 0 && goOn();) {
      await this.transaction((connection) =>
        connection.exec(`PRAGMA incremental_vacuum(${pagesAtOnce})`),
      );
      await this.checkpointIfLong();
      const left = await this.#freePages();
      // A database made without auto_vacuum keeps its pages, and other writers may free more.
      if (left >= free) break;
      free = left;
    }
    await this.checkpoint();
  }

  #freePages(): Promise<number> {
    return this.connection.number('PRAGMA freelist_count');
  }

  async #checkIdentity(): Promise<void> {
    const schemaVersion = await this.connection.number('PRAGMA schema_version');
    if (schemaVersion !== this.database.schemaVersion || !(await isSameFile(this.database))) {
      throw new CacheError(
        'busy',
        this.database.path,
        `${this.database.path} was replaced meanwhile. Nothing was changed; try again.`,
      );
    }
  }

  async #logSize(): Promise<number> {
    const log = await stat(`${this.database.realPath}-wal`).catch(() => undefined);
    return log?.size ?? 0;
  }
}
