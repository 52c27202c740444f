import { lstat, opendir } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { isMissing } from '../blobs/BlobFolder';
import type { Connection } from '../database/Connection';
import { isOnAnotherHost } from '../settings/hosts';

/** What stands for apps that have no file: `schema.sql`. */
const fileless = ['unsaved', 'imported', 'served'];

/** Ids of notebooks whose file is gone since the last look, and of those whose is there again. */
export interface MissingChanges {
  readonly gone: readonly number[];
  readonly back: readonly number[];
}

/**
 * Which notebooks' files are gone, as the kernel's side looks (`missing.py`), by
 * `test/fixtures/missing.json`. Of one on another host nobody can tell.
 * @param path of the database: notebooks' paths are relative to its folder
 */
export async function lookForMissing(
  connection: Connection,
  path: string,
): Promise<MissingChanges> {
  const rows = await connection.all(
    `SELECT app_id AS id, path, since NOT NULL AS missing
     FROM apps LEFT JOIN missing USING (app_id)`,
  );
  const gone: number[] = [];
  const back: number[] = [];
  for (const row of rows) {
    const app = String(row.path);
    if (fileless.includes(basename(app))) continue;
    // On Windows no relative path leads to another drive.
    const file = resolve(dirname(path), app);
    if (isOnAnotherHost(file, dirname(path))) continue;
    const isGoneNow = await isGone(file);
    if (isGoneNow === (row.missing === 1)) continue;
    (isGoneNow ? gone : back).push(Number(row.id));
  }
  return { gone, back };
}

/** Part of a transaction. @param now Unix seconds */
export async function noteMissing(
  connection: Connection,
  { gone, back }: MissingChanges,
  now: number,
): Promise<void> {
  await connection.run(
    `INSERT OR IGNORE INTO missing (app_id, since) SELECT app_id, ? FROM apps
     WHERE app_id IN (SELECT value FROM json_each(?))`,
    now,
    JSON.stringify(gone),
  );
  await connection.run(
    'DELETE FROM missing WHERE app_id IN (SELECT value FROM json_each(?))',
    JSON.stringify(back),
  );
}

/**
 * Whether there is no such file in a folder that can be looked into. An empty folder may be where a
 * disk is mounted that is not there now.
 */
async function isGone(file: string): Promise<boolean> {
  try {
    await lstat(file);
    return false;
  } catch (error) {
    if (!isMissing(error)) return false;
  }
  try {
    const folder = await opendir(dirname(file));
    try {
      return (await folder.read()) !== null;
    } finally {
      await folder.close();
    }
  } catch {
    return false;
  }
}
