import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ReadSummary } from '../store/rows';
import type { OutdatedFile } from './hover';
import { digestOfNames, isOfOneFolder } from './patterns';

/** Files looked at for one result. */
const mostFiles = 100;
/** Digests that are kept. */
const mostDigests = 1000;
/** Times closer than this, in seconds, are one time: file systems round. */
const sameTime = 0.001;

/** A file or folder as it is now; `undefined` for one that is gone, or that may not be looked at. */
type Look = { readonly size: number; readonly modifiedAt: number } | undefined;

/** The files that results were made from, as they are now. */
export class ReadFiles {
  /** Of files that were only touched, the last ones asked for, by path, size and time. */
  readonly #digests = new Map<string, Promise<string>>();

  /** @param digestOf SHA-256 of a file's content, as hex */
  constructor(private readonly digestOf = digestOfFile) {}

  /**
   * Looks at the files that were read for a result, those surely read first.
   * @param folder the notebook's, absolute
   * @param mayBeGone whether one counts that is there no more
   * @returns the first that is not as it was; `undefined` when all are, or nobody can tell
   */
  async findOutdated(
    folder: string,
    reads: readonly ReadSummary[],
    { entryId }: { readonly entryId: number },
    mayBeGone = true,
  ): Promise<OutdatedFile | undefined> {
    const own = reads
      .filter((read) => read.entryId === entryId)
      .sort((a, b) => Number(a.how === 'named') - Number(b.how === 'named'))
      .slice(0, mostFiles);
    for (const read of own) {
      const named = read.how === 'named';
      const file = fileIn(folder, read.path);
      try {
        const now = await look(watchedFor(folder, read), isPattern(read) ? 'folder' : 'file');
        if (now ? !(await this.#isChanged(file, read, now)) : !mayBeGone) continue;
        return { path: read.path, named, changedAt: now?.modifiedAt };
      } catch {
        // It may not be looked at, or not be read.
      }
    }
    return undefined;
  }

  /**
   * A file that was only touched, or written anew as it was, has the digest that it had; so have the names
   * that a pattern stands for where others came or went.
   */
  async #isChanged(file: string, read: ReadSummary, now: NonNullable<Look>): Promise<boolean> {
    const { size, modifiedAt, digest } = read;
    // What a folder takes itself tells nothing of the names in it.
    if (!isPattern(read) && now.size !== size) return true;
    if (Math.abs(now.modifiedAt - modifiedAt) <= sameTime) return false;
    if (isPattern(read)) {
      const names = await digestOfNames(file);
      return names !== undefined && names !== digest;
    }
    return digest === undefined || (await this.#digest(file, now)) !== digest;
  }

  #digest(file: string, { size, modifiedAt }: NonNullable<Look>): Promise<string> {
    const key = `${file} ${size} ${modifiedAt}`;
    const digest = this.#digests.get(key) ?? this.digestOf(file);
    // What was asked for last goes last.
    this.#digests.delete(key);
    this.#digests.set(key, digest);
    digest.catch(() => this.#digests.delete(key));
    const [oldest] = this.#digests.keys();
    if (this.#digests.size > mostDigests && oldest !== undefined) this.#digests.delete(oldest);
    return digest;
  }
}

/**
 * @param folder the notebook's, absolute
 * @param relative as the database has it. A stranger's may be whole, which on Windows leads to another
 * host, merely to look at which sends it the user's credentials: so it is joined, and never resolved.
 */
export function fileIn(folder: string, relative: string, platform = path): string {
  return platform.join(folder, relative);
}

/** What changes when a file does: itself, or the folder in which one may come that a pattern stands for. */
export function watchedFor(folder: string, read: ReadSummary): string {
  const file = fileIn(folder, read.path);
  return isPattern(read) ? path.dirname(file) : file;
}

function isPattern({ how, path: relative }: ReadSummary): boolean {
  return how === 'named' && isOfOneFolder(relative);
}

/**
 * @returns `undefined` for a file that is gone, also where a folder, or a pipe or device that never ends,
 * stands in its place: which path that is, a stranger's database may say. The same of a folder.
 * @throws what the file system says of any other
 */
export async function look(file: string, as: 'file' | 'folder' | 'either'): Promise<Look> {
  try {
    const found = await stat(file);
    const isIt = (as !== 'folder' && found.isFile()) || (as !== 'file' && found.isDirectory());
    return isIt ? { size: found.size, modifiedAt: found.mtimeMs / 1000 } : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function digestOfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
