import { constants } from 'node:fs';
import { lstat, open, realpath, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { CacheError } from '../database/CacheError';
import { Checksums } from './checksums';
import { formats, type BlobFile, type Lost } from '../rows';

/** Bytes read at once while a file is verified: about a millisecond of work between two breaths. */
const chunk = 1 << 20;

/** The names below `blobs/` that we, and nobody else, give to files. */
export const blobName = new RegExp(`^([0-9a-f]{2})/(\\1[0-9a-f]{62})\\.(?:${formats.join('|')})$`);
/** What is being written has such a name until it is whole: ours, and the kernel's side's. */
export const partialName = /^(?:[0-9a-f]{2}\/)?\.partial-[0-9a-f-]{36}$/;

/** `ab/<digest>.<format>`: what `blobs.file` holds, and nothing else is believed. */
export function blobFileName(digest: string, format: string): string {
  return `${digest.slice(0, 2)}/${digest}.${format}`;
}

/** The files of large blobs, in `blobs/` beside the database, reached through no link. */
export class BlobFolder {
  readonly path: string;

  /** @param databaseFolder the folder of the database, with links resolved. */
  constructor(databaseFolder: string) {
    this.path = join(databaseFolder, 'blobs');
  }

  /**
   * The absolute path behind a name from a row; `undefined` when no Cellar would have written that
   * name for that digest, or when a folder on the way is a link. What stands there is not looked at.
   * @throws when the folder cannot be found or read.
   */
  async locate(file: string, digest: string): Promise<string | undefined> {
    if (blobName.exec(file)?.[2] !== digest) return undefined;
    const folder = join(this.path, digest.slice(0, 2));
    return (await realpath(folder)) === folder ? join(this.path, ...file.split('/')) : undefined;
  }

  /** Finds a blob's file and compares its size; its bytes are not read. */
  async find(file: string, digest: string, size: number): Promise<BlobFile | Lost> {
    try {
      const path = await this.locate(file, digest);
      if (path === undefined) return lost('unsafePath');
      const found = await lstat(path);
      if (!found.isFile()) return lost('unsafePath');
      return found.size === size ? { kind: 'file', path, size } : lost('wrongSize');
    } catch (error) {
      if (isMissing(error)) return lost('missing');
      throw unreadable(join(this.path, file), error);
    }
  }

  /** Reads all of a file that {@link find} found, a piece at a time. */
  async check(file: BlobFile, signal?: AbortSignal): Promise<Checksums | Lost> {
    const handle = await openBlob(file.path);
    if ('why' in handle) return handle;
    try {
      const sums = new Checksums();
      const buffer = Buffer.allocUnsafe(Math.min(chunk, Math.max(1, file.size)));
      for (;;) {
        signal?.throwIfAborted();
        const { bytesRead } = await handle.read(buffer).catch((error: unknown) => {
          throw unreadable(file.path, error);
        });
        if (bytesRead === 0) return sums;
        sums.add(buffer.subarray(0, bytesRead));
      }
    } finally {
      await handle.close();
    }
  }
}

/**
 * Opens a file that was found, for reading and through no link. Where the system has no such flag,
 * `find` has looked before.
 * @returns why not, when it is gone or a link by now.
 * @throws CacheError when it cannot be opened.
 */
export async function openBlob(path: string): Promise<FileHandle | Lost> {
  const { O_RDONLY, O_NOFOLLOW } = constants as { O_RDONLY: number; O_NOFOLLOW?: number };
  try {
    return await open(path, O_RDONLY | (O_NOFOLLOW ?? 0));
  } catch (error) {
    if (isMissing(error)) return lost('missing');
    if ((error as NodeJS.ErrnoException).code === 'ELOOP') return lost('unsafePath');
    throw unreadable(path, error);
  }
}

export function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function unreadable(path: string, cause: unknown): CacheError {
  const { code } = cause as NodeJS.ErrnoException;
  return new CacheError(
    'unreadable',
    path,
    `${path} cannot be read (${String(code)}). Check its permissions and its disk.`,
    { cause },
  );
}

export function lost(why: Lost['why']): Lost {
  return { kind: 'lost', why };
}
