import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ReadSummary } from '../store/rows';
import type { OutdatedFile } from './hover';

/** Files looked at for one result. */
const mostFiles = 100;
/** Times closer than this, in seconds, are one time: file systems round. */
const sameTime = 0.001;

/**
 * Looks at the files that were read for a result, those surely read first.
 * @param folder the notebook's, absolute
 * @returns the first that is not as it was; `undefined` when all are, or nobody can tell
 */
export async function findOutdated(
  folder: string,
  reads: readonly ReadSummary[],
  { entryId }: { readonly entryId: number },
): Promise<OutdatedFile | undefined> {
  const own = reads
    .filter((read) => read.entryId === entryId)
    .sort((a, b) => Number(a.how === 'named') - Number(b.how === 'named'))
    .slice(0, mostFiles);
  for (const read of own) {
    const named = read.how === 'named';
    const file = path.resolve(folder, ...read.path.split('/'));
    try {
      const now = await stat(file);
      const modifiedAt = now.mtimeMs / 1000;
      if (!(await isChanged(file, read, now.size, modifiedAt))) continue;
      return { path: read.path, named, changedAt: modifiedAt };
    } catch (error) {
      const isGone = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (isGone) return { path: read.path, named, changedAt: undefined };
    }
  }
  return undefined;
}

/** A file that was only touched, or written anew as it was, has the digest that it had. */
async function isChanged(
  file: string,
  read: ReadSummary,
  size: number,
  modifiedAt: number,
): Promise<boolean> {
  if (size !== read.size) return true;
  if (Math.abs(modifiedAt - read.modifiedAt) <= sameTime) return false;
  if (read.digest === undefined) return true;
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex') !== read.digest;
}
