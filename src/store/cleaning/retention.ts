import retention from '../../../python/marimo_cellar/retention.sql';
import { CacheError } from '../database/CacheError';
import type { Connection, Row } from '../database/Connection';

/**
 * What leaves the cache, and in what order: the one policy. The order is the view `retention` of the
 * schema, and `retention.sql` says what may leave and why; the kernel's side runs the same two texts.
 * How far down that order one goes is decided here as in `retention.py`, by `test/fixtures/retention.json`.
 */

export const reasons = ['version', 'unreadable', 'block', 'orphan', 'room'] as const;
/** `room` is for want of it; the others leave whatever room there is. */
export type Reason = (typeof reasons)[number];

/** An entry that may leave. */
export interface Candidate {
  readonly entryId: number;
  /** Unix seconds. */
  readonly usedAt: number;
  /** Absent if only for want of room. */
  readonly reason: Exclude<Reason, 'room'> | undefined;
  /** Bytes that go when it alone goes. */
  readonly own: number;
  readonly cellId: number;
  /** Of a function or block of the cell, and not of the whole cell. */
  readonly part: boolean;
  /** What it took to compute. */
  readonly seconds: number;
  /** What it cost in money. */
  readonly amount: number;
  readonly priority: number;
}

/** A blob that several entries refer to; it goes with the last of them. */
export interface SharedBlob {
  readonly size: number;
  readonly entries: readonly number[];
}

/** An entry that leaves. */
export interface Eviction {
  readonly candidate: Candidate;
  readonly reason: Reason;
  /** Bytes that this frees after those before it. */
  readonly freed: number;
  /** Bytes that those before it freed for want of room. */
  readonly before: number;
}

/** How many versions of a cell's code are kept, and for how many seconds: `Rules` in `retention.py`. */
const rules = { versions: 3, grace: 14 * 86_400, hold: 3600 };

/**
 * Which of the candidates leave, in their order: those with a reason, and of the others the first
 * ones, until what is used is within the budget, if there is one; both in bytes. Where the last of
 * them was larger than what was still wanted, those before it stay for which there is room again,
 * the highest in the order first.
 * @param spared ids of entries that stay
 */
export function choose(
  candidates: readonly Candidate[],
  shared: readonly SharedBlob[],
  used: number,
  budget: number | undefined,
  spared: ReadonlySet<number> = new Set(),
): Eviction[] {
  const account = new Account(shared);
  const evictions: Eviction[] = [];
  let left = used;
  let before = 0;
  for (const candidate of candidates) {
    if (candidate.reason === undefined && (budget === undefined || left <= budget)) break;
    if (spared.has(candidate.entryId)) continue;
    const freed = account.take(candidate);
    left -= freed;
    evictions.push({ candidate, reason: candidate.reason ?? 'room', freed, before });
    if (candidate.reason === undefined) before += freed;
  }
  if (budget === undefined) return evictions;
  const stay = new Set<number>();
  for (const { candidate, reason, freed } of evictions.toReversed()) {
    // What one frees that shares its bytes depends on who else leaves.
    if (reason !== 'room' || account.shares(candidate) || left + freed > budget) continue;
    left += freed;
    stay.add(candidate.entryId);
  }
  return stay.size === 0 ? evictions : without(evictions, shared, stay);
}

/** The same evictions but for some, with what each frees and leaves behind then. */
export function without(
  evictions: readonly Eviction[],
  shared: readonly SharedBlob[],
  spared: ReadonlySet<number>,
): Eviction[] {
  const account = new Account(shared);
  let before = 0;
  return evictions
    .filter(({ candidate }) => !spared.has(candidate.entryId))
    .map(({ candidate, reason }) => {
      const freed = account.take(candidate);
      const eviction = { candidate, reason, freed, before };
      if (reason === 'room') before += freed;
      return eviction;
    });
}

/** Which bytes are freed by whom: those that are shared by the last who refers to them. */
class Account {
  readonly #blobsOf = new Map<number, number[]>();
  readonly #left: number[];

  constructor(private readonly shared: readonly SharedBlob[]) {
    this.#left = shared.map(({ entries }) => entries.length);
    for (const [blob, { entries }] of shared.entries()) {
      for (const entry of entries) {
        const blobs = this.#blobsOf.get(entry) ?? [];
        blobs.push(blob);
        this.#blobsOf.set(entry, blobs);
      }
    }
  }

  shares({ entryId }: Candidate): boolean {
    return this.#blobsOf.has(entryId);
  }

  take({ entryId, own }: Candidate): number {
    let freed = own;
    for (const blob of this.#blobsOf.get(entryId) ?? []) {
      const left = (this.#left[blob] ?? 0) - 1;
      this.#left[blob] = left;
      if (left === 0) freed += this.shared[blob]?.size ?? 0;
    }
    return freed;
  }
}

/**
 * What may leave, in order.
 * @param now Unix seconds
 * @param openApps ids of notebooks that are open, beside those that a kernel says it has open
 */
export async function listCandidates(
  connection: Connection,
  now: number,
  openApps: readonly number[],
): Promise<Candidate[]> {
  const { versions, grace, hold } = rules;
  // Not as one JSON array: their order is what is asked for, and the last digits of their times.
  const rows = await connection.all(
    retention,
    now,
    versions,
    grace,
    hold,
    JSON.stringify(openApps),
  );
  return rows.map((row) => {
    const number = numberIn(row, connection.path);
    return {
      entryId: number('entry_id'),
      usedAt: number('used_at'),
      reason: reasonIn(row, connection.path),
      own: number('own'),
      cellId: number('cell_id'),
      part: number('part') === 1,
      seconds: number('seconds'),
      amount: number('amount'),
      priority: number('priority'),
    };
  });
}

/** The blobs that more than one entry refers to. */
export async function listShared(connection: Connection): Promise<SharedBlob[]> {
  const rows = await connection.all(
    `SELECT size, json_group_array(DISTINCT entry_id) AS entries FROM items
     JOIN blobs USING (digest) WHERE digest IN (SELECT digest FROM items
       GROUP BY digest HAVING min(entry_id) <> max(entry_id)) GROUP BY digest`,
  );
  return rows.map((row) => ({
    size: numberIn(row, connection.path)('size'),
    entries: JSON.parse(String(row.entries)) as number[],
  }));
}

/** What the budget is compared with, in bytes: all values, and their rows. */
export async function readUsed(connection: Connection): Promise<number> {
  return numberIn((await connection.get('SELECT size FROM usage')) ?? {}, connection.path)('size');
}

/** Reads numbers from a row. SQLite lets any value stand in any column. */
export function numberIn(row: Row, path: string): (column: string) => number {
  return (column) => {
    const value = row[column];
    if (typeof value !== 'number' || !Number.isFinite(value)) throw damaged(path, column);
    return value;
  };
}

function reasonIn(row: Row, path: string): Candidate['reason'] {
  const { reason } = row;
  if (reason === null) return undefined;
  const found = reasons.find((each) => each === reason);
  if (found === undefined || found === 'room') throw damaged(path, 'reason');
  return found;
}

function damaged(path: string, column: string): CacheError {
  return new CacheError(
    'damaged',
    path,
    `${path} holds a ${column} that cannot be right. Run Check Cache to have it put right.`,
  );
}
