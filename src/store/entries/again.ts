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
  // The last lookup of all is found in the index alone, and most often it is that of the cell itself: only
  // where a function or block was looked up after it are all of the cell's read.
  const found = connection.all(
    `SELECT ended.cell_id AS id
     FROM (
       SELECT (SELECT max(lookup_id) FROM lookups WHERE cell_id = c.cell_id) AS lookup_id
       FROM cells AS c WHERE ${chosen}
     ) JOIN lookups AS ended USING (lookup_id)
     JOIN reasons AS r ON r.lookup_id = CASE ended.cache_name
       WHEN 'cell_cache' THEN ended.lookup_id
       ELSE (SELECT max(lookup_id) FROM lookups
         WHERE cell_id = ended.cell_id AND cache_name = 'cell_cache') END
     WHERE CASE WHEN json_valid(r.reasons) THEN EXISTS (
       SELECT 1 FROM json_each(r.reasons) AS one
       WHERE one.type = 'object' AND json_extract(one.value, '$.kind') = 'ui') END`,
    ...values,
  );
  // Damage where lookups are hides nothing of what is kept.
  const rows = await found.catch((error: unknown) => {
    if (error instanceof CacheError && error.kind === 'damaged') return [];
    throw error;
  });
  return new Set(rows.map(({ id }) => Number(id)));
}
