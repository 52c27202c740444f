import { access, mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isMarimoCache } from '../settings/place';
import { CacheError } from './CacheError';
import { Connection } from './Connection';
import { asFileError } from './faults';
import { landed } from './landed';
import { applicationId, formatVersion } from './schema';

const gitignore = '# Written by Cellar: a cache, made anew by running the notebooks.\n*\n';
/** https://bford.info/cachedir/: back-up tools leave out folders that hold this. */
const cachedirTag =
  'Signature: 8a477f597d28d172789f06886806bc55\n' +
  "# This folder is a cache of marimo notebooks' results.\n";

/**
 * Begins an empty cache, with its folder, as the kernel's side does (`folder.py`, `schema.py`).
 * Where there is one already nothing changes, and somebody who begins it at the same time is waited
 * for; what else stands there is left to whoever opens it.
 * @param path absolute path of the database
 * @throws CacheError when nothing can be written there.
 */
export async function beginDatabase(path: string): Promise<void> {
  try {
    await prepareFolder(dirname(path), basename(path));
  } catch (error) {
    throw asFileError(error, dirname(path));
  }
  try {
    await layOut(path, 'create', 'WAL');
  } catch (error) {
    if (!(error instanceof CacheError) || error.kind !== 'unreadable') throw error;
    // Where programs cannot share memory, as on network mounts, a rollback journal works as well, only
    // slower; kernels use it there, too (`opening.py`). Nobody else may see the log that was begun.
    await layOut(path, 'alone', 'DELETE');
  }
}

/** What a folder of ours carries, so that it is neither committed nor backed up by accident. */
async function prepareFolder(folder: string, database: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  if (!(await isOurs(folder, database))) return;
  for (const [name, text] of [
    ['.gitignore', gitignore],
    ['CACHEDIR.TAG', cachedirTag],
  ] as const) {
    const there = await access(join(folder, name)).then(
      () => true,
      () => false,
    );
    if (!there) await writeFile(join(folder, name), text);
  }
}

/** Whether nothing but a cache is here. A folder of the user's must not vanish from Git and backups. */
async function isOurs(folder: string, database: string): Promise<boolean> {
  if (isMarimoCache(folder)) return true;
  const ours = ['blobs', '.gitignore', 'CACHEDIR.TAG'];
  const names = await readdir(folder);
  return names.every((name) => ours.includes(name) || name.startsWith(database));
}

/** Makes an empty file ours; any other is left alone. Who does the same at that time is waited for. */
async function layOut(
  path: string,
  mode: 'create' | 'alone',
  journal: 'WAL' | 'DELETE',
): Promise<void> {
  const connection = await Connection.open(path, mode);
  try {
    if (!(await isEmpty(connection))) return;
    // These count only before anything is written.
    await connection.exec('PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL');
    await connection.exec(`PRAGMA journal_mode = ${journal}`);
    await connection.exec('BEGIN IMMEDIATE');
    if (await isEmpty(connection)) {
      await connection.exec(
        `${[...landed.values()].join(';')}; PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${formatVersion};`,
      );
    }
    await connection.exec('COMMIT');
  } finally {
    // What is not committed is undone.
    await connection.close();
  }
}

async function isEmpty(connection: Connection): Promise<boolean> {
  return (await connection.number('SELECT count(*) FROM sqlite_schema')) === 0;
}
