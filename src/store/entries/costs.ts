import type { Connection, Value } from '../database/Connection';
import { looksAfterItself } from '../database/features';
import { type Counting, entriesWithUse, isServed, savedByCell, savedInApp } from './uses';

// What entries cost in money. Few do, so it is asked apart from the listings, which know of it that
// much later; and format 1.0 has no such table.

/** What the sums go by, as those of time do. */
type By = Omit<Counting, 'loads'>;

/**
 * What the current entries save in money, by the id of their cell: as they do in time.
 * @param chosen SQL about entries
 * @param values what that is asked with, and what is obsolete
 */
export function cellCosts(
  connection: Connection,
  chosen: string,
  { again, ...by }: By,
  ...values: Value[]
): Promise<Map<number, number>> {
  const current = currentCosts(savedByCell('amount', again), chosen, by);
  return costs(connection, `SELECT cell_id AS id, amount FROM ${current}`, ...values);
}

/** The same by the id of their notebook. */
export function appCosts(
  connection: Connection,
  chosen: string,
  { again, ...by }: By,
  ...values: Value[]
): Promise<Map<number, number>> {
  const current = currentCosts(savedInApp('amount', again), chosen, by);
  return costs(
    connection,
    `SELECT app_id AS id, total(amount) AS amount
     FROM ${current} JOIN cells AS c USING (cell_id) WHERE ${isServed('c', by.open)} GROUP BY app_id`,
    ...values,
  );
}

function currentCosts(
  amount: string,
  chosen: string,
  { obsolete, open }: Omit<By, 'again'>,
): string {
  // From the few costs to their entries: SQLite, which does not know how few, looks the other way.
  const withCosts = `cell_id IN (SELECT cell_id FROM costs CROSS JOIN entries USING (entry_id))`;
  return `(SELECT cell_id, ${amount} AS amount
    FROM ${entriesWithUse(`${withCosts} AND ${chosen}`, open)} LEFT JOIN costs USING (entry_id)
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
