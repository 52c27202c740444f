import { dirname, resolve } from 'node:path';
import { CacheError } from '../database/CacheError';
import type { Fault, Owner } from './checking';
import type { Connection } from '../database/Connection';
import { integer, Listing, optional, text } from '../entries/fields';

// As marimo_cellar/owners.py; both run test/fixtures/checks.json.

const owners = new Listing('a cell', {
  about: text('f.about'),
  path: text('a.path'),
  ordinal: integer('c.ordinal'),
  name: optional(text('c.name')),
  code: optional(text('c.code')),
});

/**
 * Says whose each fault is, since people know notebooks and cells, not keys and digests. A fault that is
 * nobody's own has no owners, nor has one where the rows that would tell are wrong.
 * @param path the database as the user knows it: the notebooks' paths are relative to its folder
 */
export async function withOwners(
  connection: Connection,
  path: string,
  faults: readonly Fault[],
): Promise<readonly Fault[]> {
  const known = await findOwners(connection, path, faults);
  return faults.map((fault) => {
    const own = known.get(keyOf(fault));
    return own === undefined ? fault : { ...fault, owners: own };
  });
}

async function findOwners(
  connection: Connection,
  path: string,
  faults: readonly Fault[],
): Promise<Map<string, Owner[]>> {
  const known = new Map<string, Owner[]>();
  if (faults.length === 0) return known;
  try {
    // At once: to look for each value by itself would read all items as often.
    const row = await connection.get(
      `SELECT ${owners.sql(
        `(SELECT 'entry ' || entry_id AS about, cell_id FROM entries
          UNION SELECT 'cell ' || cell_id, cell_id FROM cells
          UNION SELECT lower(hex(digest)), cell_id FROM items) AS f
         JOIN cells AS c USING (cell_id) JOIN apps AS a USING (app_id)
         WHERE f.about IN (SELECT value FROM json_each(?)) AND typeof(a.path) = 'text'`,
      )} AS owners`,
      JSON.stringify(faults.map(keyOf)),
    );
    const found = owners
      .parse(row?.owners, connection.path)
      .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.ordinal - b.ordinal));
    for (const { about, path: app, name, code } of found) {
      const owner = { notebook: resolve(dirname(path), app), name, code: code ?? '' };
      known.set(about, [...(known.get(about) ?? []), owner]);
    }
  } catch (error) {
    if (!(error instanceof CacheError && error.kind === 'damaged')) throw error;
  }
  return known;
}

function keyOf({ about, entryId, cellId }: Fault): string {
  if (cellId !== undefined) return `cell ${cellId}`;
  return entryId === undefined ? about : `entry ${entryId}`;
}
