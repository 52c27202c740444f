import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, realpath, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { blobFileName, type BlobFolder } from './BlobFolder';
import { CacheError } from './CacheError';
import { Checksums, sealOf } from './checksums';
import { removeEntries, removeFiles, type LooseFile } from './removal';
import type { NewCell, NewEntry, NewItem, NewNode } from './rows';
import type { Connection } from './sqlite';
import type { Writer } from './Writer';

/** Bytes up to which a blob lives in its row; measured, see the design. */
const inlineUpTo = 64 << 10;
/** Bytes hashed and written between two breaths. */
const piece = 1 << 20;

/** A value's bytes, counted, and held in memory or, when large, in a file that has no name yet. */
interface Spooled {
  readonly item: NewItem;
  readonly digest: string;
  readonly size: number;
  readonly crc32: number;
  readonly held: { readonly bytes: Buffer } | { readonly partial: string };
}

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
  const spooled: Spooled[] = [];
  let replaced: LooseFile[] = [];
  try {
    for (const item of entry.items) spooled.push(await spool(blobs, item));
    const entryId = await writer.transaction(async (connection) => {
      const cellId = await saveCell(connection, entry.cell, now);
      const node = entry.node && (await saveNode(connection, cellId, entry.node));
      const key = [cellId, entry.cacheName, entry.hash, entry.cacheType, entry.loader] as const;
      const former = await connection.get(
        `SELECT entry_id, last_hit_at, hits, pinned FROM entries
         WHERE (cell_id, cache_name, hash, cache_type, loader) = (?, ?, ?, ?, ?)`,
        ...key,
      );
      // The former goes first: bytes that both have get a row again before the lock is given up, and
      // removeFiles leaves a file that has a row.
      if (former) replaced = await removeEntries(connection, [Number(former.entry_id)]);
      for (const each of spooled) await saveBlob(connection, blobs, each);
      const id = await connection.run(
        `INSERT INTO entries (cell_id, cache_name, hash, cache_type, loader, node, runtime,
           created_at, last_hit_at, hits, pinned, versions)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...key,
        node ?? null,
        entry.runtime ?? null,
        now,
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
  } finally {
    for (const { held } of spooled) {
      if ('partial' in held) await rm(held.partial, { force: true });
    }
  }
}

/** Reads a value's bytes once, in pieces, and never holds more than a row may. */
async function spool(blobs: BlobFolder, item: NewItem): Promise<Spooled> {
  const sums = new Checksums();
  const begun: Buffer[] = [];
  let file: FileHandle | undefined;
  let partial = '';
  try {
    for await (const bytes of item.content) {
      for (let at = 0; at < bytes.byteLength; at += piece) {
        const some = Buffer.from(bytes.subarray(at, at + piece));
        sums.add(some);
        if (file === undefined) begun.push(some);
        else await file.writeFile(some);
        if (file === undefined && sums.size > inlineUpTo) {
          partial = join(await makeFolder(blobs.path), `.partial-${randomUUID()}`);
          file = await open(partial, 'wx');
          await file.writeFile(Buffer.concat(begun));
        }
      }
    }
    await file?.close();
  } catch (error) {
    await file?.close().catch(() => undefined);
    if (partial !== '') await rm(partial, { force: true });
    throw asCacheError(error, blobs.path);
  }
  return {
    item,
    digest: sums.digest(),
    size: sums.size,
    crc32: sums.crc32,
    held: file === undefined ? { bytes: Buffer.concat(begun) } : { partial },
  };
}

/** Makes sure that a blob has a row and that its bytes are there. */
async function saveBlob(
  connection: Connection,
  blobs: BlobFolder,
  { item, digest, size, crc32, held }: Spooled,
): Promise<void> {
  const key = Buffer.from(digest, 'hex');
  const row = await connection.get('SELECT file, quarantined_at FROM blobs WHERE digest = ?', key);
  if (row?.quarantined_at === null) {
    const file = row.file;
    if (typeof file !== 'string') return;
    if ((await blobs.find(file, digest, size)).kind === 'file') return;
  }
  let file: string | null = null;
  if ('partial' in held) {
    file = blobFileName(digest, item.format);
    const path = join(blobs.path, file);
    try {
      await makeFolder(dirname(path));
      await rename(held.partial, path);
    } catch (error) {
      throw asCacheError(error, path);
    }
  }
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
}

async function saveCell(connection: Connection, cell: NewCell, now: number): Promise<number> {
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

/** Makes a folder of ours; one that is a link is refused, since writing would leave our place. */
async function makeFolder(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  if ((await realpath(path)) === path) return path;
  throw new CacheError('unreadable', path, `${path} is a link, so nothing is saved through it.`);
}

function asCacheError(error: unknown, path: string): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new CacheError('full', path, `The disk that holds ${path} is full.`, { cause: error });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new CacheError('readOnly', path, `${path} is not writable.`, { cause: error });
    case undefined:
    default:
      return error;
  }
}
