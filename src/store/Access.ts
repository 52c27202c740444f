import { dirname } from 'node:path';
import { BlobFolder } from './blobs/BlobFolder';
import { CacheError } from './database/CacheError';
import type { ChangeFeed } from './database/ChangeFeed';
import { Connection } from './database/Connection';
import { isSameGeneration } from './database/generation';
import type { LiveDatabase } from './database/LiveDatabase';
import type { OpenDatabase } from './database/opening';
import { replacedMeanwhile, Writer } from './database/Writer';

/**
 * Whose turn it is at one database: reads on the connection that stays open, what takes long on one of
 * its own, changes one after the other.
 */
export class Access {
  /** Changes are made one after the other. */
  #lastWrite: Promise<unknown> = Promise.resolve();
  /** How many of them wait for their turn. */
  #waiting = 0;
  /** What goes on apart from them. */
  #beside: Promise<unknown> = Promise.resolve();
  readonly #closing = new AbortController();

  constructor(
    private readonly live: LiveDatabase,
    private readonly changes: ChangeFeed,
  ) {}

  /** Whether a change waits for the one that is being made. */
  get isWaitedFor(): boolean {
    return this.#waiting > 0;
  }

  /** Whether anything can be changed here. */
  async isWritable(): Promise<boolean> {
    return (await this.live.current()).access.kind === 'readWrite';
  }

  /** Which of the files that have stood at the path is there now. @throws CacheError */
  async generation(): Promise<string> {
    return (await this.live.current()).generation;
  }

  async read<T>(work: (database: OpenDatabase, blobs: BlobFolder) => Promise<T>): Promise<T> {
    const database = await this.live.current();
    try {
      return await work(database, blobsOf(database));
    } catch (error) {
      // The file was replaced between two queries: what has not begun to change may begin anew.
      if (!(error instanceof CacheError && error.kind === 'closed')) throw error;
      const next = await this.live.current();
      return work(next, blobsOf(next));
    }
  }

  /**
   * Reads by a connection of its own: what takes long keeps no listing waiting.
   * @throws the signal's reason soon after it is aborted, or the loader is closed.
   */
  apart<T>(
    work: (connection: Connection, blobs: BlobFolder, signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    return this.#besides(async (database, stop) => {
      const { realPath, immutable } = database;
      const connection = await Connection.open(realPath, immutable ? 'immutable' : 'read');
      const interrupt = () => {
        connection.interrupt();
      };
      stop.addEventListener('abort', interrupt);
      try {
        // It may have been aborted while the connection was being opened, which no listener hears of.
        stop.throwIfAborted();
        return await work(connection, blobsOf(database), stop);
      } catch (error) {
        stop.throwIfAborted();
        throw error;
      } finally {
        stop.removeEventListener('abort', interrupt);
        await connection.close();
      }
    }, signal);
  }

  /**
   * @param generation the one that the work is meant for, where it goes by ids
   * @returns what came of the work; the next change waits for the connection to be closed as well.
   * @throws CacheError of kind `busy`, and nothing has changed, where another file is there by now
   */
  write<T>(
    work: (writer: Writer, blobs: BlobFolder) => Promise<T>,
    generation?: string,
  ): Promise<T> {
    this.#waiting++;
    const before = this.#lastWrite;
    return new Promise((resolve, reject) => {
      this.#lastWrite = before
        .then(async () => {
          this.#waiting--;
          const database = await this.live.current();
          refuseOther(database, generation);
          await this.#change(database, async (writer, blobs) => {
            const result = await work(writer, blobs);
            await this.changes.lookNow();
            resolve(result);
          });
        })
        .catch(reject);
    });
  }

  /**
   * Changes in many short transactions, beside our other changes as beside other processes'.
   * @param generation as for {@link write}
   */
  writeBeside<T>(
    work: (writer: Writer, blobs: BlobFolder, signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
    generation?: string,
  ): Promise<T> {
    return this.#besides(async (database, stop) => {
      refuseOther(database, generation);
      return this.#change(database, (writer, blobs) => work(writer, blobs, stop));
    }, signal);
  }

  /** Resolves once all changes that were asked for are made. */
  async settled(): Promise<void> {
    let last: Promise<unknown> | undefined;
    while (last !== this.#lastWrite) {
      last = this.#lastWrite;
      await last;
    }
  }

  /** Stops what goes on beside, and waits for all that is under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.settled(), this.#beside]);
  }

  async #change<T>(
    database: OpenDatabase,
    work: (writer: Writer, blobs: BlobFolder) => Promise<T>,
  ): Promise<T> {
    try {
      return await Writer.use(database, (writer) => work(writer, blobsOf(database)));
    } finally {
      await this.changes.lookNow();
    }
  }

  #besides<T>(
    work: (database: OpenDatabase, signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const stop = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])]);
    const result = this.live.current().then((database) => work(database, stop));
    // Of what came of them nothing is kept: each would be until the loader is closed.
    this.#beside = Promise.allSettled([this.#beside, result]).then(() => undefined);
    return result;
  }
}

function refuseOther(database: OpenDatabase, generation: string | undefined): void {
  if (generation === undefined || isSameGeneration(generation, database.generation)) return;
  throw replacedMeanwhile(database.path);
}

function blobsOf({ realPath }: OpenDatabase): BlobFolder {
  return new BlobFolder(dirname(realPath));
}
