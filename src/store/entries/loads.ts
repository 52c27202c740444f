import { CacheError } from '../database/CacheError';
import type { Connection, Value } from '../database/Connection';

// What being served takes has its part in what it saves: a cell of imports is found at once, and
// importing takes as long as before.

/** Rows of `entry_id` and `loading`, as SQL. */
export type Loads = string;

/** Seconds, and the part of the runtime, below which loading is nothing: that keeps most entries out. */
const least = 0.001;
const leastPart = 0.01;

export const noLoads: Loads = '(SELECT NULL AS entry_id, NULL AS loading WHERE false)';

/**
 * What entries took to load, in seconds, where that is the last that their cell met: the one entry of a
 * cell, or of its functions and blocks, that was served last. To read all lookups for the others would
 * take longer than all else that is listed. Without those that took next to nothing.
 * @param chosen SQL about cells, by `cell_id`
 * @param values what it is asked with
 */
export async function findLoads(
  connection: Connection,
  chosen: string,
  ...values: Value[]
): Promise<Loads> {
  const found = connection.all(
    `SELECT e.entry_id AS id, l.seconds AS loading
     FROM (
       SELECT (SELECT max(lookup_id) FROM lookups WHERE cell_id = c.cell_id) AS lookup_id
       FROM cells AS c WHERE ${chosen}
     ) JOIN lookups AS l USING (lookup_id)
     CROSS JOIN entries AS e USING (cell_id, cache_name, hash)
     WHERE outcome = 'hit' AND l.seconds > max(${least}, e.runtime * ${leastPart})`,
    ...values,
  );
  // Damage where lookups are hides nothing of what is kept.
  const rows = await found.catch((error: unknown) => {
    if (error instanceof CacheError && error.kind === 'damaged') return [];
    throw error;
  });
  const loads = rows
    .map(({ id, loading }) => [Number(id), Number(loading)])
    .filter((pair) => pair.every(Number.isFinite));
  if (loads.length === 0) return noLoads;
  // As a value of its own it would shift the places of those that the listings are asked with. SQLite
  // reads the list for each entry again unless it has a limit, and has no index of ids without a type.
  return `(SELECT CAST(json_extract(value, '$[0]') AS INTEGER) AS entry_id,
      json_extract(value, '$[1]') AS loading
    FROM json_each('${JSON.stringify(loads)}') LIMIT -1)`;
}

/**
 * Seconds that an entry saves, as SQL over `entries` joined with loads: what it took to compute, less
 * what it last took to load; null where nobody measured it.
 */
export const savedByEntry = 'max(0.0, runtime - coalesce(loading, 0))';
