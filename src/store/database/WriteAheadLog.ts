import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { CacheError } from './CacheError';
import { Connection } from './Connection';
import { LogIndex } from './LogIndex';
import { isSameFile, type OpenDatabase } from './opening';

/** Bytes of log that nobody is to add to: it is folded whoever waits for that. */
export const tooLarge = 32 << 20;
/** Bytes by which a log grows before it is tried again: each fold waits for the disk. */
const growth = 4 << 20;
/** Milliseconds for which a fold waits for readers; others wait with it where it holds the lock. */
const foldFor = 200;
/** How often what came into the log while it was folded is folded too. */
const rounds = 3;
/** Milliseconds to wait for the write lock to fold: whoever holds it can do it later. */
const patience = 500;

/**
 * What came of a fold beside others: all is in the database; some is not, since somebody reads an old
 * state or writes faster than this; or it cannot be done here.
 */
type Beside = 'folded' | 'left' | 'cannot';

/**
 * The write-ahead log, and folding it into the database; as in `checkpoints.py`.
 *
 * SQLite before 3.51.3 can corrupt a database when a checkpoint starts right after another while a third
 * connection commits and resets the log (the "WAL-reset" bug). So no connection checkpoints by itself,
 * and one does so only while a sibling keeps the log from being reset: one that holds the write lock, so
 * that nobody commits, or one that reads what lies in the log, so that others write and are not held
 * up. PASSIVE is the only kind that works there.
 */
export class WriteAheadLog {
  /** Bytes that it had when some of it could not be folded, else 0. */
  #left = 0;

  /**
   * @param connection the one that writes; it is used between its transactions only
   * @param held is told for how many milliseconds the write lock was held
   */
  constructor(
    private readonly database: OpenDatabase,
    private readonly connection: Connection,
    private readonly held: (milliseconds: number) => void,
  ) {}

  /** Bytes of it. */
  async size(): Promise<number> {
    const log = await stat(`${this.database.realPath}-wal`).catch(() => undefined);
    return log?.size ?? 0;
  }

  /** Folds it if it is larger than so many bytes, as far as that goes at once. */
  async foldAbove(limit: number): Promise<void> {
    const size = await this.size();
    const hasGrown = size < this.#left || size >= this.#left + growth || size > tooLarge;
    if (size <= limit || (this.#left > 0 && !hasGrown)) return;
    this.#left = (await this.#foldOnce()) === 'left' ? size : 0;
  }

  /** Folds all of it, and waits a little for those who read an old state. */
  async fold(): Promise<void> {
    const deadline = performance.now() + foldFor;
    while ((await this.#foldOnce()) === 'left' && performance.now() < deadline) await sleep(5);
  }

  async #foldOnce(): Promise<Beside> {
    const done = await this.foldBeside();
    if (done === 'cannot' || (done === 'left' && (await this.size()) > tooLarge)) {
      await this.foldAlone();
    }
    return done;
  }

  /** Folds while others write; the write lock is held for a moment. */
  async foldBeside(): Promise<Beside> {
    const { connection } = this;
    if ((await this.size()) === 0) return 'folded';
    const index = await LogIndex.of(this.database.realPath);
    if (index === undefined) return 'cannot';
    return this.#withSibling('left', async (reader) => {
      for (let round = 0; round < rounds; round++) {
        await reader.exec('BEGIN');
        const before = await this.#underLock<number | Beside>('left', async () => {
          await reader.exec('SELECT 1 FROM sqlite_schema LIMIT 1');
          // Nobody folds more, or writes, before this is told. While there is any, the reading stands
          // on the log, which no writer then begins anew; else it would stand on the database alone,
          // and there would be nothing to do.
          return index.unfolded() ?? 'cannot';
        });
        if (typeof before === 'string') return before;
        if (before > 0) await connection.get('PRAGMA wal_checkpoint(PASSIVE)');
        await reader.exec('ROLLBACK');
        const after = index.unfolded() ?? before;
        if (after === 0) return 'folded';
        if (after >= before) return 'left';
      }
      return 'left';
    });
  }

  /** Folds while nobody else can write, for 200 ms at most. @returns whether all of it is folded */
  foldAlone(): Promise<boolean> {
    return this.#withSibling(false, (worker) =>
      this.#underLock(false, async () => {
        const deadline = performance.now() + foldFor;
        for (;;) {
          const state = await worker.get('PRAGMA wal_checkpoint(PASSIVE)');
          // Both are -1 where there is no log, and where somebody folds beside us.
          if (state?.busy === 0 && state.log === state.checkpointed) return true;
          if (performance.now() > deadline) return false;
          await sleep(5);
        }
      }),
    );
  }

  /** @param replaced what is returned if another file stands in the database's place by now */
  async #withSibling<T>(replaced: T, work: (sibling: Connection) => Promise<T>): Promise<T> {
    const sibling = await Connection.open(this.database.realPath, 'write');
    try {
      return (await isSameFile(this.database)) ? await work(sibling) : replaced;
    } finally {
      await sibling.close();
    }
  }

  /** @param refused what is returned if others do not let go of the lock in time */
  async #underLock<T>(refused: T, work: () => Promise<T>): Promise<T> {
    try {
      await this.connection.exec('BEGIN IMMEDIATE', patience);
    } catch (error) {
      if (error instanceof CacheError && error.kind === 'busy') return refused;
      throw error;
    }
    const began = performance.now();
    try {
      return await work();
    } finally {
      await this.connection.exec('ROLLBACK');
      this.held(performance.now() - began);
    }
  }
}
