import { constants, fstatSync, openSync, readSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { platform } from 'node:process';

/**
 * Where the index's header has its version, which says how the rest is laid out; the number of frames
 * in the log; and, after both copies of the header, how many of them are folded into the database. All
 * are 32 bits in the machine's byte order (https://www.sqlite.org/walformat.html, "The WAL-Index File
 * Format").
 */
const field = { version: 0, frames: 4, folded: 24 } as const;
const knownVersion = 3_007_000;
/** A process that met so many databases, or so many begun anew, looks into no more. */
const mostHandles = 64;

/**
 * Handles on indexes of logs, by the file each is on. They are never closed: that would drop the locks
 * that SQLite holds on the file for this process. Hence no `FileHandle`, which is closed with the last
 * reference to it.
 */
const handles = new Map<string, number>();

/**
 * What SQLite notes of its log in memory that all connections share, the file `cache.db-shm`: read as
 * `watching.py` does, since no query tells how much of a log is folded without folding it.
 */
export class LogIndex {
  private constructor(private readonly handle: number) {}

  /**
   * The index beside the database at a path, on which somebody has a connection open. Whether that is
   * still this database is to be asked afterwards: whoever sets one aside moves its index first.
   * @returns `undefined` where it cannot be looked at: SQLite keeps none, or this is Windows, where an
   * open handle keeps a file from being made again.
   */
  static async of(path: string): Promise<LogIndex | undefined> {
    if (platform === 'win32') return undefined;
    const index = `${path}-shm`;
    try {
      const found = await stat(index, { bigint: true });
      const handle = found.isFile() ? handleOn(index, nameOf(found)) : undefined;
      return handle === undefined ? undefined : new LogIndex(handle);
    } catch {
      return undefined;
    }
  }

  /**
   * How many frames of the log are not in the database yet; `undefined` where that cannot be told.
   * Certain while nobody can write; else what a commit had changed by half may tell of too few or too
   * many. It is a read from memory, so nobody waits for it.
   */
  unfolded(): number | undefined {
    const index = new Uint32Array(field.folded + 1);
    try {
      readSync(this.handle, index, 0, index.byteLength, 0);
    } catch {
      return undefined;
    }
    if (index[field.version] !== knownVersion) return undefined;
    return (index[field.frames] ?? 0) - (index[field.folded] ?? 0);
  }
}

/** The handle on the file of this name, opened at once, so that nobody else opens it meanwhile. */
function handleOn(index: string, name: string): number | undefined {
  if (!handles.has(name) && handles.size < mostHandles) {
    const handle = openSync(index, constants.O_RDONLY | constants.O_NOFOLLOW);
    // If another file is there by now, that one may have a handle already, which stays open as well.
    const opened = nameOf(fstatSync(handle, { bigint: true }));
    if (!handles.has(opened)) handles.set(opened, handle);
  }
  return handles.get(name);
}

function nameOf({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${dev}:${ino}`;
}
