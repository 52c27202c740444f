import { randomUUID } from 'node:crypto';
import { lutimes, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isMissing, type BlobFolder } from './BlobFolder';
import { asFileError } from '../database/faults';
import type { LooseFile } from './removal';

/**
 * Files that were removed and can be put back. Each stays in its folder under a name as that of a write
 * under way: no check minds it for an hour, nobody takes it for a blob, and what a killed process leaves
 * is swept as the rest of a write is. To copy from an open file that has lost its name, instead, would
 * take as much disk again, and as long as the files are large.
 */
export class Aside {
  /** Where each is, by its name below `blobs/`. */
  readonly #paths = new Map<string, string>();

  /** @param now Unix seconds */
  constructor(private readonly now: number) {}

  /** Sets a file aside; to be called under the write lock, as an unlink is. */
  readonly take = async (path: string, { file }: LooseFile): Promise<void> => {
    const aside = join(dirname(path), `.partial-${randomUUID()}`);
    await rename(path, aside);
    this.#paths.set(file, aside);
    // Its age counts from now. Where the system refuses, a sweep may take it, and it cannot be put back.
    await lutimes(aside, this.now, this.now).catch(() => undefined);
  };

  /**
   * Puts a file back; to be called under the write lock, before its row is there.
   * @returns whether it is in its place now, also where nobody had taken it
   * @throws CacheError where the system refuses
   */
  async putBack(blobs: BlobFolder, { file, digest, size }: LooseFile): Promise<boolean> {
    const aside = this.#paths.get(file);
    try {
      const path = await blobs.locate(file, digest);
      if (path === undefined) return false;
      if (aside !== undefined) {
        await rename(aside, path);
        this.#paths.delete(file);
        return true;
      }
    } catch (error) {
      if (!isMissing(error)) throw asFileError(error, join(blobs.path, file));
    }
    return (await blobs.find(file, digest, size)).kind === 'file';
  }

  /** Removes what is still set aside. */
  async discard(): Promise<void> {
    for (const path of this.#paths.values()) {
      // What cannot be removed now is swept later.
      await rm(path, { force: true }).catch(() => undefined);
    }
    this.#paths.clear();
  }
}
