// Which of a cell's entries are current, and what those come to, as SQL for listings.

import { type Loads, savedByEntry } from './loads';

const own = "cache_name = 'cell_cache'";

/** Results of cells, without those of cells that run each time. */
const saving = (again: ReadonlySet<number>): string =>
  again.size === 0 ? own : `(${own} AND cell_id NOT IN (${[...again].join()}))`;

const none: ReadonlySet<number> = new Set();

/**
 * What a cell's entries save, as an aggregate over what each of them does: its own result, or the
 * functions and blocks that it owns, whichever is more. Both would tell most of it twice, since what
 * they took is part of what the cell took. (Less than there is for a cell that was computed with them
 * from the cache: rather that than a saving that nobody sees.)
 * @param again cells whose own results save nothing: {@link findAgain}
 */
export const savedByCell = (amount: string, again = none): string =>
  `max(total(${amount}) FILTER (WHERE ${saving(again)}), total(${amount}) FILTER (WHERE NOT ${own}))`;

/**
 * The same as a part of what its notebook saves: the functions and blocks of a cell with a result of
 * its own are in that, or in the result of the cell that calls them.
 */
export const savedInApp = (amount: string, again = none): string =>
  `CASE WHEN total(${saving(again)}) > 0 THEN total(${amount}) FILTER (WHERE ${saving(again)})
     ELSE total(${amount}) FILTER (WHERE NOT ${own}) END`;

/** What a sum of savings goes by. */
export interface Counting {
  /** SQL about entries: those that save nothing, since marimo does not read them. */
  readonly obsolete: string;
  /** Cells whose own results save nothing. */
  readonly again: ReadonlySet<number>;
  /** What has to be spent for what is saved. */
  readonly loads: Loads;
  readonly open: InEditors;
}

/**
 * Whether anything of a cell is served: it is in its notebook, and not among those to which nothing is.
 * @param cells a name of the table `cells`
 */
export const isServed = (cells: string, { idle, returned }: InEditors): string =>
  `(${cells}.retired_at IS NULL OR ${cells}.cell_id IN (${[...returned].join()}))
    AND ${cells}.cell_id NOT IN (${[...idle].join()})`;

/** What editors know of cells, and the cache does not. */
export interface InEditors {
  /** Cells of which nothing is served: what they keep saves nothing. */
  readonly idle: ReadonlySet<number>;
  /** Cells that are in their notebooks, and were not when those last ran. */
  readonly returned: ReadonlySet<number>;
  /**
   * Results that are what a notebook would be served as it stands, though their cell was saved or served
   * another one since: those on their node are current, as if they had been used last.
   */
  readonly earlier: ReadonlySet<number>;
}

export const noEditors: InEditors = { idle: none, returned: none, earlier: none };

/** SQL about entries: those that editors have current in place of what was used last. */
const isEarlier = (entries: string, { earlier }: InEditors): string =>
  `${entries}.node IN (SELECT node FROM entries WHERE entry_id IN (${[...earlier].join()}))`;

/**
 * Rows of `entries` with `used_at` (when the entry was last saved or hit) and `is_current`, which
 * tells current entries from outdated ones. A cell may own several caches (its own result, blocks
 * under `persistent_cache`), told apart by name; of each, those are current that stand on the same
 * node as the most recently used one. An entry without a node is current only if it is that one.
 * Of two that were used at the same moment the one made last counts.
 */
export function entriesWithUse(where: string, open = noEditors): string {
  const first = open.earlier.size === 0 ? '' : `coalesce(${isEarlier('used', open)}, 0) DESC, `;
  return `(
    SELECT *, entry_id = last_entry OR coalesce(node = last_node, 0) AS is_current FROM (
      SELECT *, first_value(entry_id) OVER latest AS last_entry,
        first_value(node) OVER latest AS last_node
      FROM (SELECT *, max(created_at, coalesce(last_hit_at, created_at)) AS used_at
        FROM entries WHERE ${where}) AS used
      WINDOW latest AS (PARTITION BY cell_id, cache_name ORDER BY ${first}used_at DESC, entry_id DESC)))`;
}

const used = (entry: string): string =>
  `max(${entry}.created_at, coalesce(${entry}.last_hit_at, ${entry}.created_at))`;

/** The id by which the current entries of a cache are told, which is a row `c` with when it was used last. */
function lastEntry(open: InEditors): string {
  const last = (condition: string) => `(SELECT entry_id FROM entries AS l
    WHERE l.cell_id = c.cell_id AND l.cache_name = c.cache_name AND ${condition} LIMIT 1)`;
  const usedLast = last(`${used('l')} = c.used_at ORDER BY entry_id DESC`);
  if (open.earlier.size === 0) return usedLast;
  const earlier = last(`${isEarlier('l', open)} ORDER BY ${used('l')} DESC, entry_id DESC`);
  return `coalesce(${earlier}, ${usedLast})`;
}

/**
 * The same rows for some of a cell's entries: where one function has 100,000 of them, to put all in their
 * order took five times as long.
 * @param some SQL about entries
 */
export function someWithUse(some: string, open = noEditors): string {
  return `(
    WITH caches AS MATERIALIZED (
      SELECT cell_id, cache_name, max(${used('e')}) AS used_at FROM entries AS e
      WHERE (cell_id, cache_name) IN (SELECT cell_id, cache_name FROM entries WHERE ${some})
      GROUP BY cell_id, cache_name),
    latest AS MATERIALIZED (
      SELECT cell_id, cache_name, ${lastEntry(open)} AS last_entry FROM caches AS c)
    SELECT e.*, ${used('e')} AS used_at,
      e.entry_id = last_entry
        OR coalesce(e.node = (SELECT node FROM entries WHERE entry_id = last_entry), 0) AS is_current
    FROM entries AS e JOIN latest USING (cell_id, cache_name) WHERE ${some})`;
}

/**
 * What a cell's entries come to beyond its totals, a row for each cell that has any. The same as
 * grouping `entriesWithUse` by cell, which over 100,000 entries took five times as long: a cache all
 * of whose entries stand on one node, as most do, is added up without looking for the latest.
 */
export function usesByCell(where: string, { obsolete, again, loads, open }: Counting): string {
  const uses = allUses(where, { again, loads, open });
  if (obsolete === 'false') return `(SELECT *, false AS obsolete FROM ${uses})`;
  const what = ['saves', 'saves_in_app'].map((name) => `coalesce(s.${name}, 0) AS ${name}`);
  return `(
    SELECT cell_id, pinned, last_used_at, ${what.join(', ')},
      cell_id NOT IN (SELECT cell_id FROM entries WHERE ${where} AND NOT ${obsolete}) AS obsolete
    FROM ${uses} LEFT JOIN (
      SELECT cell_id, ${savedByCell(savedByEntry, again)} AS saves,
        ${savedInApp(savedByEntry, again)} AS saves_in_app
      FROM ${entriesWithUse(where, open)} LEFT JOIN ${loads} USING (entry_id) WHERE is_current AND NOT ${obsolete} GROUP BY cell_id
    ) AS s USING (cell_id))`;
}

/** The same where nothing is obsolete. */
function allUses(where: string, { again, loads, open }: Omit<Counting, 'obsolete'>): string {
  const saves = 'max(0.0, seconds - coalesce(spent, 0))';
  return `(
    WITH caches AS MATERIALIZED (
      SELECT cell_id, cache_name, max(max(created_at, coalesce(last_hit_at, created_at))) AS used_at,
        total(runtime) AS runtime, total(pinned) AS pinned,
        count(*) = 1 OR (count(*) = count(node) AND min(node) = max(node)) AS is_one
      FROM entries WHERE ${where} GROUP BY cell_id, cache_name),
    latest AS MATERIALIZED (
      SELECT *, CASE WHEN NOT is_one THEN ${lastEntry(open)} END AS last_entry FROM caches AS c),
    current AS MATERIALIZED (
      SELECT cell_id, cache_name, pinned, used_at, CASE WHEN is_one THEN runtime ELSE (
        SELECT total(e.runtime) FROM entries AS e JOIN entries AS l ON l.entry_id = c.last_entry
        WHERE e.cell_id = c.cell_id AND e.cache_name = c.cache_name
          AND (e.entry_id = l.entry_id OR e.node = l.node)) END AS seconds
      FROM latest AS c),
    -- From the few loads to their entries, as what is left of runtimes: a join with all entries for
    -- each cell took minutes.
    spent AS MATERIALIZED (
      SELECT e.cell_id, e.cache_name, total(min(e.runtime, loading)) AS spent
      FROM ${loads} CROSS JOIN entries AS e USING (entry_id)
        CROSS JOIN latest AS c ON c.cell_id = e.cell_id AND c.cache_name = e.cache_name
        LEFT JOIN entries AS l ON l.entry_id = c.last_entry
      WHERE c.is_one OR e.entry_id = l.entry_id OR e.node = l.node
      GROUP BY e.cell_id, e.cache_name)
    SELECT cell_id, total(pinned) AS pinned, max(used_at) AS last_used_at,
      ${savedByCell(saves, again)} AS saves, ${savedInApp(saves, again)} AS saves_in_app
    FROM current LEFT JOIN spent USING (cell_id, cache_name) GROUP BY cell_id)`;
}
