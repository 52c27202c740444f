import { unlink } from 'node:fs/promises';
import { isMissing, type BlobFolder } from './BlobFolder';
import { CacheError } from '../database/CacheError';
import type { Connection } from '../database/Connection';
import type { Writer } from '../database/Writer';

/** A file that lost its last row. */
export interface LooseFile {
  readonly file: string;
  readonly digest: string;
  readonly size: number;
}

/** Files removed under one hold of the write lock. */
const filesAtOnce = 100;
/**
 * Entries removed by one statement. To be able to undo one SQLite copies each page that it changes, some
 * ten megabytes for so many, and fresh memory costs more than the statements.
 */
const entriesAtOnce = 250;

/**
 * Removes entries, their items and the blobs that nothing else refers to; part of a transaction.
 * @returns the files to remove once it is committed: {@link removeFiles}.
 */
export async function removeEntries(
  connection: Connection,
  entryIds: readonly number[],
): Promise<LooseFile[]> {
  const blobs = await takeEntries(connection, entryIds);
  return removeUnused(connection, [...blobs.values()]);
}

/**
 * Removes entries and their items; part of a transaction.
 * @returns the ids of the blobs that they had, for {@link removeUnused}, by digest
 */
export async function takeEntries(
  connection: Connection,
  entryIds: readonly number[],
): Promise<Map<string, number>> {
  const blobs = await connection.all(
    `SELECT DISTINCT b.blob_id AS id, hex(b.digest) AS digest
     FROM items AS i JOIN blobs AS b USING (digest)
     WHERE i.entry_id IN (SELECT value FROM json_each(?))`,
    JSON.stringify(entryIds),
  );
  await removeRows(connection, entryIds);
  return new Map(blobs.map(({ id, digest }) => [String(digest), Number(id)]));
}

const unused = 'NOT EXISTS (SELECT 1 FROM items WHERE items.digest = blobs.digest)';
const unusedAmong = `blob_id IN (SELECT value FROM json_each(?)) AND ${unused}`;

/**
 * Removes the blobs that nothing refers to any more, or those among these; part of a transaction.
 * @returns the files to remove once it is committed: {@link removeFiles}.
 */
export async function removeUnused(
  connection: Connection,
  blobIds?: readonly number[],
): Promise<LooseFile[]> {
  const loose = blobIds === undefined ? unused : unusedAmong;
  const ids = blobIds === undefined ? [] : [JSON.stringify(blobIds)];
  const files = await connection.all(
    `SELECT file, lower(hex(digest)) AS digest, size FROM blobs WHERE file IS NOT NULL AND ${loose}`,
    ...ids,
  );
  await connection.run(`DELETE FROM blobs WHERE ${loose}`, ...ids);
  return files.map(({ file, digest, size }) => ({
    file: String(file),
    digest: String(digest),
    size: Number(size),
  }));
}

/** The same of these blobs as far as they are in rows: there is no file to look for. */
export async function removeUnusedRows(
  connection: Connection,
  blobIds: readonly number[],
): Promise<void> {
  await connection.run(
    `DELETE FROM blobs WHERE file IS NULL AND ${unusedAmong}`,
    JSON.stringify(blobIds),
  );
}

/** Removes the rows of entries and of their items. */
export async function removeRows(
  connection: Connection,
  entryIds: readonly number[],
): Promise<void> {
  for (let at = 0; at < entryIds.length; at += entriesAtOnce) {
    const ids = JSON.stringify(entryIds.slice(at, at + entriesAtOnce));
    // Items before entries: their trigger still finds the blob whose size it takes off the totals.
    for (const table of ['items', 'entries']) {
      await connection.run(
        `DELETE FROM ${table} WHERE entry_id IN (SELECT value FROM json_each(?))`,
        ids,
      );
    }
  }
}

/**
 * Removes files whose rows are gone for good. It comes after the commit, so that a crash leaves a
 * file without a row and never a row without its file; and it holds the write lock, under which a
 * saver looks whether the file that it is about to refer to is there.
 *
 * @returns the files that are still there: the system refused, the lock was not to be had, or somebody
 * saved the same bytes again.
 */
export async function removeFiles(
  writer: Writer,
  blobs: BlobFolder,
  files: readonly LooseFile[],
): Promise<LooseFile[]> {
  const left: LooseFile[] = [];
  for (let i = 0; i < files.length; i += filesAtOnce) {
    const some = files.slice(i, i + filesAtOnce);
    try {
      left.push(...(await writer.transaction((connection) => removeSome(connection, blobs, some))));
    } catch (error) {
      // The rows are gone and committed, which is what was asked for.
      if (!(error instanceof CacheError)) throw error;
      left.push(...some);
    }
  }
  return left;
}

async function removeSome(
  connection: Connection,
  blobs: BlobFolder,
  files: readonly LooseFile[],
): Promise<LooseFile[]> {
  const rows = await connection.all(
    `SELECT file FROM blobs WHERE digest IN (${files.map(() => '?').join(', ')})`,
    ...files.map(({ digest }) => Buffer.from(digest, 'hex')),
  );
  const alive = new Set(rows.map(({ file }) => file));
  const gone = await Promise.all(
    files.map(async (each) => !alive.has(each.file) && (await remove(blobs, each))),
  );
  return files.filter((_, i) => gone[i] === false);
}

async function remove(blobs: BlobFolder, { file, digest }: LooseFile): Promise<boolean> {
  try {
    const path = await blobs.locate(file, digest);
    if (path === undefined) return false;
    await unlink(path);
    return true;
  } catch (error) {
    return isMissing(error);
  }
}
