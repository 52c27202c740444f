import { createHash } from 'node:crypto';
import type { BlobFolder } from '../blobs/BlobFolder';
import { sealOf } from '../blobs/checksums';
import type { Connection } from '../database/Connection';
import { findOutside, hiddenUntil, outside } from './outside';
import { removeEntries, removeFiles, type LooseFile } from '../blobs/removal';
import type { HeldItem, NewCell, NewEntry, NewNode, NoCell, OldEntry } from '../rows';
import { discard, place, spool } from '../blobs/spool';
import type { Writer } from '../database/Writer';

/**
 * Saves a result, replacing the cell's own entry of the same key. Bytes are written before the lock
 * is taken; under it files get their names and all rows appear together.
 *
 * @param now Unix seconds.
 * @returns the entry's id.
 */
export async function save(
  writer: Writer,
  blobs: BlobFolder,
  entry: NewEntry,
  now: number,
): Promise<number> {
  const id = await saveUnless(writer, blobs, entry, now, () => Promise.resolve(false));
  // Nothing is in its way.
  if (id === undefined) throw new Error('Not saved');
  return id;
}

/**
 * Takes over a result that was made long ago. It takes no other's place, keeps its time, and does not
 * come in if it was cleared since. With a new time it would answer for another cell that was cleared.
 *
 * @param now Unix seconds.
 * @returns whether it came in.
 */
export async function takeOver(
  writer: Writer,
  blobs: BlobFolder,
  entry: OldEntry,
  now: number,
): Promise<boolean> {
  const { outsideOf } = entry.cell;
  const id = await saveUnless(
    writer,
    blobs,
    entry,
    now,
    async (connection, former) =>
      former || entry.madeAt <= (await hiddenUntil(connection, outsideOf, entry)),
    entry.madeAt,
  );
  return id !== undefined;
}

/**
 * @param refused under the lock, whether the entry is not to come in; told whether there is one of
 * the same key already.
 */
async function saveUnless(
  writer: Writer,
  blobs: BlobFolder,
  entry: NewEntry,
  now: number,
  refused: (connection: Connection, former: boolean) => Promise<boolean>,
  madeAt = now,
): Promise<number | undefined> {
  const spooled = entry.items.filter((item) => 'held' in item);
  let replaced: LooseFile[] = [];
  const placed: LooseFile[] = [];
  try {
    for (const item of entry.items) {
      if (!('held' in item)) spooled.push(await spool(blobs, item));
    }
    const entryId = await writer.transaction(async (connection) => {
      const cellId = await saveCell(connection, entry.cell, now);
      const node = entry.node && (await saveNode(connection, cellId, entry.node));
      const key = [cellId, entry.cacheName, entry.hash, entry.cacheType, entry.loader] as const;
      const former = await connection.get(
        `SELECT entry_id, last_hit_at, hits, pinned FROM entries
         WHERE (cell_id, cache_name, hash, cache_type, loader) = (?, ?, ?, ?, ?)`,
        ...key,
      );
      if (await refused(connection, former !== undefined)) return undefined;
      // The former goes first: bytes that both have get a row again before the lock is given up, and
      // removeFiles leaves a file that has a row.
      if (former) replaced = await removeEntries(connection, [Number(former.entry_id)]);
      for (const each of spooled) {
        const file = await saveBlob(connection, blobs, each);
        if (file !== undefined) placed.push({ ...each, file });
      }
      const id = await connection.run(
        `INSERT INTO entries (cell_id, cache_name, hash, cache_type, loader, node, runtime,
           created_at, last_hit_at, hits, pinned, versions)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...key,
        node ?? null,
        entry.runtime ?? null,
        madeAt,
        typeof former?.last_hit_at === 'number' ? former.last_hit_at : null,
        Number(former?.hits ?? 0),
        Number(former?.pinned ?? 0),
        JSON.stringify(entry.versions),
      );
      for (const { item, digest, size } of spooled) {
        await connection.run(
          `INSERT INTO items (cell_id, entry_id, key, name, format, type_hint, digest, seal)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
          cellId,
          id,
          item.key,
          item.name,
          item.format,
          item.typeHint ?? null,
          Buffer.from(digest, 'hex'),
          sealOf(item.key, digest, size),
        );
      }
      return id;
    });
    await removeFiles(writer, blobs, replaced);
    return entryId;
  } catch (error) {
    // Without its rows a file that has got its name would lie there for good.
    await removeFiles(writer, blobs, placed);
    throw error;
  } finally {
    await discard(spooled);
  }
}

/**
 * Makes sure that a blob has a row and that its bytes are there.
 * @returns the file that was given its name for it, if any.
 */
async function saveBlob(
  connection: Connection,
  blobs: BlobFolder,
  spooled: HeldItem,
): Promise<string | undefined> {
  const { digest, size, crc32, held } = spooled;
  const key = Buffer.from(digest, 'hex');
  const row = await connection.get('SELECT file, quarantined_at FROM blobs WHERE digest = ?', key);
  if (row?.quarantined_at === null) {
    const file = row.file;
    if (typeof file !== 'string') return undefined;
    if ((await blobs.find(file, digest, size)).kind === 'file') return undefined;
  }
  const file = 'partial' in held ? await place(blobs, spooled, held.partial) : null;
  const content = 'bytes' in held ? held.bytes : null;
  await connection.run(
    row === undefined
      ? 'INSERT INTO blobs (size, crc32, file, content, digest) VALUES (?, ?, ?, ?, ?)'
      : `UPDATE blobs SET size = ?, crc32 = ?, file = ?, content = ?, quarantined_at = NULL
         WHERE digest = ?`,
    size,
    crc32,
    file,
    content,
    key,
  );
  return file ?? undefined;
}

async function saveCell(
  connection: Connection,
  given: NewCell | NoCell,
  now: number,
): Promise<number> {
  const cell =
    'outsideOf' in given
      ? {
          app: given.outsideOf,
          cellId: await findOutside(connection, given.outsideOf),
          ...{ name: outside, ordinal: -1, code: '', defs: [] },
        }
      : given;
  await connection.run(
    `INSERT INTO apps (path, last_seen_at) VALUES (?1, ?2)
     ON CONFLICT (path) DO UPDATE SET last_seen_at = ?2`,
    cell.app,
    now,
  );
  const appId = await connection.number('SELECT app_id FROM apps WHERE path = ?', cell.app);
  const { cellId } = cell;
  const facts = [cell.name ?? null, cell.ordinal, cell.code, JSON.stringify(cell.defs), now];
  if (cellId === undefined) {
    return connection.run(
      `INSERT INTO cells (name, ordinal, code, defs, last_seen_at, app_id)
       VALUES (?, ?, ?, ?, ?, ?)`,
      ...facts,
      appId,
    );
  }
  const known = await connection.number(
    'SELECT count(*) FROM cells WHERE cell_id = ? AND app_id = ?',
    cellId,
    appId,
  );
  if (known === 0) throw new Error(`No cell ${cellId} in ${cell.app}`);
  await connection.run(
    `UPDATE cells SET name = ?, ordinal = ?, code = ?, defs = ?, last_seen_at = ?, retired_at = NULL
     WHERE cell_id = ?`,
    ...facts,
    cellId,
  );
  return cellId;
}

/** @returns the node: SHA-256 of the code's digest and the parents' nodes, ascending, each once. */
async function saveNode(connection: Connection, cellId: number, node: NewNode): Promise<Buffer> {
  const codeDigest = Buffer.from(node.codeDigest, 'hex');
  const parents = [...new Set(node.parents)].sort();
  const digest = createHash('sha256')
    .update(codeDigest)
    .update(Buffer.from(parents.join(''), 'hex'))
    .digest();
  await connection.run(
    'INSERT OR IGNORE INTO sources (code_digest, code) VALUES (?, ?)',
    codeDigest,
    node.code,
  );
  await connection.run(
    'INSERT OR IGNORE INTO nodes (node, cell_id, code_digest, parents) VALUES (?, ?, ?, ?)',
    digest,
    cellId,
    codeDigest,
    JSON.stringify(parents),
  );
  return digest;
}
