import { Connection, type Row } from '../../../src/store/database/Connection';

/**
 * All that a cache's tables say, by plain SQL and not by the code under test, in the layout of the
 * fixtures' `expected.json` that both languages share.
 */
export async function describeCache(path: string): Promise<object> {
  const connection = await Connection.open(path, 'read');
  const all = (sql: string, ...values: number[]) => connection.all(sql, ...values);
  try {
    const apps: object[] = [];
    for (const app of await all('SELECT app_id, path FROM apps ORDER BY app_id')) {
      const cells: object[] = [];
      for (const cell of await all(cellSql, id(app, 'app_id'))) {
        const entries: object[] = [];
        for (const entry of await all(entrySql, id(cell, 'cell_id'))) {
          entries.push({ ...entry, items: await all(itemSql, id(entry, 'entry_id')) });
        }
        cells.push({ ...cell, entries });
      }
      apps.push({ ...app, cells });
    }
    return {
      application_id: await connection.number('PRAGMA application_id'),
      user_version: await connection.number('PRAGMA user_version'),
      apps,
      lookups: await all(
        'SELECT cell_id, cache_name, hash, outcome FROM lookups ORDER BY lookup_id',
      ),
    };
  } finally {
    await connection.close();
  }
}

function id(row: Row, column: string): number {
  return Number(row[column]);
}

const cellSql = `
  SELECT c.cell_id, c.name, c.ordinal, c.code, c.defs, c.retired_at, t.entries AS entry_count, t.size,
    t.runtime
  FROM cells AS c JOIN totals AS t USING (cell_id) WHERE app_id = ? ORDER BY ordinal, cell_id`;

const entrySql = `
  SELECT cache_name, cache_type, hash, loader, CASE WHEN node IS NOT NULL THEN lower(hex(node)) END AS node, runtime, created_at,
    last_hit_at, hits, pinned, versions, entry_id
  FROM entries WHERE cell_id = ? ORDER BY entry_id`;

const itemSql = `
  SELECT i.key, i.name, i.format, i.type_hint, lower(hex(i.digest)) AS digest, b.size, b.crc32,
    i.seal, b.file
  FROM items AS i JOIN blobs AS b USING (digest) WHERE i.entry_id = ? ORDER BY i.key`;
