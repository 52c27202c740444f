import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { pid } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BlobFolder } from '../blobs/BlobFolder';
import { listUnneededNodes, removeNodes } from '../entries/nodes';
import type { Connection } from '../database/Connection';
import { removeFiles, type LooseFile } from '../blobs/removal';
import type { Writer } from '../database/Writer';

/** Seconds after which a cleaner that says nothing more is taken for dead. */
export const lease = 20;
/** Milliseconds between two tries to get it. */
const pause = 250;
/** How often a notebook's nodes are looked at while others write all the time. */
const looks = 10;
/** Files unlinked in one transaction. */
const filesAtOnce = 8;

/** One clean-up under way: it holds the lease, and keeps transactions short. */
export class CleanUp {
  /** Whether values are left whose entries are gone: where it ends so, the next one looks for them. */
  owes = false;
  readonly #holder = `${hostname()}:${pid}:${randomUUID().slice(0, 8)}`;

  constructor(
    private readonly writer: Writer,
    private readonly signal: AbortSignal | undefined,
  ) {}

  get stopped(): boolean {
    return this.signal?.aborted === true;
  }

  /**
   * Takes the lease.
   * @param patience milliseconds for which another cleaner, who may have been killed, is waited for
   * @param waiting called when it is
   * @returns false while another cleaner has it
   */
  async begin(patience = 0, waiting?: () => void): Promise<boolean> {
    const deadline = performance.now() + patience;
    for (let tries = 0; !(await this.#takeLease()); tries++) {
      if (this.stopped || performance.now() >= deadline) return false;
      if (tries === 0) waiting?.();
      await sleep(pause);
    }
    return true;
  }

  #takeLease(): Promise<boolean> {
    return this.writer.transaction(async (connection) => {
      await connection.run(
        'INSERT OR IGNORE INTO cleaners (one, holder, until, swept_at) VALUES (1, ?, 0, 0)',
        this.#holder,
      );
      await connection.run(
        // One that ends later than any can is of a clock that was wrong.
        'UPDATE cleaners SET holder = ?, until = ? WHERE until NOT BETWEEN ? AND ?',
        this.#holder,
        now() + lease,
        now(),
        now() + 2 * lease,
      );
      return (await connection.number('SELECT changes()')) === 1;
    });
  }

  end(): Promise<unknown> {
    return this.writer.transaction((connection) =>
      connection.run(
        `UPDATE cleaners SET until = 0, swept_at = CASE WHEN ? THEN 0 ELSE swept_at END
         WHERE holder = ?`,
        this.owes ? 1 : 0,
        this.#holder,
      ),
    );
  }

  /** One that keeps the lease, and folds a log that has grown. */
  async transaction<T>(act: (connection: Connection) => Promise<T>): Promise<T> {
    const result = await this.writer.transaction((connection) => this.#leased(connection, act));
    await this.writer.foldAmidWrites();
    return result;
  }

  /** Many such, until it is stopped, unless it goes to the end: {@link Writer.inPieces}. */
  inPieces<T, U>(
    all: readonly T[],
    act: (connection: Connection, some: readonly T[]) => Promise<U>,
    toTheEnd = false,
  ): AsyncGenerator<{ readonly result: U; readonly done: number }> {
    return this.writer.inPieces(
      all,
      (connection, some) => this.#leased(connection, () => act(connection, some)),
      () => toTheEnd || !this.stopped,
    );
  }

  async removeFiles(blobs: BlobFolder, files: readonly LooseFile[]): Promise<void> {
    for (let at = 0; at < files.length; at += filesAtOnce) {
      await removeFiles(this.writer, blobs, files.slice(at, at + filesAtOnce));
    }
  }

  /** Nodes that no entry stands on any more, one notebook after the other. */
  async clearNodes(): Promise<void> {
    const apps = await this.writer.look((connection) =>
      connection.all('SELECT DISTINCT app_id AS id FROM nodes JOIN cells USING (cell_id)'),
    );
    for (const { id } of apps) {
      for (let look = 0; look < looks && !this.stopped; look++) {
        if (await this.#clearNodesOf(Number(id))) break;
      }
    }
  }

  /** @returns whether all are gone, and nobody wrote meanwhile, who may stand on one. */
  async #clearNodesOf(appId: number): Promise<boolean> {
    const [state, nodes] = await this.writer.look(async (connection) => [
      await stateOf(connection),
      await listUnneededNodes(connection, appId),
    ]);
    const removed = this.inPieces(nodes, async (connection, some) => {
      if ((await stateOf(connection)) !== state) return false;
      await removeNodes(connection, some);
      return true;
    });
    for await (const { result } of removed) if (!result) return false;
    return true;
  }

  async #leased<T>(connection: Connection, act: (connection: Connection) => Promise<T>) {
    await connection.run(
      'UPDATE cleaners SET until = ? WHERE holder = ?',
      now() + lease,
      this.#holder,
    );
    return act(connection);
  }
}

/** The same while nobody but this connection has written. */
function stateOf(connection: Connection): Promise<number> {
  return connection.number('PRAGMA data_version');
}

/** Unix seconds. */
function now(): number {
  return Date.now() / 1000;
}
