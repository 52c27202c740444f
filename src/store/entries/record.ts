import { lstat } from 'node:fs/promises';
import { dirname, relative, resolve, sep } from 'node:path';
import { listGraph, type GraphNode } from './nodes';
import {
  digest,
  flag,
  integer,
  Listing,
  names,
  optional,
  real,
  sum,
  text,
  versions,
} from './fields';
import { findLoads, type Loads, savedByEntry } from './loads';
import { formatOf, isReadable } from './readable';
import type { Versions } from '../rows';
import type { Connection } from '../database/Connection';
import { looksAfterItself, tellsWhy } from '../database/features';
import { isOnAnotherHost } from '../settings/hosts';

/** What a cache knows of one notebook, as far as it takes to judge a document against it. */
export interface NotebookRecord {
  readonly appId: number;
  /** In notebook order, retired ones too. */
  readonly cells: readonly RecordedCell[];
  /** Of results of a cell that stand on the same node the one used last of each kind; the latest first. */
  readonly entries: readonly RecordedEntry[];
  /** What the last run of a cell could not keep. */
  readonly refusals: readonly RecordedRefusal[];
  /** Every cell as it stood whenever a result of it, or of one that depends on it, was saved. */
  readonly nodes: readonly GraphNode[];
}

export interface RecordedCell {
  readonly cellId: number;
  readonly name: string | undefined;
  readonly ordinal: number;
  readonly code: string;
  readonly defs: readonly string[];
  readonly retired: boolean;
}

export interface RecordedEntry {
  readonly entryId: number;
  readonly cellId: number;
  readonly node: string | undefined;
  /** When it was saved or last hit. */
  readonly usedAt: number;
  /** Whether it is the cell's own result, as against that of a function or block in it. */
  readonly whole: boolean;
  /** Whether its format is the one that the notebook was last saved or served in. */
  readonly readable: boolean;
  /** Seconds that it took to compute the results of its kind that stand on its node. */
  readonly runtime: number | undefined;
  /** That, less the seconds that they last took to load. */
  readonly saves: number | undefined;
  /** Money that these cost; `undefined` where they cost none. */
  readonly amount: number | undefined;
  /** How many of those are pinned. */
  readonly pinned: number;
  readonly versions: Versions;
}

export interface RecordedRefusal {
  readonly cellId: number;
  /** When it was looked for, in Unix seconds. */
  readonly at: number;
  /** Whether it comes of what the cell makes, as against an error or a full disk, which one run met. */
  readonly lasting: boolean;
  /** The values that could not be saved, when nothing else kept its result from the cache. */
  readonly lacking?: readonly string[] | undefined;
  /** What it changes that other cells define, or all of a process have, by name. */
  readonly changes?: readonly string[] | undefined;
  /** The reasons as JSON. */
  readonly reasons: string;
}

const apps = new Listing('a notebook', {
  appId: integer('a.app_id'),
  path: text('a.path'),
  lastSeenAt: real('a.last_seen_at'),
});

const cells = new Listing('a cell', {
  cellId: integer('c.cell_id'),
  name: optional(text('c.name')),
  ordinal: integer('c.ordinal'),
  code: text('c.code'),
  defs: names('c.defs'),
  retired: flag('c.retired_at IS NOT NULL'),
});

const entries = new Listing('a result', {
  entryId: integer('e.entry_id'),
  cellId: integer('e.cell_id'),
  node: optional(digest('e.node')),
  usedAt: real('e.used_at'),
  whole: flag('e.whole'),
  runtime: optional(real('e.runtime')),
  saves: optional(real('e.saves')),
  amount: optional(real('e.amount')),
  pinned: sum('e.pinned'),
  versions: versions('e.versions'),
});

const refusals = new Listing('a lookup', {
  cellId: integer('l.cell_id'),
  at: real('l.at'),
  lasting: flag('l.lasting'),
  lacking: optional(names('l.lacking')),
  changes: optional(names('l.changes')),
  reasons: text('l.reasons'),
});

/**
 * What the last run of each cell could not keep. That a result holds UI elements, lacks a value that
 * cannot be saved, or is none since the cell changes what other cells made, is told by a run of that
 * hash, and true of all later ones. The last
 * run is the one that was written last, whatever the clock said.
 */
const lastRefusals = `(
  SELECT last.cell_id, last.at, r.reasons, max(r.kind NOT IN ('raised', 'full')) AS lasting,
    CASE WHEN min(r.kind = 'unpicklable') THEN r.names END AS lacking,
    max(CASE WHEN r.kind = 'changes' THEN r.names END) AS changes
  FROM (
    SELECT cell_id, hash, at, max(lookup_id) AS lookup_id FROM lookups
    WHERE cache_name = 'cell_cache'
      AND cell_id IN (SELECT cell_id FROM cells WHERE app_id = ?1)
    GROUP BY cell_id
  ) AS last
  JOIN lookups AS l ON l.cell_id = last.cell_id AND l.hash = last.hash
    AND l.cache_name = 'cell_cache'
  JOIN (
    -- By the path within the whole: a string in the array is no JSON by itself.
    SELECT lookup_id, reasons, json_extract(reasons, each.fullkey || '.kind') AS kind,
      json_extract(reasons, each.fullkey || '.names') AS names
    FROM reasons, json_each(CASE WHEN json_valid(reasons) THEN reasons ELSE '[]' END) AS each
  ) AS r ON r.lookup_id = l.lookup_id
  WHERE r.kind IN ('ui', 'unpicklable', 'changes')
    OR r.kind IN ('raised', 'full') AND l.lookup_id = last.lookup_id
  GROUP BY last.cell_id)`;

/** With a single `max`, SQLite takes the other columns from the row that has the maximum. */
const lastEntries = (withCosts: boolean, loads: Loads): string => `(
  SELECT entry_id, cell_id, node, cache_name = 'cell_cache' AS whole, versions,
    CASE WHEN count(runtime) > 0 THEN total(runtime) END AS runtime, total(pinned) AS pinned,
    CASE WHEN count(runtime) > 0 THEN total(${savedByEntry}) END AS saves,
    ${withCosts ? 'nullif(total(amount), 0)' : 'NULL'} AS amount,
    max(max(created_at, coalesce(last_hit_at, created_at))) AS used_at
  FROM entries LEFT JOIN ${loads} USING (entry_id)
    ${withCosts ? 'LEFT JOIN costs USING (entry_id)' : ''}
  WHERE cell_id IN (SELECT cell_id FROM cells WHERE app_id = ?1)
  GROUP BY cell_id, node, whole, versions)`;

/**
 * @param path the database as the user knows it: the notebooks' paths are relative to its folder.
 * @param notebook absolute path of the notebook's file
 * @returns `undefined` for a notebook that the cache does not know
 */
export async function readRecord(
  connection: Connection,
  path: string,
  notebook: string,
): Promise<NotebookRecord | undefined> {
  const app = await connection.get(
    'SELECT app_id FROM apps WHERE path = ?',
    relative(dirname(path), notebook).split(sep).join('/'),
  );
  return typeof app?.app_id === 'number' ? readApp(connection, app.app_id) : undefined;
}

/** Notebooks whose file is gone: those seen last, the last one first, and no more than this many. */
const mostGone = 50;

/** @returns what the cache knows of notebooks that are not where they were when it saw them last. */
export async function readGone(connection: Connection, path: string): Promise<NotebookRecord[]> {
  const row = await connection.get(
    `SELECT ${apps.sql("apps AS a WHERE a.path <> 'unsaved'")} AS apps`,
  );
  const all = apps
    .parse(row?.apps, connection.path)
    .sort((a, b) => b.lastSeenAt - a.lastSeenAt || b.appId - a.appId);
  const gone: NotebookRecord[] = [];
  for (const app of all) {
    if (gone.length >= mostGone) break;
    // Any other answer than that there is no such file means that nobody can tell.
    const file = resolve(dirname(path), app.path);
    if (isOnAnotherHost(file, dirname(path))) continue;
    const isGone = await lstat(file).then(
      () => false,
      (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ENOENT',
    );
    if (isGone) gone.push(await readApp(connection, app.appId));
  }
  return gone;
}

async function readApp(connection: Connection, appId: number): Promise<NotebookRecord> {
  const withCosts = await looksAfterItself(connection);
  const ofApp = 'cell_id IN (SELECT cell_id FROM cells WHERE app_id = ?1)';
  const loads = await findLoads(connection, ofApp, appId);
  const row = await connection.get(
    `SELECT ${cells.sql('cells AS c WHERE c.app_id = ?1')} AS cells,
       ${entries.sql(`${lastEntries(withCosts, loads)} AS e`)} AS entries`,
    appId,
  );
  return {
    appId,
    cells: cells
      .parse(row?.cells, connection.path)
      .sort((a, b) => a.ordinal - b.ordinal || a.cellId - b.cellId),
    entries: withReadable(
      entries
        .parse(row?.entries, connection.path)
        .sort((a, b) => b.usedAt - a.usedAt || b.entryId - a.entryId),
    ),
    refusals: await readRefusals(connection, appId),
    nodes: await listGraph(connection, appId),
  };
}

async function readRefusals(connection: Connection, appId: number): Promise<RecordedRefusal[]> {
  if (!(await tellsWhy(connection))) return [];
  const row = await connection.get(
    `SELECT ${refusals.sql(`${lastRefusals} AS l`)} AS refusals`,
    appId,
  );
  return refusals.parse(row?.refusals, connection.path);
}

/** Says of each whether the marimo that the notebook ran with last reads it. */
function withReadable<T extends { readonly versions: Versions; readonly usedAt: number }>(
  entries: readonly T[],
): (T & { readonly readable: boolean })[] {
  const format = formatOf(entries);
  return entries.map((entry) => ({ ...entry, readable: isReadable(entry.versions, format) }));
}
