import { dirname, resolve } from 'node:path';
import type { BlobFolder } from '../blobs/BlobFolder';
import { looksAfterItself } from '../database/features';
import { digest, integer, Listing, text } from './fields';
import { removeFiles, removeRows } from '../blobs/removal';
import { savedByCell } from './uses';
import type { Clearance, ClearTarget, Leftovers, Stake } from '../rows';
import type { Connection, Row } from '../database/Connection';
import type { Writer } from '../database/Writer';

/** The entries that targets name, by three arrays of ids, as a table of entry and cell. */
const doomed = `(
  SELECT e.entry_id, e.cell_id FROM cells AS c JOIN entries AS e USING (cell_id)
    WHERE c.app_id IN (SELECT value FROM json_each(?1))
  UNION SELECT entry_id, cell_id FROM entries WHERE cell_id IN (SELECT value FROM json_each(?2))
  UNION SELECT entry_id, cell_id FROM entries WHERE entry_id IN (SELECT value FROM json_each(?3)))`;

/** The cells that targets name whole, those without an entry too. */
const whole = `
  SELECT cell_id FROM cells WHERE app_id IN (SELECT value FROM json_each(?1))
  UNION SELECT cell_id FROM cells WHERE cell_id IN (SELECT value FROM json_each(?2))`;

/** The cells that targets name, or of which they name an entry. */
const targeted = `(${whole}
  UNION SELECT cell_id FROM entries WHERE entry_id IN (SELECT value FROM json_each(?3)))`;

/** Blobs that nothing but the targets' entries refers to. */
const loose = `(
  SELECT blob_id, digest, size, file FROM blobs WHERE digest IN
      (SELECT i.digest FROM doomed JOIN items AS i USING (cell_id, entry_id))
    AND NOT EXISTS (SELECT 1 FROM items AS i WHERE i.digest = blobs.digest
      AND i.entry_id NOT IN (SELECT entry_id FROM doomed)))`;

const files = new Listing('a value', {
  file: text('file'),
  digest: digest('digest'),
  size: integer('size'),
});

/** What they hold, of the table `doomed`. */
async function stake(connection: Connection): Promise<string> {
  const costs = (await looksAfterItself(connection))
    ? 'costs'
    : '(SELECT 0 AS entry_id, 0 AS amount, 0 AS seconds)';
  return `
    (SELECT count(DISTINCT cell_id) FROM doomed) AS cells,
    (SELECT count(*) FROM doomed) AS entries,
    ${summed('runtime')} AS runtime,
    ${summed('amount', `JOIN ${costs} USING (entry_id)`)} AS amount,
    ${summed('seconds', `JOIN ${costs} USING (entry_id)`)} AS worth,
    (SELECT count(*) FROM doomed JOIN entries USING (entry_id) WHERE pinned) AS pinned`;
}

/** Of what is in a cell's own results and in those of its functions too, the larger. */
function summed(column: string, join = ''): string {
  return `(SELECT total(most) FROM (SELECT ${savedByCell(column)} AS most
    FROM doomed JOIN entries USING (entry_id, cell_id) ${join} GROUP BY cell_id))`;
}

/** What the targets' entries cost to compute again: a hundredth of the work of {@link planClearance}. */
export async function readStake(
  connection: Connection,
  targets: readonly ClearTarget[],
): Promise<Stake> {
  return stakeIn(
    await connection.get(
      `WITH doomed AS MATERIALIZED (SELECT * FROM ${doomed}) SELECT ${await stake(connection)}`,
      ...parameters(targets),
    ),
  );
}

function stakeIn(row: Row | undefined): Stake {
  return {
    cells: Number(row?.cells),
    entries: Number(row?.entries),
    runtime: Number(row?.runtime),
    amount: Number(row?.amount),
    worth: Number(row?.worth),
    pinned: Number(row?.pinned),
  };
}

/**
 * What removing the targets' entries takes, exactly, as one snapshot has it.
 * @param path the database as the user knows it: the notebooks' paths are relative to its folder.
 */
export async function planClearance(
  connection: Connection,
  path: string,
  targets: readonly ClearTarget[],
): Promise<Clearance> {
  return readClearance(await plan(connection, targets, 'true AS planned'), path);
}

/** @param more columns, which may ask the tables `doomed` and `loose` */
async function plan(
  connection: Connection,
  targets: readonly ClearTarget[],
  more: string,
): Promise<Row | undefined> {
  return connection.get(
    `WITH doomed AS MATERIALIZED (SELECT * FROM ${doomed}),
       loose AS MATERIALIZED (SELECT * FROM ${loose})
     SELECT (SELECT json_group_array(path) FROM (SELECT DISTINCT a.path
         FROM doomed JOIN cells USING (cell_id) JOIN apps AS a USING (app_id))) AS apps,
       (SELECT total(size) FROM loose) AS size, ${await stake(connection)}, ${more}`,
    ...parameters(targets),
  );
}

function readClearance(row: Row | undefined, path: string): Clearance {
  return {
    apps: (JSON.parse(String(row?.apps)) as string[])
      .map((each) => resolve(dirname(path), each))
      .sort(),
    size: Number(row?.size),
    ...stakeIn(row),
  };
}

/**
 * Removes the targets' entries, and the files that only they needed. Cells stay, and so does what
 * their runs met: they are how a cell is known again. `cells.cleared_at` keeps an equal entry of
 * another cell from answering for a cleared one.
 *
 * Blobs in rows and nodes that nothing needs any more are left over. They are most of the work, as
 * each lies on a page of its own of several indices, and no one sees them; those of a process that is
 * killed before `Tidying` are found by the next clean-up of a kernel.
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
): Promise<{ readonly clearance: Clearance; readonly leftovers: Leftovers }> {
  const row = await writer.transaction(async (connection) => {
    const row = await plan(
      connection,
      targets,
      `(SELECT json_group_array(entry_id) FROM doomed) AS ids,
       (SELECT json_group_array(blob_id) FROM loose WHERE file IS NULL) AS inline,
       (SELECT json_group_array(blob_id) FROM loose WHERE file IS NOT NULL) AS with_file,
       ${files.sql('loose WHERE file IS NOT NULL')} AS files,
       (SELECT json_group_array(app_id) FROM
         (SELECT DISTINCT app_id FROM ${targeted} JOIN cells USING (cell_id))) AS app_ids`,
    );
    await connection.run(
      `UPDATE cells SET cleared_at = ?4 WHERE cell_id IN ${targeted}`,
      ...parameters(targets),
      now,
    );
    // Without its totals, which are known beforehand, a cell's items go in half the time: their trigger
    // looks for the size of each.
    await connection.run(`DELETE FROM totals WHERE cell_id IN (${whole})`, ...cellsOf(targets));
    await removeRows(connection, JSON.parse(String(row?.ids)) as number[]);
    await connection.run(`INSERT INTO totals (cell_id) ${whole}`, ...cellsOf(targets));
    await connection.run(
      'DELETE FROM blobs WHERE blob_id IN (SELECT value FROM json_each(?))',
      String(row?.with_file),
    );
    return row;
  });
  const left = await removeFiles(writer, blobs, files.parse(row?.files, path));
  const clearance = readClearance(row, path);
  return {
    clearance: {
      ...clearance,
      size: left.reduce((size, file) => size - file.size, clearance.size),
    },
    leftovers: {
      blobIds: JSON.parse(String(row?.inline)) as number[],
      appIds: JSON.parse(String(row?.app_ids)) as number[],
    },
  };
}

/** The ids of notebooks and cells. */
function cellsOf(targets: readonly ClearTarget[]): [string, string] {
  const [apps, cells] = parameters(targets);
  return [apps, cells];
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
