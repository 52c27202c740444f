import type { Connection } from '../database/Connection';
import { tellsCallsApart } from '../database/features';
import { Loss } from './loss';
import { removeUnused, takeEntries, type LooseFile } from '../blobs/removal';
import { numberIn, readUsed, type Eviction } from './retention';

/** As many as the kernel's side keeps: `evicting.py`. */
const ghosts = 1500;
const records = 1000;
/** Seconds within which two times are the same, of which one may have been rounded. */
const sameTime = 1e-4;

/** Who cleaned up: a kernel after a run, VS Code when idle, or somebody by a command. */
export type Actor = 'kernel' | 'vscode' | 'command';

/** One clean-up, which grows with each of its transactions. */
export class Cleaning {
  entries = 0;
  /** Bytes. */
  size = 0;
  /** What it takes to make the evicted again. */
  readonly loss = new Loss();
  #level = 0;
  /** Bytes that had left for want of room before it. */
  #evicted = 0;
  #id: number | undefined;

  /**
   * @param at Unix seconds
   * @param haunting of very many evictions, the entries that become ghosts
   */
  constructor(
    private readonly actor: Actor,
    private readonly at: number,
    private readonly haunting: ReadonlySet<number>,
  ) {}

  /**
   * Removes entries; part of a transaction. One that was used, replaced or pinned since it was chosen
   * stays.
   * @returns the ids of the blobs that they had, for {@link free}, by digest
   */
  async evict(
    connection: Connection,
    evictions: readonly Eviction[],
  ): Promise<ReadonlyMap<string, number>> {
    const there = await asChosen(connection, evictions);
    if (there.length === 0) return new Map();
    const before = await readUsed(connection);
    const id = await this.#begin(connection);
    await this.#haunt(connection, there);
    const blobs = await takeEntries(
      connection,
      there.map(({ candidate }) => candidate.entryId),
    );
    this.entries += there.length;
    this.size += before - (await readUsed(connection));
    this.loss.add(there.map(({ candidate }) => candidate));
    let forRoom = 0;
    for (const { candidate, reason, freed } of there) {
      if (reason !== 'room') continue;
      this.#level = Math.max(this.#level, candidate.priority);
      forRoom += freed;
    }
    await connection.run(
      `UPDATE cleanings SET entries = ?, size = ?, seconds = ?, level = ?, evicted = evicted + ?
       WHERE cleaning_id = ?`,
      this.entries,
      this.size,
      this.loss.seconds,
      this.#level,
      forRoom,
      id,
    );
    if (this.loss.amount > 0 && (await tellsCallsApart(connection))) {
      await connection.run(
        'INSERT OR REPLACE INTO cleaning_costs (cleaning_id, amount) VALUES (?, ?)',
        id,
        this.loss.amount,
      );
    }
    return blobs;
  }

  /**
   * Removes of these blobs what nothing refers to any more; part of a transaction.
   * @returns the files to remove once it is committed
   */
  async free(connection: Connection, blobIds: readonly number[]): Promise<LooseFile[]> {
    const before = await readUsed(connection);
    const files = await removeUnused(connection, blobIds);
    // Not what was planned: somebody else may refer to the same bytes by now.
    this.size += before - (await readUsed(connection));
    await connection.run(
      'UPDATE cleanings SET size = ? WHERE cleaning_id = ?',
      this.size,
      await this.#begin(connection),
    );
    return files;
  }

  /** Begins the record of the clean-up, if need be. @returns its id. */
  async #begin(connection: Connection): Promise<number> {
    if (this.#id !== undefined) return this.#id;
    const row = await connection.get(
      'SELECT coalesce(max(level), 0) AS level, coalesce(max(evicted), 0) AS evicted FROM cleanings',
    );
    const number = numberIn(row ?? {}, connection.path);
    this.#level = number('level');
    this.#evicted = number('evicted');
    return (this.#id = await connection.run(
      `INSERT INTO cleanings (at, actor, entries, size, seconds, level, evicted)
       VALUES (?, ?, 0, 0, 0, ?, ?)`,
      this.at,
      this.actor,
      this.#level,
      this.#evicted,
    ));
  }

  /** Makes ghosts of what leaves, unless another cell's equal entry still answers. */
  async #haunt(connection: Connection, leaving: readonly Eviction[]): Promise<void> {
    const found = leaving
      .filter(({ candidate }) => this.haunting.has(candidate.entryId))
      .map(({ candidate, reason, freed, before }) => [
        candidate.entryId,
        freed,
        candidate.seconds,
        reason,
        this.#evicted + before,
      ]);
    if (found.length === 0) return;
    await connection.run(
      `INSERT OR REPLACE INTO ghosts
         (hash, cache_name, cache_type, loader, at, size, seconds, reason, evicted)
       SELECT hash, cache_name, cache_type, loader, ?1, json_extract(g.value, '$[1]'),
         json_extract(g.value, '$[2]'), json_extract(g.value, '$[3]'), json_extract(g.value, '$[4]')
       FROM json_each(?2) AS g JOIN entries AS e ON e.entry_id = json_extract(g.value, '$[0]')
       WHERE NOT EXISTS (SELECT 1 FROM entries AS o WHERE o.hash = e.hash
         AND o.cache_name = e.cache_name AND o.cache_type = e.cache_type AND o.loader = e.loader
         AND o.entry_id NOT IN (SELECT value FROM json_each(?3)))`,
      this.at,
      JSON.stringify(found),
      JSON.stringify(leaving.map(({ candidate }) => candidate.entryId)),
    );
  }
}

/** The entries that become ghosts: of very many those of the most worth. */
export function haunting(evictions: readonly Eviction[]): ReadonlySet<number> {
  return new Set(evictions.slice(-ghosts).map(({ candidate }) => candidate.entryId));
}

/** Keeps the newest ghosts and clean-ups, a few hundred kB in all. */
export async function trimRecords(connection: Connection): Promise<void> {
  for (const [table, key, kept] of [
    ['ghosts', 'ghost_id', ghosts],
    ['cleanings', 'cleaning_id', records],
    ['regrets', 'regret_id', records],
  ] as const) {
    await connection.run(
      `DELETE FROM ${table} WHERE ${key} <= (SELECT max(${key}) FROM ${table}) - ${kept}`,
    );
  }
}

async function asChosen(
  connection: Connection,
  evictions: readonly Eviction[],
): Promise<Eviction[]> {
  const rows = await connection.all(
    `SELECT entry_id AS id, max(created_at, coalesce(last_hit_at, created_at)) AS used_at
     FROM entries WHERE NOT pinned AND entry_id IN (SELECT value FROM json_each(?))`,
    JSON.stringify(evictions.map(({ candidate }) => candidate.entryId)),
  );
  const usedAt = new Map(rows.map((row) => [row.id, Number(row.used_at)]));
  return evictions.filter(
    ({ candidate }) =>
      Math.abs((usedAt.get(candidate.entryId) ?? NaN) - candidate.usedAt) < sameTime,
  );
}
