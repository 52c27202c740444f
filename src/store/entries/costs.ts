import type { Connection, Value } from '../database/Connection';
import { looksAfterItself } from '../database/features';
import { entriesWithUse, type InEditors, isServed, savedByCell, savedInApp } from './uses';

// What entries cost in money. Few do, so it is asked apart from the listings, which know of it that
// much later; and format 1.0 has no such table.

/**
 * What the current entries save in money, by the id of their cell: as they do in time.
 * @param chosen SQL about entries
 * @param obsolete the same: those that save nothing
 * @param again cells whose own results save nothing
 * @param values what both are asked with
 */
export function cellCosts(
  connection: Connection,
  chosen: string,
  obsolete: string,
  again: ReadonlySet<number>,
  ...values: Value[]
): Promise<Map<number, number>> {
  const current = currentCosts(savedByCell('amount', again), chosen, obsolete);
  return costs(connection, `SELECT cell_id AS id, amount FROM ${current}`, ...values);
}

/** The same by the id of their notebook. */
export function appCosts(
  connection: Connection,
  chosen: string,
  obsolete: string,
  { again, open }: { readonly again: ReadonlySet<number>; readonly open: InEditors },
  ...values: Value[]
): Promise<Map<number, number>> {
  const current = currentCosts(savedInApp('amount', again), chosen, obsolete);
  return costs(
    connection,
    `SELECT app_id AS id, total(amount) AS amount
     FROM ${current} JOIN cells AS c USING (cell_id) WHERE ${isServed('c', open)} GROUP BY app_id`,
    ...values,
  );
}

function currentCosts(amount: string, chosen: string, obsolete: string): string {
  // From the few costs to their entries: SQLite, which does not know how few, looks the other way.
  const withCosts = `cell_id IN (SELECT cell_id FROM costs CROSS JOIN entries USING (entry_id))`;
  return `(SELECT cell_id, ${amount} AS amount
    FROM ${entriesWithUse(`${withCosts} AND ${chosen}`)} LEFT JOIN costs USING (entry_id)
    WHERE is_current AND NOT ${obsolete} GROUP BY cell_id)`;
}

/** What entries cost, by their id. */
export function entryCosts(
  connection: Connection,
  chosen: string,
  id: Value,
): Promise<Map<number, number>> {
  return costs(
    connection,
    `SELECT entry_id AS id, amount FROM costs JOIN entries USING (entry_id) WHERE ${chosen}`,
    id,
  );
}

async function costs(
  connection: Connection,
  sql: string,
  ...values: Value[]
): Promise<Map<number, number>> {
  if (!(await looksAfterItself(connection))) return new Map();
  const rows = await connection.all(sql, ...values);
  const known = rows.filter(({ amount }) => Number.isFinite(amount) && Number(amount) > 0);
  return new Map(known.map((row) => [Number(row.id), Number(row.amount)]));
}
