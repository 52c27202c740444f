import type { BlobFolder } from '../blobs/BlobFolder';
import { folderOf, listEntries, listItems } from './listing';
import type { EntryKey, Load, LoadedItem, Lookup } from '../rows';
import type { Connection } from '../database/Connection';
import { findFile, readInline, verify } from '../blobs/values';

/**
 * The entry that answers for a cell: its own, else the newest equal one of another cell that was made
 * after this cell was last cleared. One with bytes that were found wrong answers for nobody, and none
 * answers in another folder: equal code reads other files there.
 */
export async function lookup(
  connection: Connection,
  cellId: number,
  { cacheName, cacheType, hash, loader }: EntryKey,
): Promise<Lookup> {
  const cell = await connection.get('SELECT 1 FROM cells WHERE cell_id = ?', cellId);
  if (!cell) return { kind: 'miss', why: 'noCell' };
  const found = await connection.get(
    `SELECT e.entry_id, e.cell_id = c.cell_id AS own,
       e.cell_id = c.cell_id OR c.cleared_at IS NULL OR e.created_at > c.cleared_at AS answers
     FROM entries AS e JOIN cells AS c ON c.cell_id = ? JOIN apps AS a USING (app_id)
       JOIN cells AS of ON of.cell_id = e.cell_id JOIN apps AS b ON b.app_id = of.app_id
     WHERE ${folderOf('a.path')} = ${folderOf('b.path')} AND e.hash = ? AND (e.cache_name, e.cache_type, e.loader) = (?, ?, ?)
       AND NOT EXISTS (SELECT 1 FROM items AS i JOIN blobs AS b USING (digest)
         WHERE i.entry_id = e.entry_id AND b.quarantined_at IS NOT NULL)
     ORDER BY own DESC, e.created_at DESC, e.entry_id DESC LIMIT 1`,
    cellId,
    hash,
    cacheName,
    cacheType,
    loader,
  );
  if (typeof found?.entry_id !== 'number') return { kind: 'miss', why: 'noEntry' };
  // The newest of the others comes first: if that one is too old, all are.
  if (found.answers !== 1) return { kind: 'miss', why: 'cleared' };
  const [entry] = await listEntries(connection, { entryId: found.entry_id });
  // Cleared between two queries.
  if (entry === undefined) return { kind: 'miss', why: 'noEntry' };
  return { kind: 'hit', entry, own: found.own === 1 };
}

/**
 * Whether the notebooks of an app's folder have an entry of a key already, whichever cell made it, and
 * whether all of one is there to load; no bytes are read (`candidates` in `entries.py`,
 * `exists` in `contents.py`).
 * @param app as `apps.path` has it.
 */
export async function entryThere(
  connection: Connection,
  blobs: BlobFolder,
  app: string,
  { cacheName, cacheType, hash, loader }: EntryKey,
): Promise<'whole' | 'partly' | 'not'> {
  const rows = await connection.all(
    `SELECT entry_id, path, versions
     FROM entries JOIN cells USING (cell_id) JOIN apps USING (app_id)
     WHERE hash = ? AND (cache_name, cache_type, loader) = (?, ?, ?)`,
    hash,
    cacheName,
    cacheType,
    loader,
  );
  const here = folderOfApp(app);
  const own = rows.filter((row) => madeIn(String(row.path), String(row.versions)) === here);
  for (const row of own) {
    if (await isWhole(connection, blobs, Number(row.entry_id))) return 'whole';
  }
  return own.length > 0 ? 'partly' : 'not';
}

/** What is carried to another folder by a cell still belongs where it was made (`relocation.py`). */
function madeIn(app: string, versions: string): string {
  try {
    const { folder } = JSON.parse(versions) as { readonly folder?: unknown };
    if (typeof folder === 'string') return folder;
  } catch {
    // Nothing is told by it then.
  }
  return folderOfApp(app);
}

function folderOfApp(app: string): string {
  return app === 'unsaved' ? '../..' : app.slice(0, Math.max(0, app.lastIndexOf('/')));
}

async function isWhole(connection: Connection, blobs: BlobFolder, entryId: number) {
  const rows = await connection.all(
    `SELECT lower(hex(i.digest)) AS digest, b.size, b.file, b.quarantined_at
     FROM items AS i LEFT JOIN blobs AS b USING (digest) WHERE i.entry_id = ?`,
    entryId,
  );
  for (const { digest, size, file, quarantined_at: wrong } of rows) {
    if (typeof size !== 'number' || wrong !== null) return false;
    if (typeof file !== 'string') continue;
    if ((await blobs.find(file, String(digest), size)).kind !== 'file') return false;
  }
  return rows.length > 0;
}

/** All of an entry's values, checked; one that is lost makes the whole a miss. */
export async function load(
  connection: Connection,
  blobs: BlobFolder,
  entryId: number,
): Promise<Load> {
  const [entry] = await listEntries(connection, { entryId });
  if (entry === undefined) return { kind: 'miss', key: undefined, why: 'cleared' };
  const items: LoadedItem[] = [];
  for (const item of await listItems(connection, entryId)) {
    const content =
      item.file === undefined
        ? await readInline(connection, item)
        : await verifiedFile(connection, blobs, item);
    if (content.kind === 'lost') return { kind: 'miss', key: item.key, why: content.why };
    items.push({ item, content });
  }
  return { kind: 'hit', entry, items };
}

async function verifiedFile(...value: Parameters<typeof findFile>) {
  const verdict = await verify(...value);
  return verdict.kind === 'right' ? findFile(...value) : verdict;
}
