import { CacheError } from '../database/CacheError';
import type { Connection, Value } from '../database/Connection';
import { tellsWhy } from '../database/features';

/**
 * The cells that marimo runs each time, though their result is found: those that made UI elements when
 * they were last looked for, which is what was written last, whatever the clock said. What is kept of
 * these saves nothing.
 * @param chosen SQL about cells, by `cell_id`
 * @param values what it is asked with
 */
export async function findAgain(
  connection: Connection,
  chosen: string,
  ...values: Value[]
): Promise<ReadonlySet<number>> {
  if (!(await tellsWhy(connection))) return new Set();
  const found = connection.all(
    `SELECT cell_id AS id FROM cells AS c WHERE ${chosen} AND (
       SELECT CASE WHEN json_valid(r.reasons) THEN EXISTS (
         SELECT 1 FROM json_each(r.reasons) AS one
         WHERE one.type = 'object' AND json_extract(one.value, '$.kind') = 'ui') END
       FROM lookups AS l LEFT JOIN reasons AS r USING (lookup_id)
       WHERE l.cell_id = c.cell_id AND l.cache_name = 'cell_cache'
       ORDER BY l.lookup_id DESC LIMIT 1)`,
    ...values,
  );
  // Damage where lookups are hides nothing of what is kept.
  const rows = await found.catch((error: unknown) => {
    if (error instanceof CacheError && error.kind === 'damaged') return [];
    throw error;
  });
  return new Set(rows.map(({ id }) => Number(id)));
}
