import type { Connection, Value } from '../database/Connection';
import { tellsCallsApart } from '../database/features';
import type { Argument } from '../rows';

/** Whether a row of `calls` is as the kernel's side writes it, of which none has so many characters. */
export const isTold = `(typeof(arguments) = 'text' AND length(arguments) <= 20000)`;

/**
 * With what the functions were called whose results entries are, by the entries' ids; of cells' own
 * results and of blocks there is nothing, nor of what was saved before format 1.2.
 * @param chosen SQL about entries
 * @param values what it is asked with
 */
export async function readCalls(
  connection: Connection,
  chosen: string,
  ...values: Value[]
): Promise<Map<number, readonly Argument[]>> {
  if (!(await tellsCallsApart(connection))) return new Map();
  const rows = await connection.all(
    `SELECT entry_id, arguments FROM calls JOIN entries USING (entry_id)
     WHERE ${chosen} AND ${isTold}`,
    ...values,
  );
  return new Map(rows.map((row) => [Number(row.entry_id), parse(String(row.arguments))]));
}

/** In the function's own order. What is not as it should be tells nothing: nothing hangs on it. */
function parse(json: string): Argument[] {
  try {
    const found: unknown = JSON.parse(json);
    if (typeof found !== 'object' || found === null || Array.isArray(found)) return [];
    return Object.entries(found).flatMap(([name, value]: [string, unknown]) =>
      typeof value === 'string' ? [{ name, value }] : [],
    );
  } catch {
    return [];
  }
}
