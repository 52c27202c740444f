import type { Connection } from '../database/Connection';
import { looksAfterItself } from '../database/features';
import type { EntryKey } from '../rows';

/** The name of the cell of what no cell of an app saved, in both languages (`cells.py`). */
export const outside = '(outside any cell)';

/** @param app as `apps.path` has it. */
export async function findOutside(
  connection: Connection,
  app: string,
): Promise<number | undefined> {
  const row = await connection.get(
    'SELECT cell_id FROM cells JOIN apps USING (app_id) WHERE path = ? AND ordinal = -1 AND name = ?',
    app,
    outside,
  );
  return typeof row?.cell_id === 'number' ? row.cell_id : undefined;
}

/**
 * Up to when marimo's old files of a key are hidden from what no cell of an app saved: until it was
 * last cleared, or the key's result was evicted (`files_hidden_until` in `entries.py`).
 * @returns Unix seconds, or -Infinity for never.
 */
export async function hiddenUntil(
  connection: Connection,
  app: string,
  { cacheName, cacheType, hash, loader }: EntryKey,
): Promise<number> {
  const cleared = await connection.get(
    `SELECT max(cleared_at) AS at FROM cells JOIN apps USING (app_id)
     WHERE path = ? AND ordinal < 0 AND name = ?`,
    app,
    outside,
  );
  const evicted = (await looksAfterItself(connection))
    ? await connection.get(
        `SELECT at FROM ghosts
         WHERE (hash, cache_name, cache_type, loader) = (?, ?, ?, ?)`,
        hash,
        cacheName,
        cacheType,
        loader,
      )
    : undefined;
  return Math.max(
    ...[cleared?.at, evicted?.at].map((at) => (typeof at === 'number' ? at : -Infinity)),
  );
}
