import { dirname, resolve } from 'node:path';
import type { BlobFolder } from './BlobFolder';
import { integer, Listing } from './fields';
import { listGraph, reachable } from './nodes';
import { removeEntries, removeFiles, type LooseFile } from './removal';
import type { Clearance, ClearTarget } from './rows';
import type { Connection } from './Connection';
import type { Writer } from './Writer';

/** The entries that targets name, by three arrays of ids, as a table of entry and cell. */
const doomed = `(
  SELECT e.entry_id, e.cell_id FROM cells AS c JOIN entries AS e USING (cell_id)
    WHERE c.app_id IN (SELECT value FROM json_each(?1))
  UNION SELECT entry_id, cell_id FROM entries WHERE cell_id IN (SELECT value FROM json_each(?2))
  UNION SELECT entry_id, cell_id FROM entries WHERE entry_id IN (SELECT value FROM json_each(?3)))`;

/** The cells that targets name, those without an entry too. */
const targeted = `(
  SELECT cell_id FROM cells WHERE app_id IN (SELECT value FROM json_each(?1))
  UNION SELECT cell_id FROM cells WHERE cell_id IN (SELECT value FROM json_each(?2))
  UNION SELECT cell_id FROM entries WHERE entry_id IN (SELECT value FROM json_each(?3)))`;

const ids = new Listing('an id', { id: integer('id') });

/**
 * What removing the targets' entries takes, exactly, as one snapshot has it.
 * @param path the database as the user knows it: the notebooks' paths are relative to its folder.
 */
export async function planClearance(
  connection: Connection,
  path: string,
  targets: readonly ClearTarget[],
): Promise<Clearance> {
  const row = await connection.get(
    `WITH doomed AS MATERIALIZED (SELECT * FROM ${doomed})
     SELECT (SELECT json_group_array(path) FROM (SELECT DISTINCT a.path
         FROM doomed JOIN cells USING (cell_id) JOIN apps AS a USING (app_id))) AS apps,
       (SELECT count(DISTINCT cell_id) FROM doomed) AS cells,
       (SELECT count(*) FROM doomed) AS entries,
       (SELECT total(runtime) FROM doomed JOIN entries USING (entry_id)) AS runtime,
       (SELECT count(*) FROM doomed JOIN entries USING (entry_id) WHERE pinned) AS pinned,
       (SELECT total(size) FROM blobs WHERE digest IN
           (SELECT i.digest FROM doomed JOIN items AS i USING (cell_id, entry_id))
         AND NOT EXISTS (SELECT 1 FROM items AS i WHERE i.digest = blobs.digest
           AND i.entry_id NOT IN (SELECT entry_id FROM doomed))) AS size`,
    ...parameters(targets),
  );
  const paths = JSON.parse(String(row?.apps)) as string[];
  return {
    apps: paths.map((each) => resolve(dirname(path), each)).sort(),
    cells: Number(row?.cells),
    entries: Number(row?.entries),
    size: Number(row?.size),
    runtime: Number(row?.runtime),
    pinned: Number(row?.pinned),
  };
}

/**
 * Removes the targets' entries and all that only they needed. Cells stay, and so does what their
 * runs met: they are how a cell is known again. `cells.cleared_at` keeps an equal entry of another
 * cell from answering for a cleared one.
 *
 * @param now Unix seconds.
 * @returns what went; files that the system did not let go are not counted as given back.
 */
export async function clear(
  writer: Writer,
  blobs: BlobFolder,
  path: string,
  targets: readonly ClearTarget[],
  now: number,
): Promise<Clearance> {
  let files: LooseFile[] = [];
  const clearance = await writer.transaction(async (connection) => {
    const planned = await planClearance(connection, path, targets);
    const apps = await listIds(
      connection,
      `SELECT DISTINCT app_id AS id FROM ${targeted} JOIN cells USING (cell_id)`,
      targets,
    );
    await connection.run(
      `UPDATE cells SET cleared_at = ?4 WHERE cell_id IN ${targeted}`,
      ...parameters(targets),
      now,
    );
    const entries = await listIds(connection, `SELECT entry_id AS id FROM ${doomed}`, targets);
    files = await removeEntries(connection, entries);
    for (const appId of apps) await removeUnneededNodes(connection, appId);
    return planned;
  });
  const left = await removeFiles(writer, blobs, files);
  return { ...clearance, size: left.reduce((size, file) => size - file.size, clearance.size) };
}

/** Nodes of an app's cells that no entry of the app stands on, and code that no node has. */
async function removeUnneededNodes(connection: Connection, appId: number): Promise<void> {
  const nodes = await listGraph(connection, appId);
  const roots = await connection.all(
    `SELECT DISTINCT lower(hex(e.node)) AS node FROM cells AS c JOIN entries AS e USING (cell_id)
     WHERE c.app_id = ? AND e.node IS NOT NULL`,
    appId,
  );
  const graph = new Map(nodes.map((node) => [node.node, node]));
  const needed = new Set(
    reachable(
      roots.map(({ node }) => String(node)),
      graph,
    ),
  );
  const unneeded = nodes.filter(({ node }) => !needed.has(node));
  for (const { node, cellId } of unneeded) {
    await connection.run(
      'DELETE FROM nodes WHERE node = ? AND cell_id = ?',
      Buffer.from(node, 'hex'),
      cellId,
    );
  }
  for (const codeDigest of new Set(unneeded.map((node) => node.codeDigest))) {
    await connection.run(
      `DELETE FROM sources WHERE code_digest = ?1
       AND NOT EXISTS (SELECT 1 FROM nodes WHERE code_digest = ?1)`,
      Buffer.from(codeDigest, 'hex'),
    );
  }
}

async function listIds(
  connection: Connection,
  query: string,
  targets: readonly ClearTarget[],
): Promise<number[]> {
  const row = await connection.get(
    `SELECT ${ids.sql(`(${query})`)} AS ids`,
    ...parameters(targets),
  );
  return ids.parse(row?.ids, connection.path).map(({ id }) => id);
}

/** The ids of notebooks, cells and entries, each as a JSON array. */
function parameters(targets: readonly ClearTarget[]): [string, string, string] {
  const apps: number[] = [];
  const cells: number[] = [];
  const entries: number[] = [];
  for (const target of targets) {
    switch (target.kind) {
      case 'app':
        apps.push(target.appId);
        break;
      case 'cell':
        cells.push(target.cellId);
        break;
      case 'entry':
        entries.push(target.entryId);
    }
  }
  return [JSON.stringify(apps), JSON.stringify(cells), JSON.stringify(entries)];
}
