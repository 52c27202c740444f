import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { blobName, partialName, type BlobFolder } from '../blobs/BlobFolder';
import {
  isUsageWrong,
  looseFilesIn,
  usage,
  wrongTotals,
  type Fault,
  type FaultKind,
} from './checking';
import type { Connection } from '../database/Connection';
import { removeEntries, removeFiles, removeUnused, type LooseFile } from '../blobs/removal';
import { quarantine } from '../blobs/values';
import type { Writer } from '../database/Writer';

/** What was done about faults. */
export interface Mended {
  /** Values marked as wrong: kept, and never served. */
  readonly quarantined: number;
  /** Entries removed, since they could not be served. */
  readonly removed: number;
  /** Files removed, since no row names them. */
  readonly files: number;
  /** Seconds it took to compute what is not served any more, as far as anybody measured it. */
  readonly runtime: number;
}

/** Files without a row that are unlinked in one transaction. */
const filesAtOnce = 8;

/** Faults of the database file itself, which is the kernel's side to put right. */
const beyondUs: readonly FaultKind[] = ['unreadable', 'integrity', 'foreign-key', 'row', 'owner'];

export function canMend({ kind }: Fault): boolean {
  return !beyondUs.includes(kind) && kind !== 'unreadable-file';
}

/**
 * Puts right what {@link check} found, as far as rows and files go: marks wrong bytes, removes
 * entries whose bytes are gone and what nobody refers to, counts totals anew. A fault of the file
 * itself stays: only the kernel's side sets a database aside.
 *
 * @param now Unix seconds.
 */
export async function mend(
  writer: Writer,
  blobs: BlobFolder,
  faults: readonly Fault[],
  now: number,
): Promise<Mended> {
  const of = (...kinds: FaultKind[]) => faults.filter(({ kind }) => kinds.includes(kind));
  let loose: LooseFile[] = [];
  const rows = await writer.transaction(async (connection) => {
    const wrong = of('wrong-size', 'wrong-bytes').map(({ about }) => about);
    for (const digest of wrong) await quarantine(connection, digest, now);
    const gone = await entriesWith(
      connection,
      of('missing-file', 'wrong-name').map(({ about }) => about),
    );
    const removed = unique([...gone, ...faults.flatMap(({ entryId }) => entryId ?? [])]);
    const runtime = await runtimeOf(connection, [
      ...removed,
      ...(await entriesWith(connection, wrong)),
    ]);
    loose = await removeEntries(connection, removed);
    loose.push(...(await removeUnused(connection)));
    await connection.run(
      'DELETE FROM sources WHERE code_digest NOT IN (SELECT code_digest FROM nodes)',
    );
    await countAnew(connection);
    return { quarantined: wrong.length, removed: removed.length, runtime };
  });
  await removeFiles(writer, blobs, loose);
  return {
    ...rows,
    files: await removeLooseFiles(writer, blobs, looseFilesIn(faults)),
  };
}

async function entriesWith(connection: Connection, digests: readonly string[]): Promise<number[]> {
  const rows = await connection.all(
    `SELECT DISTINCT entry_id AS id FROM items
     WHERE lower(hex(digest)) IN (SELECT value FROM json_each(?))`,
    JSON.stringify(digests),
  );
  return rows.map(({ id }) => Number(id));
}

async function runtimeOf(connection: Connection, entries: readonly number[]): Promise<number> {
  const row = await connection.get(
    `SELECT total(runtime) AS runtime FROM entries
     WHERE entry_id IN (SELECT value FROM json_each(?))`,
    JSON.stringify(entries),
  );
  return Number(row?.runtime);
}

async function countAnew(connection: Connection): Promise<void> {
  await connection.run(
    `INSERT OR REPLACE INTO totals (cell_id, entries, size, runtime)
     SELECT c.cell_id, (SELECT count(*) FROM entries AS e WHERE e.cell_id = c.cell_id),
       (SELECT total(b.size) FROM blobs AS b WHERE b.digest IN
         (SELECT i.digest FROM items AS i WHERE i.cell_id = c.cell_id)),
       (SELECT total(runtime) FROM entries AS e WHERE e.cell_id = c.cell_id)
     FROM cells AS c WHERE c.cell_id IN (${wrongTotals})`,
  );
  await countUsage(connection);
}

/** Counts what all values take, if that is wrong; part of a transaction. */
export async function countUsage(connection: Connection): Promise<void> {
  if (!(await isUsageWrong(connection))) return;
  await connection.run('DELETE FROM usage');
  await connection.run(`INSERT INTO usage (size) ${usage}`);
}

/**
 * How many bytes more all values take than is told, which stays the same while others write, who change
 * both alike; `undefined` where it has to be counted anew.
 */
export async function usageError(connection: Connection): Promise<number | undefined> {
  const row = await connection.get(
    `SELECT (${usage}) - size AS error FROM usage
     WHERE typeof(size) = 'integer' AND (SELECT count(*) FROM usage) = 1`,
  );
  return row === undefined ? undefined : Number(row.error);
}

/** Files with a name of ours and no row; those of others are theirs. @returns how many went. */
export async function removeLooseFiles(
  writer: Writer,
  blobs: BlobFolder,
  files: readonly string[],
): Promise<number> {
  const ours = files.filter((file) => blobName.test(file) || partialName.test(file));
  let removed = 0;
  for (let at = 0; at < ours.length; at += filesAtOnce) {
    // Under the write lock: somebody may be giving one of them a row just now.
    removed += await writer.transaction((connection) =>
      removeSome(connection, blobs, ours.slice(at, at + filesAtOnce)),
    );
  }
  return removed;
}

async function removeSome(
  connection: Connection,
  blobs: BlobFolder,
  files: readonly string[],
): Promise<number> {
  let removed = 0;
  for (const file of files) {
    if (await connection.get('SELECT 1 FROM blobs WHERE file = ?', file)) continue;
    const gone = await unlink(join(blobs.path, ...file.split('/'))).then(
      () => 1,
      () => 0,
    );
    removed += gone;
  }
  return removed;
}

function unique(ids: readonly number[]): number[] {
  return [...new Set(ids)];
}
