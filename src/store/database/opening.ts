import { access, constants, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CacheError } from './CacheError';
import {
  applicationId,
  compareSchemas,
  formatVersion,
  readSchema,
  schemaOf,
  type Likeness,
} from './schema';
import { Connection } from './Connection';
import { generationOf } from './generation';

/** Whether a cache can be changed and, if not, why, as one sentence. */
export type Access =
  { readonly kind: 'readWrite' } | { readonly kind: 'readOnly'; readonly why: string };

/** A database that was found to be ours, with the one connection that reads it. */
export interface OpenDatabase {
  /** As it was asked for: notebooks' paths are relative to its folder. */
  readonly path: string;
  /** With links resolved: blob files lie beside it. */
  readonly realPath: string;
  readonly connection: Connection;
  readonly access: Access;
  /** `PRAGMA schema_version` when the schema was compared. */
  readonly schemaVersion: number;
  /** `PRAGMA data_version` before anything else was read. */
  readonly dataVersion: number;
  /** What {@link isSameFile} compares. */
  readonly mark: string;
  /** {@link generationOf} it. */
  readonly generation: string;
  readonly immutable: boolean;
}

/**
 * Opens a database for reading and believes it only while it is what `schema.sql` says. The file is
 * never opened by anything but SQLite: closing a plain handle would drop SQLite's own locks on it.
 * @throws CacheError
 */
export async function openDatabase(path: string): Promise<OpenDatabase> {
  const realPath = await resolve(path);
  const before = await fileMark(realPath);
  const { connection, immutable } = await connect(path, realPath);
  try {
    const dataVersion = await connection.number('PRAGMA data_version');
    const format = await readFormat(connection, path);
    const generation = await generationOf(realPath);
    if ((await fileMark(realPath)) !== before) {
      throw new CacheError('busy', path, `${path} was replaced while it was opened. Try again.`);
    }
    return {
      path,
      realPath,
      connection,
      immutable,
      access:
        format.why === undefined
          ? await findAccess(path, realPath, immutable)
          : { kind: 'readOnly', why: format.why },
      schemaVersion: format.schemaVersion,
      dataVersion,
      generation,
      mark: immutable ? await contentMark(realPath) : before,
    };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** Whether the file that was opened still stands in its place. */
export async function isSameFile(database: OpenDatabase): Promise<boolean> {
  try {
    const mark = database.immutable ? contentMark : fileMark;
    // The link may point elsewhere by now, hence the way through the path that was asked for.
    return (await mark(await realpath(database.path))) === database.mark;
  } catch {
    return false;
  }
}

/** What the file at a path looks like from outside; changes with every commit and checkpoint. */
export async function contentMark(path: string): Promise<string> {
  const look = async (file: string) => {
    const found = await stat(file, { bigint: true }).catch(() => undefined);
    return found && [found.dev, found.ino, found.size, found.mtimeNs].join(':');
  };
  return `${(await look(path)) ?? 'none'} ${(await look(`${path}-wal`)) ?? 'none'}`;
}

/** Which file it is: an inode is not given to another file while we hold this one open. */
async function fileMark(path: string): Promise<string> {
  const { dev, ino } = await stat(path, { bigint: true });
  return `${dev}:${ino}`;
}

async function resolve(path: string): Promise<string> {
  try {
    const realPath = await realpath(path);
    if ((await stat(realPath)).isFile()) return realPath;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new CacheError('missing', path, `There is no cache at ${path}.`, { cause: error });
    }
    throw new CacheError(
      'unreadable',
      path,
      `${path} cannot be read (${String(code)}). Check the permissions of the file and its folders.`,
      { cause: error },
    );
  }
  throw new CacheError(
    'notADatabase',
    path,
    `${path} is not a file. Move it away: the next run begins a cache in its place.`,
  );
}

/**
 * A WAL database cannot be read from a folder in which nothing may be made, unless the files beside
 * it are there already. It is then read as an immutable file, provided that its log is empty.
 */
async function connect(path: string, realPath: string) {
  const connection = await Connection.open(realPath, 'read');
  try {
    await connection.number('PRAGMA schema_version');
    return { connection, immutable: false };
  } catch (error) {
    await connection.close();
    const refused = error instanceof CacheError && ['unreadable', 'readOnly'].includes(error.kind);
    if (!refused || (await isWritable(dirname(realPath))) || !(await isReadable(realPath))) {
      throw error;
    }
    const log = await stat(`${realPath}-wal`).catch(() => undefined);
    if (log && log.size > 0) {
      throw new CacheError(
        'unreadable',
        path,
        `${path} has saved results that still stand in ${realPath}-wal, and in a folder without ` +
          'write permission SQLite cannot join them. Open it once from an account that may write there.',
        { cause: error },
      );
    }
    return { connection: await Connection.open(realPath, 'immutable'), immutable: true };
  }
}

async function readFormat(connection: Connection, path: string) {
  // One snapshot: read apart, the marks of a database that is just being made would not fit its tables.
  await connection.exec('BEGIN');
  const schemaVersion = await connection.number('PRAGMA schema_version');
  const application = await connection.number('PRAGMA application_id');
  const version = await connection.number('PRAGMA user_version');
  const objects = await connection.number('SELECT count(*) FROM sqlite_schema');
  const found = await readSchema(connection);
  await connection.exec('COMMIT');
  if (objects === 0) {
    throw new CacheError('missing', path, `${path} is still empty. Run the notebook to fill it.`);
  }
  if (application !== applicationId) {
    throw new CacheError(
      'foreign',
      path,
      `${path} is an SQLite database of another program. ` +
        'Move it away: the next run begins a cache in its place.',
    );
  }
  if (major(version) > major(formatVersion)) {
    throw new CacheError(
      'newer',
      path,
      `${path} has format ${told(version)}; this Cellar reads up to ${told(formatVersion)}. ` +
        'Update Cellar to use it; it was left as it is.',
    );
  }
  const expected = await schemaOf(version);
  const likeness = expected ? compareSchemas(expected, found) : 'other';
  // A newer minor format only adds.
  const known = version > formatVersion ? likeness !== 'other' : likeness === 'equal';
  if (!known) {
    throw new CacheError(
      'foreign',
      path,
      `The tables in ${path} are not those of Cellar's format ${told(version)}, so it is not used. ` +
        'Delete the file: its results are computed again by the next run.',
    );
  }
  return { schemaVersion, why: whyNotChanged(path, version, likeness) };
}

/** Why a database of this format is read and never changed; `undefined` for one that is. */
function whyNotChanged(path: string, version: number, likeness: Likeness): string | undefined {
  if (likeness === 'triggered') {
    return `${path} was made by a newer Cellar. Update Cellar to change it.`;
  }
  if (major(version) < major(formatVersion)) {
    return `${path} is of the older format ${told(version)}. The next run of a notebook brings it up to date.`;
  }
  return undefined;
}

async function findAccess(path: string, realPath: string, immutable: boolean): Promise<Access> {
  const folder = dirname(realPath);
  if (immutable || !(await isWritable(folder)) || !(await isWritable(realPath))) {
    return { kind: 'readOnly', why: `You have no permission to change ${path}.` };
  }
  return { kind: 'readWrite' };
}

const isWritable = (path: string) => allowed(path, constants.W_OK);
const isReadable = (path: string) => allowed(path, constants.R_OK);

async function allowed(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}

function major(version: number): number {
  return Math.floor(version / 1000);
}

/** `1.0` for 1000. */
function told(version: number): string {
  return `${major(version)}.${version % 1000}`;
}
