import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { pid } from 'node:process';
import { resolve, dirname } from 'node:path';
import type { BlobFolder } from './BlobFolder';
import { removeUnneededNodes } from './clearing';
import type { Connection } from './Connection';
import { type Actor, Cleaning, haunting, trimRecords } from './evicting';
import { flag, integer, Listing, optional, text } from './fields';
import { Pace } from './Pace';
import { removeFiles } from './removal';
import {
  choose,
  listCandidates,
  listShared,
  looksAfterItself,
  readUsed,
  type Eviction,
  type SharedBlob,
} from './retention';
import type { Writer } from './Writer';

/** Seconds that a transaction is meant to take; it holds others up for as long. */
const transactionFor = 0.008;
/** Seconds after which a cleaner that says nothing more is taken for dead. */
const lease = 60;
/** Files unlinked in one transaction. */
const filesAtOnce = 8;

/** What a clean-up would do now. Sizes are bytes. */
export interface PrunePlan {
  readonly evictions: readonly Eviction[];
  /** What some of these, or what stays, have in common. */
  readonly shared: readonly SharedBlob[];
  readonly used: number;
  /** `undefined` for none. */
  readonly budget: number | undefined;
}

export interface PlanOptions {
  /** Given what is used, in bytes. */
  readonly budget: (used: number) => Promise<number | undefined>;
  /** Unix seconds. */
  readonly now: number;
  /** Absolute paths of notebooks that somebody has open: what they would load stays. */
  readonly open?: readonly string[];
}

/** What a clean-up did. */
export interface Pruned {
  readonly entries: number;
  readonly size: number;
  readonly seconds: number;
  readonly amount: number;
  /** Another cleaner is at work, and nothing was done. */
  readonly busy: boolean;
  /** Milliseconds that the longest of its transactions held the write lock. */
  readonly slowest: number;
}

export interface PruneOptions {
  readonly actor: Actor;
  /** It stops between two transactions. */
  readonly signal?: AbortSignal;
  /** Called with how many of the evictions are behind. */
  readonly step?: (done: number) => void;
}

/** An entry as people know it. */
export interface EntryName {
  readonly entryId: number;
  /** The notebook's absolute path. */
  readonly notebook: string;
  readonly cell: string | undefined;
  readonly code: string;
  readonly cacheName: string;
  readonly pinned: boolean;
}

/**
 * What {@link prune} would evict, as one snapshot has it; nothing is changed.
 * @returns `undefined` for an older format, which has no policy yet
 */
export async function planPruning(
  connection: Connection,
  path: string,
  { budget, now, open = [] }: PlanOptions,
): Promise<PrunePlan | undefined> {
  if (!(await looksAfterItself(connection))) return undefined;
  const limit = await budget(await readUsed(connection));
  await connection.exec('BEGIN');
  try {
    const used = await readUsed(connection);
    const shared = await listShared(connection);
    const apps = await openApps(connection, path, open);
    const candidates = await listCandidates(connection, now, apps);
    return { evictions: choose(candidates, shared, used, limit), shared, used, budget: limit };
  } finally {
    await connection.exec('ROLLBACK');
  }
}

/** Whether an entry was made or used after a time, which is yet to come where a clock was set. */
export async function wasUsedAfter(connection: Connection, time: number): Promise<boolean> {
  const row = await connection.get(
    'SELECT 1 FROM entries WHERE created_at > ?1 OR last_hit_at > ?1 LIMIT 1',
    time,
  );
  return row !== undefined;
}

const namesOfEntries = new Listing('a result', {
  entryId: integer('e.entry_id'),
  path: text('a.path'),
  cell: optional(text('c.name')),
  code: text('c.code'),
  cacheName: text('e.cache_name'),
  pinned: flag('e.pinned'),
});

/** Whose entries these are, by id. */
export async function nameEntries(
  connection: Connection,
  path: string,
  entryIds: readonly number[],
): Promise<Map<number, EntryName>> {
  const row = await connection.get(
    `SELECT ${namesOfEntries.sql(
      `entries AS e JOIN cells AS c USING (cell_id) JOIN apps AS a USING (app_id)
       WHERE e.entry_id IN (SELECT value FROM json_each(?))`,
    )} AS names`,
    JSON.stringify(entryIds),
  );
  const found = namesOfEntries.parse(row?.names, connection.path);
  return new Map(
    found.map(({ path: app, ...name }) => [
      name.entryId,
      { ...name, notebook: resolve(dirname(path), app) },
    ]),
  );
}

/**
 * Carries a plan out: rows first, a few at a time, files after them, then what nobody needs any more.
 * A reader that is about to load what goes finds no rows, or no file, and both are a miss.
 */
export async function prune(
  writer: Writer,
  blobs: BlobFolder,
  evictions: readonly Eviction[],
  { actor, signal, step }: PruneOptions,
): Promise<Pruned> {
  const cleaning = new Cleaning(actor, now(), haunting(evictions));
  const work = new Work(writer, signal);
  const outcome = (busy: boolean): Pruned => {
    const { entries, size, seconds, amount } = cleaning;
    return { entries, size, seconds, amount, busy, slowest: work.slowest };
  };
  if (!(await work.begin())) return outcome(true);
  try {
    // Neighbours together. What was saved together lies on the same pages of the tables and of some
    // indexes, a cell's results too; the indexes by hash and by digest are in no order that anything
    // else is in.
    const chosen = [...evictions].sort((a, b) => a.candidate.entryId - b.candidate.entryId);
    const pace = new Pace(transactionFor);
    for (let at = 0; at < chosen.length && !work.stopped;) {
      const some = chosen.slice(at, at + pace.size);
      const { result: files, took } = await work.transaction((connection) =>
        cleaning.evict(connection, some),
      );
      pace.took(took / 1000);
      await work.fold();
      for (let file = 0; file < files.length; file += filesAtOnce) {
        await removeFiles(writer, blobs, files.slice(file, file + filesAtOnce));
      }
      at += some.length;
      step?.(at);
    }
    if (cleaning.entries > 0) {
      await work.transaction(trimRecords);
      await work.clearNodes();
    }
  } finally {
    await work.end();
  }
  if (cleaning.entries > 0) await writer.shrink(() => !work.stopped);
  return outcome(false);
}

/** One clean-up under way: it holds the lease, and keeps transactions short. */
class Work {
  /** Milliseconds. */
  slowest = 0;
  readonly #holder = `${hostname()}:${pid}:${randomUUID().slice(0, 8)}`;

  constructor(
    private readonly writer: Writer,
    private readonly signal: AbortSignal | undefined,
  ) {}

  get stopped(): boolean {
    return this.signal?.aborted === true;
  }

  /** Takes the lease; false while another cleaner has it. */
  begin(): Promise<boolean> {
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
      connection.run('UPDATE cleaners SET until = 0 WHERE holder = ?', this.#holder),
    );
  }

  /** @returns what the act returns, and the milliseconds for which it held the write lock. */
  async transaction<T>(
    act: (connection: Connection) => Promise<T>,
  ): Promise<{ readonly result: T; readonly took: number }> {
    let began = 0;
    const result = await this.writer.transaction(async (connection) => {
      began = performance.now();
      await connection.run(
        'UPDATE cleaners SET until = ? WHERE holder = ?',
        now() + lease,
        this.#holder,
      );
      return act(connection);
    });
    const took = Math.max(performance.now() - began, 0.001);
    this.slowest = Math.max(this.slowest, took);
    return { result, took };
  }

  /** Copies a log that has grown into the database, which others wait for as well. */
  async fold(): Promise<void> {
    const began = performance.now();
    await this.writer.checkpointIfLong();
    this.slowest = Math.max(this.slowest, performance.now() - began);
  }

  /** Nodes that no entry stands on any more, one notebook after the other. */
  async clearNodes(): Promise<void> {
    const { result: apps } = await this.transaction((connection) =>
      connection.all('SELECT DISTINCT app_id AS id FROM nodes JOIN cells USING (cell_id)'),
    );
    for (const { id } of apps) {
      if (this.stopped) return;
      await this.transaction((connection) => removeUnneededNodes(connection, Number(id)));
    }
  }
}

async function openApps(
  connection: Connection,
  path: string,
  open: readonly string[],
): Promise<number[]> {
  if (open.length === 0) return [];
  const rows = await connection.all('SELECT app_id AS id, path FROM apps');
  return rows
    .filter((row) => open.includes(resolve(dirname(path), String(row.path))))
    .map(({ id }) => Number(id));
}

/** Unix seconds. */
function now(): number {
  return Date.now() / 1000;
}
