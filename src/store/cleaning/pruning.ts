import { resolve, dirname } from 'node:path';
import type { BlobFolder } from '../blobs/BlobFolder';
import { CleanUp } from './CleanUp';
import type { Connection } from '../database/Connection';
import { type Actor, Cleaning, haunting, trimRecords } from './evicting';
import { readCalls } from '../entries/calls';
import { flag, integer, Listing, optional, text } from '../entries/fields';
import { known } from '../entries/known';
import { looksAfterItself } from '../database/features';
import {
  choose,
  listCandidates,
  listShared,
  readUsed,
  type Eviction,
  type SharedBlob,
} from './retention';
import type { Argument } from '../rows';
import type { Writer } from '../database/Writer';

/**
 * Entries that go before their values do, and bytes of these: the most that a killed cleaner leaves to
 * the next one.
 */
const roundOf = 4000;
const roundBytes = 64 << 20;

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
  /** Ends it, by an error, soon after it is aborted. */
  readonly signal?: AbortSignal;
}

/** What a clean-up did. */
export interface Pruned {
  readonly entries: number;
  readonly size: number;
  /** What it takes to make again what left, and what it costs in money. */
  readonly seconds: number;
  readonly amount: number;
  /** Another cleaner is at work, and nothing was done. */
  readonly busy: boolean;
  /** Milliseconds that it held the write lock at most. */
  readonly slowest: number;
}

export interface PruneOptions {
  readonly actor: Actor;
  /** It stops between two transactions. */
  readonly signal?: AbortSignal;
  /** Milliseconds for which another cleaner is waited for; none by default. */
  readonly patience?: number;
  /** Called when one is. */
  readonly waiting?: () => void;
  /** Called with how many of the evictions are behind. */
  readonly step?: (done: number) => void;
}

/** An entry as people know it. */
export interface EntryName {
  readonly entryId: number;
  readonly cellId: number;
  /** The notebook's absolute path. */
  readonly notebook: string;
  readonly cell: string | undefined;
  readonly code: string;
  readonly cacheName: string;
  readonly pinned: boolean;
  /** With what the function was called whose result it is, where that is known. */
  readonly call?: readonly Argument[];
}

/**
 * What {@link prune} would evict, as one snapshot has it; nothing is changed.
 * @returns `undefined` for an older format, which has no policy yet
 */
export async function planPruning(
  connection: Connection,
  path: string,
  { budget, now, open = [], signal }: PlanOptions,
): Promise<PrunePlan | undefined> {
  if (!(await looksAfterItself(connection))) return undefined;
  const limit = await budget(await readUsed(connection));
  await connection.exec('BEGIN');
  try {
    const used = await readUsed(connection);
    const shared = await listShared(connection);
    const apps = await openApps(connection, path, open);
    signal?.throwIfAborted();
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
  cellId: integer('e.cell_id'),
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
  const ids = JSON.stringify(entryIds);
  const row = await connection.get(
    `SELECT ${namesOfEntries.sql(
      `entries AS e JOIN cells AS c USING (cell_id) JOIN apps AS a USING (app_id)
       WHERE e.entry_id IN (SELECT value FROM json_each(?))`,
    )} AS names`,
    ids,
  );
  const found = namesOfEntries.parse(row?.names, connection.path);
  const calls = await readCalls(connection, 'entry_id IN (SELECT value FROM json_each(?1))', ids);
  return new Map(
    found.map(({ path: app, ...name }) => [
      name.entryId,
      {
        ...name,
        notebook: resolve(dirname(path), app),
        ...known({ call: calls.get(name.entryId) }),
      },
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
  { actor, signal, patience, waiting, step }: PruneOptions,
): Promise<Pruned> {
  const cleaning = new Cleaning(actor, now(), haunting(evictions));
  const work = new CleanUp(writer, signal);
  const outcome = (busy: boolean): Pruned => {
    const { entries, size, loss } = cleaning;
    const { seconds, amount } = loss;
    return { entries, size, seconds, amount, busy, slowest: writer.slowest };
  };
  if (!(await work.begin(patience, waiting))) return outcome(!work.stopped);
  try {
    // Neighbours together: each page that a transaction touches is written to the log by it. What was
    // saved together lies on the same pages of the tables and of some indexes; and so that values can
    // go in the order of their digests, in which the indexes of `blobs` are, they go after some
    // thousand entries that had them.
    const chosen = [...evictions].sort((a, b) => a.candidate.entryId - b.candidate.entryId);
    let behind = 0;
    for (const round of rounds(chosen)) {
      if (work.stopped) break;
      const freed = new Map<string, number>();
      work.owes = true;
      for await (const { result, done } of work.inPieces(round, (connection, some) =>
        cleaning.evict(connection, some),
      )) {
        for (const [digest, id] of result) freed.set(digest, id);
        step?.(behind + done);
      }
      const ids = [...freed].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, id]) => id);
      for await (const { result: files } of work.inPieces(
        ids,
        (connection, some) => cleaning.free(connection, some),
        true,
      )) {
        await work.removeFiles(blobs, files);
      }
      work.owes = false;
      behind += round.length;
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

/** Parts whose values lie about without an entry only for a while. */
function* rounds(evictions: readonly Eviction[]): Generator<readonly Eviction[]> {
  let round: Eviction[] = [];
  let size = 0;
  for (const eviction of evictions) {
    round.push(eviction);
    size += eviction.freed;
    if (round.length < roundOf && size <= roundBytes) continue;
    yield round;
    [round, size] = [[], 0];
  }
  if (round.length > 0) yield round;
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
