import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Which of the databases that may have stood at a path is there: an id of one means nothing in another. All
 * processes tell it alike: by device and inode, and by when the file was born, in nanoseconds, since the
 * inode of a deleted file may be given to the next. 0 where the file system does not tell that.
 */
export async function generationOf(path: string): Promise<string> {
  const { dev, ino, birthtimeNs } = await stat(path, { bigint: true });
  const folder = await stat(dirname(path), { bigint: true });
  // Where no birth is told Node gives the last change instead, and a folder has changed since it was made.
  const isTold = birthtimeNs > 0n && folder.birthtimeNs !== folder.ctimeNs;
  return `${dev}:${ino}:${isTold ? birthtimeNs : 0n}`;
}

/** Whether two of these may be of the same database. One that tells no birth is as good as any. */
export function isSameGeneration(one: string, other: string): boolean {
  const [device, inode, birth] = one.split(':');
  const [otherDevice, otherInode, otherBirth] = other.split(':');
  if (device !== otherDevice || inode !== otherInode) return false;
  return birth === otherBirth || birth === '0' || otherBirth === '0';
}
