import { dirname, relative, sep } from 'node:path';
import { listGraph, type GraphNode } from './nodes';
import { digest, flag, integer, Listing, names, optional, real, text } from './fields';
import type { Connection } from './Connection';

/** What a cache knows of one notebook, as far as it takes to judge a document against it. */
export interface NotebookRecord {
  readonly appId: number;
  /** In notebook order, retired ones too. */
  readonly cells: readonly RecordedCell[];
  /** Of results of a cell that stand on the same node the one used last; the latest first. */
  readonly entries: readonly RecordedEntry[];
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
}

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
});

/** With a single `max`, SQLite takes the other columns from the row that has the maximum. */
const lastEntries = `(
  SELECT entry_id, cell_id, node, max(max(created_at, coalesce(last_hit_at, created_at))) AS used_at
  FROM entries WHERE cell_id IN (SELECT cell_id FROM cells WHERE app_id = ?1)
  GROUP BY cell_id, node)`;

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
  const appId = app?.app_id;
  if (typeof appId !== 'number') return undefined;
  const row = await connection.get(
    `SELECT ${cells.sql('cells AS c WHERE c.app_id = ?1')} AS cells,
       ${entries.sql(`${lastEntries} AS e`)} AS entries`,
    appId,
  );
  return {
    appId,
    cells: cells
      .parse(row?.cells, connection.path)
      .sort((a, b) => a.ordinal - b.ordinal || a.cellId - b.cellId),
    entries: entries
      .parse(row?.entries, connection.path)
      .sort((a, b) => b.usedAt - a.usedAt || b.entryId - a.entryId),
    nodes: await listGraph(connection, appId),
  };
}
