import { randomUUID } from 'node:crypto';
import { mkdir, open, realpath, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { blobFileName, type BlobFolder } from './BlobFolder';
import { CacheError } from '../database/CacheError';
import { Checksums } from './checksums';
import { asFileError } from '../database/faults';
import type { HeldItem, NewItem } from '../rows';

/** Bytes up to which a blob lives in its row; measured, see the design. */
const inlineUpTo = 64 << 10;
/** Bytes hashed and written between two breaths. */
const piece = 1 << 20;

/** Reads a value's bytes once, in pieces, and never holds more than a row may. */
export async function spool(blobs: BlobFolder, item: NewItem): Promise<HeldItem> {
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
    throw asFileError(error, blobs.path);
  }
  return {
    item,
    digest: sums.digest(),
    size: sums.size,
    crc32: sums.crc32,
    held: file === undefined ? { bytes: Buffer.concat(begun) } : { partial },
  };
}

/**
 * Gives the spooled file of a value its name, over whatever has that name. Part of a transaction, so
 * that nobody removes it again before its row is there.
 * @returns what `blobs.file` says of it.
 */
export async function place(
  blobs: BlobFolder,
  { item, digest }: HeldItem,
  partial: string,
): Promise<string> {
  const file = blobFileName(digest, item.format);
  const path = join(blobs.path, file);
  try {
    await makeFolder(dirname(path));
    await rename(partial, path);
  } catch (error) {
    throw asFileError(error, path);
  }
  return file;
}

/** Removes what was spooled and got no name. */
export async function discard(spooled: readonly HeldItem[]): Promise<void> {
  for (const { held } of spooled) {
    if ('partial' in held) await rm(held.partial, { force: true });
  }
}

/** Makes a folder of ours; one that is a link is refused, since writing would leave our place. */
async function makeFolder(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  if ((await realpath(path)) === path) return path;
  throw new CacheError('unreadable', path, `${path} is a link, so nothing is saved through it.`);
}
