import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';

/** A database that SQLite could not read, under the name that it was set aside by. */
export interface SetAside {
  /** Absolute. */
  readonly path: string;
  /** Bytes, with its log. */
  readonly size: number;
  /** When it was set aside, in Unix seconds, by its name. */
  readonly at: number | undefined;
}

/** What SQLite keeps beside a database. */
const besides = ['-wal', '-shm', '-journal'];

/**
 * The databases that were set aside from a place, the oldest first: `set_aside` in
 * python/marimo_cellar/database/damage.py. None of them is opened.
 * @param database absolute path of the one that took their place
 */
export async function findSetAside(database: string): Promise<SetAside[]> {
  const folder = path.dirname(database);
  const names = await readdir(folder).catch(() => []);
  const begin = `${path.basename(database)}.damaged-`;
  const aside = names.filter(
    (name) => name.startsWith(begin) && !besides.some((end) => name.endsWith(end)),
  );
  const found = aside.sort().map(async (name): Promise<SetAside> => {
    const file = path.join(folder, name);
    const sizes = await Promise.all(['', ...besides].map((end) => sizeOf(file + end)));
    const size = sizes.reduce((sum, each) => sum + each, 0);
    return { path: file, size, at: timeIn(name.slice(begin.length)) };
  });
  return Promise.all(found);
}

/** Deletes one of them for good, its log last: one that is left belongs to no database and is harmless. */
export async function removeSetAside({ path: file }: SetAside): Promise<void> {
  for (const end of ['', ...besides]) await rm(file + end, { force: true });
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

/** The local time of `2026-11-28T07-30-00`, behind which a number may stand. */
function timeIn(text: string): number | undefined {
  const [, day, hour, minute, second] = /^(\S{10})T(\d\d)-(\d\d)-(\d\d)/.exec(text) ?? [];
  const time = Date.parse(`${day}T${hour}:${minute}:${second}`);
  return Number.isNaN(time) ? undefined : time / 1000;
}
