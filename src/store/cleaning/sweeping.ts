import { open, stat, utimes } from 'node:fs/promises';
import type { BlobFolder } from '../blobs/BlobFolder';
import { findLooseFiles } from '../checking/checking';
import { CleanUp } from './CleanUp';
import type { Connection } from '../database/Connection';
import { countUsage, removeLooseFiles, usageError } from '../checking/mending';
import { lookForMissing, noteMissing, type MissingChanges } from './missing';
import { removeEntries, removeUnused } from '../blobs/removal';
import { looksAfterItself } from '../database/features';
import type { Writer } from '../database/Writer';

/** Seconds after which wrong bytes go, and between two looks through all blobs, nodes and files. */
const quarantine = 7 * 86_400;
const aDay = 86_400;
/** Lookups that are kept of each cell, and of each function and block in it. */
const lookupsKept = 50;

/**
 * What is of no use to anybody, by the kernel's rules (`rubbish.py`, `sweeping.py`), and what is to be
 * noted of notebooks whose file is gone.
 */
export interface Rubbish {
  readonly missing: MissingChanges;
  readonly lookups: readonly number[];
  /** What is looked through once a day; `undefined` if that was done. */
  readonly entries: readonly number[] | undefined;
  readonly blobs: readonly number[];
  /** Below `blobs/`; `undefined` if somebody looked in the last day. */
  readonly files: readonly string[] | undefined;
}

/**
 * Looks for rubbish; changes nothing.
 * @param path the database
 * @param now Unix seconds
 * @returns `undefined` where there is nothing to do, and for an older format
 */
export async function findRubbish(
  connection: Connection,
  blobs: BlobFolder,
  path: string,
  now: number,
): Promise<Rubbish | undefined> {
  if (!(await looksAfterItself(connection))) return undefined;
  const missing = await lookForMissing(connection, path);
  const lookups = await idsOf(
    connection,
    `SELECT lookup_id AS id FROM (SELECT lookup_id, row_number() OVER
       (PARTITION BY cell_id, cache_name ORDER BY at DESC, lookup_id DESC) AS place
     FROM lookups) WHERE place > ?`,
    lookupsKept,
  );
  const sweptAt = (
    await connection.get(
      // One that was killed has left values behind, which count as used.
      'SELECT CASE WHEN until BETWEEN 1 AND ? THEN 0 ELSE swept_at END AS at FROM cleaners',
      now,
    )
  )?.at;
  const due = !isOfToday(Number(sweptAt ?? -Infinity), now);
  const entries = due
    ? await idsOf(
        connection,
        `SELECT DISTINCT entry_id AS id FROM blobs JOIN items USING (digest)
           JOIN entries USING (entry_id) WHERE quarantined_at < ? AND NOT pinned`,
        now - quarantine,
      )
    : undefined;
  const unused = due
    ? await idsOf(
        connection,
        `SELECT blob_id AS id FROM blobs INDEXED BY blobs_by_size WHERE NOT EXISTS
           (SELECT 1 FROM items WHERE items.digest = blobs.digest)`,
      )
    : [];
  const lookedAt = await stat(markOf(path)).then(
    ({ mtimeMs }) => mtimeMs / 1000,
    () => -Infinity,
  );
  const files = isOfToday(lookedAt, now)
    ? undefined
    : await findLooseFiles(connection, blobs, { now });
  const nothing =
    missing.gone.length + missing.back.length + lookups.length === 0 &&
    entries === undefined &&
    files === undefined;
  return nothing ? undefined : { missing, lookups, entries, blobs: unused, files };
}

/**
 * Removes it, in transactions of a few milliseconds, and gives the pages back; nothing while another
 * cleaner is at work. It stops between two transactions.
 * @returns how many rows and files went
 */
export async function sweep(
  writer: Writer,
  blobs: BlobFolder,
  path: string,
  { missing, lookups, entries, blobs: unused, files }: Rubbish,
  now: number,
  signal?: AbortSignal,
): Promise<number> {
  const work = new CleanUp(writer, signal);
  if (!(await work.begin())) return 0;
  let removed = 0;
  try {
    if (missing.gone.length + missing.back.length > 0) {
      await work.transaction((connection) => noteMissing(connection, missing, now));
    }
    for await (const { done } of work.inPieces(lookups, removeLookups)) removed = done;
    if (entries !== undefined) {
      for await (const { result } of work.inPieces(entries, removeSpoilt)) {
        await work.removeFiles(blobs, result);
      }
      for await (const { result } of work.inPieces(unused, removeUnused)) {
        await work.removeFiles(blobs, result);
      }
      removed += entries.length + unused.length;
      await work.clearNodes();
      if (!work.stopped) {
        // As the budget is compared with it, damage to it must not last.
        const error = await writer.look(usageError);
        await work.transaction(async (connection) => {
          await connection.run('UPDATE cleaners SET swept_at = ?', now);
          if (error === undefined) await countUsage(connection);
          else if (error !== 0) await connection.run('UPDATE usage SET size = size + ?', error);
        });
      }
    }
    if (files !== undefined && !work.stopped) {
      // First, so that others do not do it as well.
      await mark(path, now);
      removed += await removeLooseFiles(writer, blobs, files);
    }
  } finally {
    await work.end();
  }
  if (removed > 0) await writer.shrink(() => !work.stopped);
  return removed;
}

async function removeLookups(connection: Connection, ids: readonly number[]): Promise<void> {
  await connection.run(
    'DELETE FROM lookups WHERE lookup_id IN (SELECT value FROM json_each(?))',
    JSON.stringify(ids),
  );
}

/** Entries with wrong bytes, but for those that were saved again or pinned since they were found. */
async function removeSpoilt(connection: Connection, ids: readonly number[]) {
  const still = await idsOf(
    connection,
    `SELECT DISTINCT entry_id AS id FROM entries JOIN items USING (entry_id)
       JOIN blobs USING (digest) WHERE quarantined_at NOT NULL AND NOT pinned
       AND entry_id IN (SELECT value FROM json_each(?))`,
    JSON.stringify(ids),
  );
  return removeEntries(connection, still);
}

async function idsOf(
  connection: Connection,
  sql: string,
  ...values: (number | string)[]
): Promise<number[]> {
  return (await connection.all(sql, ...values)).map(({ id }) => Number(id));
}

/** Whether it was in the last day. A time that is yet to come says nothing. */
function isOfToday(at: number, now: number): boolean {
  return now - at >= 0 && now - at < aDay;
}

/** The empty file whose time says when files were last looked through, by whatever process. */
function markOf(path: string): string {
  return `${path}-swept`;
}

async function mark(path: string, now: number): Promise<void> {
  await (await open(markOf(path), 'a')).close();
  await utimes(markOf(path), now, now);
}
