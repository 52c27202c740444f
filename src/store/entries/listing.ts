import { dirname, resolve } from 'node:path';
import {
  digest,
  flag,
  integer,
  Listing,
  names,
  oneOf,
  optional,
  real,
  sum,
  text,
  versions,
} from './fields';
import {
  cacheTypes,
  formats,
  outcomes,
  readings,
  type AppSummary,
  type CellSummary,
  type DatedItem,
  type EntrySummary,
  type ItemSummary,
  type LookupSummary,
  type ReadSummary,
} from '../rows';
import { findLoads, noLoads, savedByEntry } from './loads';
import {
  entriesWithUse,
  type InEditors,
  isServed,
  noEditors,
  someWithUse,
  usesByCell,
} from './uses';
import { findObsolete, isObsolete } from './readable';
import { appCosts, cellCosts, entryCosts } from './costs';
import { findAgain } from './again';
import { readCalls } from './calls';
import { known } from './known';
import type { Connection, Value } from '../database/Connection';
import { tellsWhy } from '../database/features';

/**
 * The folder of a notebook, by its row; one without a file is where it would be saved in marimo's own
 * cache folder. `rtrim` takes all characters off the end that are not a slash.
 */
export const folderOf = (path: string) =>
  `CASE ${path} WHEN 'unsaved' THEN '../../' ELSE rtrim(${path}, replace(${path}, '/', '')) END`;

// Every listing is one statement, thus one snapshot, and none touches a blob's content.

const apps = new Listing('a notebook', {
  appId: integer('app_id'),
  path: text('path'),
  lastSeenAt: real('last_seen_at'),
  cells: sum('cells'),
  entries: sum('entries'),
  size: sum('size'),
  runtime: real('runtime'),
  saves: optional(real('saves')),
  lastUsedAt: optional(real('last_used_at')),
});

const cells = new Listing('a cell', {
  cellId: integer('c.cell_id'),
  appId: integer('c.app_id'),
  name: optional(text('c.name')),
  ordinal: integer('c.ordinal'),
  code: text('c.code'),
  defs: names('c.defs'),
  lastSeenAt: real('c.last_seen_at'),
  retiredAt: optional(real('c.retired_at')),
  entries: integer('t.entries'),
  size: integer('t.size'),
  runtime: real('t.runtime'),
  pinned: sum('coalesce(u.pinned, 0)'),
  saves: real('coalesce(u.saves, 0)'),
  lastUsedAt: optional(real('u.last_used_at')),
  obsolete: flag('coalesce(u.obsolete, 0)'),
});

const entries = new Listing('a result', {
  entryId: integer('e.entry_id'),
  cellId: integer('e.cell_id'),
  cacheName: text('e.cache_name'),
  cacheType: oneOf('e.cache_type', cacheTypes),
  hash: text('e.hash'),
  loader: text('e.loader'),
  node: optional(digest('e.node')),
  runtime: optional(real('e.runtime')),
  saves: optional(real('e.saves')),
  createdAt: real('e.created_at'),
  lastHitAt: optional(real('e.last_hit_at')),
  hits: integer('e.hits'),
  pinned: flag('e.pinned'),
  versions: versions('e.versions'),
  items: sum('(SELECT count(*) FROM items AS i WHERE i.entry_id = e.entry_id)'),
  size: sum(`(SELECT total(b.size) FROM blobs AS b WHERE b.digest IN
    (SELECT i.digest FROM items AS i WHERE i.cell_id = e.cell_id AND i.entry_id = e.entry_id))`),
  current: flag('e.is_current'),
  obsolete: flag('e.is_obsolete'),
});

const itemFields = {
  entryId: integer('i.entry_id'),
  key: text('i.key'),
  name: text('i.name'),
  format: oneOf('i.format', formats),
  typeHint: optional(text('i.type_hint')),
  digest: digest('i.digest'),
  size: integer('b.size'),
  file: optional(text('b.file')),
  quarantined: flag('b.quarantined_at IS NOT NULL'),
};
const items = new Listing('a value', itemFields);
const itemsWithAge = new Listing('a value', { ...itemFields, createdAt: real('e.created_at') });

const lookupFields = {
  lookupId: integer('lookup_id'),
  cellId: integer('cell_id'),
  cacheName: text('cache_name'),
  hash: text('hash'),
  outcome: oneOf('outcome', outcomes),
  at: real('at'),
  seconds: optional(real('seconds')),
  computedIn: optional(
    real(`(SELECT e.runtime FROM entries AS e
      WHERE e.cell_id = l.cell_id AND e.cache_name = l.cache_name AND e.hash = l.hash LIMIT 1)`),
  ),
  why: optional(text('why')),
  reasons: optional(text('NULL')),
};
const lookupsOf10 = new Listing('a lookup', lookupFields);
const lookups = new Listing('a lookup', { ...lookupFields, reasons: optional(text('reasons')) });

const reads = new Listing('a file that was read', {
  entryId: integer('r.entry_id'),
  path: text('r.path'),
  how: oneOf('r.how', readings),
  size: integer('r.size'),
  modifiedAt: real('r.modified_at'),
  digest: optional(digest('r.digest')),
});

/** What the triggers keep of each cell, and no look at its entries: a hundredth of the time. */
const noUses = '(SELECT NULL AS cell_id, NULL AS last_used_at WHERE false)';

/**
 * By path; with `appId`, that one alone.
 * @param path the database as the user knows it: the notebooks' paths are relative to its folder.
 * @param uses whether to look at all entries for what they save and when they were used
 * @param open what editors know better than the cache
 */
export async function listApps(
  connection: Connection,
  path: string,
  {
    appId,
    uses = true,
    open = noEditors,
  }: {
    readonly appId?: number;
    readonly uses?: boolean;
    readonly open?: InEditors;
  } = {},
): Promise<AppSummary[]> {
  const chosen =
    appId === undefined ? 'true' : 'cell_id IN (SELECT cell_id FROM cells WHERE app_id = ?1)';
  const ids = appId === undefined ? [] : [appId];
  const of = appId === undefined ? undefined : { sql: '?1', id: appId };
  const obsolete = uses ? await obsoleteIn(connection, of) : { sql: 'false', values: ids };
  const again = uses ? await findAgain(connection, chosen, ...ids) : new Set<number>();
  const loads = uses ? await findLoads(connection, chosen, ...ids) : noLoads;
  const row = await connection.get(
    `SELECT ${apps.sql(`(
      SELECT a.app_id, a.path, a.last_seen_at, total(t.entries > 0) AS cells,
        total(t.entries) AS entries, total(t.size) AS size, total(t.runtime) AS runtime,
        ${uses ? `total(u.saves_in_app) FILTER (WHERE ${isServed('c', open)})` : 'NULL'} AS saves,
        max(u.last_used_at) AS last_used_at
      FROM apps AS a LEFT JOIN cells AS c USING (app_id) LEFT JOIN totals AS t USING (cell_id)
        LEFT JOIN ${uses ? usesByCell(chosen, { obsolete: obsolete.sql, again, loads, open }) : noUses} AS u USING (cell_id)
      WHERE ${appId === undefined ? 'true' : 'a.app_id = ?1'} GROUP BY a.app_id)`)} AS apps`,
    ...obsolete.values,
  );
  const costs = uses
    ? await appCosts(
        connection,
        chosen,
        { obsolete: obsolete.sql, again, open },
        ...obsolete.values,
      )
    : new Map<number, number>();
  return apps
    .parse(row?.apps, path)
    .map((app) => ({
      ...app,
      notebook: resolve(dirname(path), app.path),
      ...known({ amount: costs.get(app.appId) }),
    }))
    .sort((a, b) => compare(a.path, b.path));
}

/** In notebook order. */
export async function listCells(
  connection: Connection,
  of: { readonly appId: number } | { readonly cellId: number },
  open = noEditors,
): Promise<CellSummary[]> {
  const [column, id] = 'appId' in of ? ['app_id', of.appId] : ['cell_id', of.cellId];
  const chosen = `cell_id IN (SELECT cell_id FROM cells WHERE ${column} = ?1)`;
  const app = `SELECT app_id FROM cells WHERE ${column} = ?1`;
  const obsolete = await obsoleteIn(connection, { sql: app, id });
  const again = await findAgain(connection, chosen, id);
  const loads = await findLoads(connection, chosen, id);
  const uses = usesByCell(chosen, { obsolete: obsolete.sql, again, loads, open });
  const row = await connection.get(
    `SELECT ${cells.sql(
      `cells AS c JOIN totals AS t USING (cell_id) LEFT JOIN ${uses} AS u
         USING (cell_id) WHERE c.${column} = ?1`,
    )} AS cells`,
    ...obsolete.values,
  );
  const by = { obsolete: obsolete.sql, again, open };
  const costs = await cellCosts(connection, chosen, by, ...obsolete.values);
  return cells
    .parse(row?.cells, connection.path)
    .map((cell) => ({
      ...cell,
      again: again.has(cell.cellId),
      ...known({ amount: costs.get(cell.cellId) }),
    }))
    .sort((a, b) => a.ordinal - b.ordinal || a.cellId - b.cellId);
}

/** Newest first. */
export async function listEntries(
  connection: Connection,
  of:
    | { readonly cellId: number }
    | { readonly entryId: number }
    | { readonly entryIds: readonly number[] },
  open = noEditors,
): Promise<EntrySummary[]> {
  const [listed, id] =
    'cellId' in of
      ? ['cell_id = ?1', of.cellId]
      : 'entryId' in of
        ? ['entry_id = ?1', of.entryId]
        : ['entry_id IN (SELECT value FROM json_each(?1))', JSON.stringify(of.entryIds)];
  const chosen = `cell_id IN (SELECT cell_id FROM entries WHERE ${listed})`;
  const app = `SELECT app_id FROM cells WHERE ${chosen}`;
  const obsolete = await obsoleteIn(connection, { sql: app, id });
  const loads = await findLoads(connection, chosen, id);
  const all = `(SELECT *, ${obsolete.sql} AS is_obsolete, ${savedByEntry} AS saves
    FROM ${'cellId' in of ? entriesWithUse(listed, open) : someWithUse(listed, open)} LEFT JOIN ${loads} USING (entry_id))`;
  const row = await connection.get(
    `SELECT ${entries.sql(`${all} AS e`)} AS entries`,
    ...obsolete.values,
  );
  const costs = await entryCosts(connection, chosen, id);
  const again = await findAgain(connection, chosen, id);
  const calls = await readCalls(connection, listed, id);
  return entries
    .parse(row?.entries, connection.path)
    .map((entry) => ({
      ...entry,
      again: entry.cacheName === 'cell_cache' && again.has(entry.cellId),
      ...known({ amount: costs.get(entry.entryId), call: calls.get(entry.entryId) }),
    }))
    .sort((a, b) => b.createdAt - a.createdAt || b.entryId - a.entryId);
}

/** By key; with `key`, that one alone. */
export async function listItems(
  connection: Connection,
  entryId: number,
  key?: string,
): Promise<ItemSummary[]> {
  const values: Value[] = key === undefined ? [entryId] : [entryId, key];
  const row = await connection.get(
    `SELECT ${items.sql(
      `items AS i JOIN blobs AS b USING (digest)
       WHERE i.entry_id = ?1 ${key === undefined ? '' : 'AND i.key = ?2'}`,
    )} AS items`,
    ...values,
  );
  return items.parse(row?.items, connection.path).sort((a, b) => compare(a.key, b.key));
}

/**
 * What answers for a store key in the folder of an app, the newest first. What was found wrong answers
 * for nobody, and nothing answers in another folder: equal code reads other files there.
 * @param app as `apps.path` has it; there need not be such a row.
 */
export async function listItemsByKey(
  connection: Connection,
  app: string,
  key: string,
): Promise<DatedItem[]> {
  const row = await connection.get(
    `SELECT ${itemsWithAge.sql(
      `items AS i JOIN blobs AS b USING (digest) JOIN entries AS e USING (entry_id)
         JOIN cells AS c ON c.cell_id = i.cell_id JOIN apps AS a USING (app_id)
       WHERE i.key = ?1 AND b.quarantined_at IS NULL AND ${folderOf('a.path')} = ${folderOf('?2')}`,
    )} AS items`,
    key,
    app,
  );
  return itemsWithAge
    .parse(row?.items, connection.path)
    .sort((a, b) => b.createdAt - a.createdAt || b.entryId - a.entryId);
}

/**
 * What was written last first, whatever the clock said: the cell's own lookups, and those of its
 * functions and blocks.
 * @param limit of either: a loop over a function's calls leaves the cell's own
 */
export async function listLookups(
  connection: Connection,
  cellId: number,
  limit: number,
): Promise<LookupSummary[]> {
  const last = (comparison: string) =>
    `SELECT * FROM (SELECT * FROM lookups WHERE cell_id = ?1 AND cache_name ${comparison} 'cell_cache'
       ORDER BY lookup_id DESC LIMIT ?2)`;
  const latest = `(${last('=')} UNION ALL ${last('<>')}) AS l`;
  const found = (await tellsWhy(connection))
    ? lookups.sql(`${latest} LEFT JOIN reasons USING (lookup_id)`)
    : lookupsOf10.sql(latest);
  const row = await connection.get(`SELECT ${found} AS lookups`, cellId, limit);
  return lookups.parse(row?.lookups, connection.path).sort((a, b) => b.lookupId - a.lookupId);
}

/** The files that were read for an app's entries, by path; none before format 1.1. */
export async function listReads(connection: Connection, appId: number): Promise<ReadSummary[]> {
  if (!(await tellsWhy(connection))) return [];
  const row = await connection.get(
    `SELECT ${reads.sql(
      `reads AS r JOIN entries AS e USING (entry_id) JOIN cells AS c USING (cell_id)
       WHERE c.app_id = ?1`,
    )} AS reads`,
    appId,
  );
  return reads.parse(row?.reads, connection.path).sort((a, b) => compare(a.path, b.path));
}

/**
 * What is obsolete of some notebooks, or of all, as SQL about entries, and what a query is then asked
 * with: the id, if there is one, as `?1`.
 */
async function obsoleteIn(
  connection: Connection,
  app?: { readonly sql: string; readonly id: Value },
): Promise<{ readonly sql: string; readonly values: readonly Value[] }> {
  const found = await findObsolete(connection, app);
  if (found.length === 0) return { sql: 'false', values: app === undefined ? [] : [app.id] };
  return { sql: isObsolete('?2'), values: [app?.id ?? null, JSON.stringify(found)] };
}

/** By code units, so that the order is the same for everybody. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
