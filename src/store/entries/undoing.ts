import type { Aside } from '../blobs/Aside';
import type { BlobFolder } from '../blobs/BlobFolder';
import type { Connection, Row } from '../database/Connection';
import { digest, integer, Listing, text } from './fields';
import type { LooseFile } from '../blobs/removal';
import type { BroughtBack } from '../rows';

// What a clear removes is kept in the database that the connection has attached as `kept`
// (`Writer.attach`), in tables that are named as those it comes from.

/** What is kept of one clear at most: entries, bytes in rows, bytes of files, nodes of its notebooks. */
const limits = { kept_entries: 2000, kept_rows: 16 << 20, kept_files: 2 ** 30, kept_nodes: 10_000 };

/** How much would have to be kept, as columns, of the tables `doomed` and `loose` of a clear. */
export const measures = `
  (SELECT count(*) FROM doomed) AS kept_entries,
  (SELECT total(size) FROM loose WHERE file IS NULL) AS kept_rows,
  (SELECT total(size) FROM loose WHERE file IS NOT NULL) AS kept_files,
  (SELECT count(*) FROM cells JOIN nodes USING (cell_id) WHERE app_id IN
    (SELECT app_id FROM doomed JOIN cells USING (cell_id))) AS kept_nodes`;

/** Whether what {@link measures} tells is little enough. */
export function isLittle(row: Row | undefined): boolean {
  return Object.entries(limits).every(([name, most]) => Number(row?.[name]) <= most);
}

/** What a clear takes, by ids, each as a JSON array. */
export interface Taken {
  readonly entries: string;
  /** Blobs that only those refer to. */
  readonly blobs: string;
  /** Cells that are marked as cleared. */
  readonly cells: string;
  /** Notebooks whose nodes may not be needed any more. */
  readonly apps: string;
}

/**
 * Keeps the rows of what is about to be cleared; part of its transaction.
 * @throws CacheError of kind `damaged` where they cannot be read; SQLite then writes no more in that
 * transaction.
 */
export async function keep(connection: Connection, taken: Taken): Promise<void> {
  const ids = 'IN (SELECT value FROM json_each(?))';
  const copy = (table: string, where: string, json: string) =>
    connection.run(
      `CREATE TABLE kept.${quoted(table)} AS SELECT * FROM main.${quoted(table)} WHERE ${where}`,
      json,
    );
  await copy('entries', `entry_id ${ids}`, taken.entries);
  for (const table of await tablesOfEntries(connection)) {
    await copy(table, `entry_id ${ids}`, taken.entries);
  }
  await copy('blobs', `blob_id ${ids}`, taken.blobs);
  await copy('cells', `cell_id ${ids}`, taken.cells);
  await copy(
    'nodes',
    `cell_id IN (SELECT cell_id FROM main.cells WHERE app_id ${ids})`,
    taken.apps,
  );
  await connection.run(
    `CREATE TABLE kept.sources AS SELECT * FROM main.sources
     WHERE code_digest IN (SELECT code_digest FROM kept.nodes)`,
  );
}

const files = new Listing('a value', {
  file: text('file'),
  digest: digest('digest'),
  size: integer('size'),
});

/** The entries that come back, by the id that they had and the one that they get. */
const coming = `
  INSERT INTO temp.back (was, entry_id)
  SELECT k.entry_id AS was,
    CASE WHEN EXISTS (SELECT 1 FROM main.entries AS e WHERE e.entry_id = k.entry_id)
      THEN row_number() OVER (ORDER BY k.entry_id) + max(
        (SELECT max(entry_id) FROM main.entries), (SELECT max(entry_id) FROM kept.entries))
      ELSE k.entry_id END AS entry_id
  FROM kept.entries AS k JOIN main.cells AS c USING (cell_id)
  WHERE c.cleared_at = ? AND NOT EXISTS (SELECT 1 FROM main.entries AS e
    WHERE (e.cell_id, e.cache_name, e.hash, e.cache_type, e.loader)
      = (k.cell_id, k.cache_name, k.hash, k.cache_type, k.loader))`;

/** The kept blobs that these need and nobody has saved again. */
const wanted = `kept.blobs AS b
  WHERE digest IN (SELECT digest FROM kept.items WHERE entry_id IN (SELECT was FROM temp.back))
    AND NOT EXISTS (SELECT 1 FROM main.blobs AS m WHERE m.digest = b.digest)`;

/**
 * Brings back what was kept, as far as its cells have not been cleared again; part of a transaction.
 * An entry that was computed again meanwhile stays as it is now.
 *
 * @param clearedAt Unix seconds, of the clear: what only its cells have, so that no cell of another
 * database, which has taken the place of the first, gets anything.
 * @param placed is told the files that were put back
 */
export async function bringBack(
  connection: Connection,
  blobs: BlobFolder,
  aside: Aside,
  clearedAt: number,
  placed: LooseFile[],
): Promise<BroughtBack> {
  const total = await connection.number('SELECT count(*) FROM kept.entries');
  await connection.exec(
    'CREATE TEMP TABLE back (was INTEGER PRIMARY KEY, entry_id INTEGER NOT NULL UNIQUE)',
  );
  await connection.run(coming, clearedAt);
  const there = await connection.number(
    `SELECT count(*) FROM kept.entries JOIN main.entries
     USING (cell_id, cache_name, hash, cache_type, loader)`,
  );
  await bringFiles(connection, blobs, aside, placed);
  const entries = await connection.number('SELECT count(*) FROM temp.back');
  if (entries > 0) await bringRows(connection);
  // Not of a cell of which something is missing, that it may come back by another try.
  await connection.run(
    `UPDATE main.cells SET cleared_at =
       (SELECT k.cleared_at FROM kept.cells AS k WHERE k.cell_id = cells.cell_id)
     WHERE cleared_at = ? AND cell_id IN (SELECT cell_id FROM kept.cells)
       AND cell_id NOT IN (SELECT cell_id FROM kept.entries AS k WHERE NOT EXISTS
         (SELECT 1 FROM main.entries AS e
          WHERE (e.cell_id, e.cache_name, e.hash, e.cache_type, e.loader)
            = (k.cell_id, k.cache_name, k.hash, k.cache_type, k.loader)))`,
    clearedAt,
  );
  return { entries, there, lost: total - entries - there };
}

/** Puts the files back, and leaves out the entries of which any bytes are not to be had. */
async function bringFiles(
  connection: Connection,
  blobs: BlobFolder,
  aside: Aside,
  placed: LooseFile[],
): Promise<void> {
  const found = await connection.get(
    `SELECT ${files.sql(`${wanted} AND file IS NOT NULL`)} AS files`,
  );
  const gone: string[] = [];
  for (const each of files.parse(found?.files, connection.path)) {
    if (await aside.putBack(blobs, each)) placed.push(each);
    else gone.push(each.digest);
  }
  // A value that was shared with what was cleared later came with that.
  await connection.run(
    `DELETE FROM temp.back WHERE was IN (SELECT entry_id FROM kept.items AS i
       WHERE lower(hex(digest)) IN (SELECT value FROM json_each(?))
         OR digest NOT IN (SELECT digest FROM kept.blobs)
           AND NOT EXISTS (SELECT 1 FROM main.blobs AS m WHERE m.digest = i.digest))`,
    JSON.stringify(gone),
  );
}

async function bringRows(connection: Connection): Promise<void> {
  await connection.run('INSERT OR IGNORE INTO main.sources SELECT * FROM kept.sources');
  await connection.run(
    `INSERT OR IGNORE INTO main.nodes SELECT * FROM kept.nodes
     WHERE cell_id IN (SELECT cell_id FROM main.cells)`,
  );
  const values = await columnsOf(connection, 'blobs', ['blob_id']);
  await connection.run(
    `INSERT INTO main.blobs (${values}) SELECT ${values} FROM ${wanted} ORDER BY blob_id`,
  );
  const columns = await columnsOf(connection, 'entries', ['entry_id', 'created_at']);
  // As if they were older than everything: else a trigger might take one for an evicted entry that was
  // computed again.
  await connection.run(
    `INSERT INTO main.entries (entry_id, created_at, ${columns})
     SELECT back.entry_id, 0, ${columns} FROM temp.back JOIN kept.entries AS k ON k.entry_id = was
     ORDER BY was`,
  );
  await connection.run(
    `UPDATE main.entries SET created_at = k.created_at
     FROM temp.back JOIN kept.entries AS k ON k.entry_id = was
     WHERE back.entry_id = entries.entry_id`,
  );
  for (const table of await tablesOfEntries(connection)) {
    const others = await columnsOf(connection, table, ['entry_id']);
    await connection.run(
      `INSERT INTO main.${quoted(table)} (entry_id, ${others}) SELECT back.entry_id, ${others}
       FROM temp.back JOIN kept.${quoted(table)} AS k ON k.entry_id = was`,
    );
  }
}

/**
 * The tables whose rows go with an entry: those that refer to it, also in a format that is newer than
 * this code.
 */
async function tablesOfEntries(connection: Connection): Promise<string[]> {
  const rows = await connection.all(
    `SELECT DISTINCT s.name FROM main.sqlite_schema AS s JOIN pragma_foreign_key_list(s.name) AS f
     WHERE s.type = 'table' AND f."table" = 'entries' AND f."from" = 'entry_id' ORDER BY s.name`,
  );
  return rows.map(({ name }) => String(name));
}

/** A table's columns but for some, as SQL. */
async function columnsOf(
  connection: Connection,
  table: string,
  without: readonly string[],
): Promise<string> {
  const rows = await connection.all('SELECT name FROM pragma_table_info(?) ORDER BY cid', table);
  const names = rows.map(({ name }) => String(name)).filter((name) => !without.includes(name));
  return names.map(quoted).join(', ');
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
