import { randomUUID } from 'node:crypto';
import { constants, type Dirent } from 'node:fs';
import {
  copyFile,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  rmdir,
  unlink,
  utimes,
  writeFile,
  type FileHandle,
} from 'node:fs/promises';
import { join } from 'node:path';
import { keyOf, readKey } from '../entries/keys';
import { keysSignedBy, valuesNamedBy } from './manifests';
import { readPublished } from './published';
import { cacheTypes, type EntryKey } from '../rows';

/** Bytes read between two breaths. */
const piece = 1 << 20;
/** No part is hidden, a way up, a drive or a stream of Windows. */
const fileKey = /^[^./\\:\0][^/\\:\0]*(?:\/[^./\\:\0][^/\\:\0]*)*$/;
/** What is our own, should the folder be the database's. */
const ours = /^(?:cache\.db.*|cachedir\.tag|blobs\/[0-9a-f]{2}\/.*)$/is;

/** A file that could not be read to its end. It says nothing of the database. */
export class StockFault extends Error {
  override readonly name = 'StockFault';
}

/**
 * marimo's own cache: a file a key, as its `FileStore` lays them out, below one folder, which need not
 * exist. Keys may be a stranger's, so only one that is a plain path is followed, and no link is. None
 * can be `cache.db`, which often lies in the same folder: closing a handle on it would drop SQLite's
 * locks. `python/marimo_cellar/session/stock.py` has the same rules.
 */
export class StockFolder {
  /** @param path absolute */
  constructor(readonly path: string) {}

  /**
   * The entries there are files of, by name, also those that are not whole. What a kernel has written
   * for an export answers nothing: it came from the database, and goes again.
   */
  async entries(): Promise<EntryKey[]> {
    const found: EntryKey[] = [];
    const published = await readPublished(this.path);
    for (const block of await list(this.path)) {
      if (!block.isDirectory()) continue;
      for (const file of await list(join(this.path, block.name))) {
        const key = `${block.name}/${file.name}`;
        const meaning = readKey(key);
        if (meaning.kind !== 'entry' || (await this.#look(key)) === undefined) continue;
        if (!(await published(key))) found.push(meaning.entry);
      }
    }
    return found;
  }

  /** When an entry's file was written, in Unix seconds; `undefined` without one. */
  async madeAt(entry: EntryKey): Promise<number | undefined> {
    const found = await this.#look(keyOf(entry));
    // A time that is yet to come says nothing of what was done since. As old as can be, such a file
    // serves every cell that was never cleared.
    return found && (found.time <= Date.now() / 1000 ? found.time : 0);
  }

  /** The keys of an entry's values, as its manifest names or signs them. */
  parts({ cacheName, hash }: EntryKey, manifest: Buffer): string[] {
    const place = `${cacheName}/${hash}/`;
    const keys = [...(valuesNamedBy(manifest)?.keys() ?? []), ...keysSignedBy(manifest)];
    return [...new Set(keys)].filter(
      (key) => key.startsWith(place) && !key.slice(place.length).includes('/'),
    );
  }

  /** A file's size in bytes; `undefined` where there is none with bytes in it, or a link to it. */
  async size(key: string | undefined): Promise<number | undefined> {
    return (await this.#look(key))?.size;
  }

  /**
   * A file's bytes in pieces, each good until the next is asked for.
   * @throws StockFault, or what `signal` was aborted with.
   */
  async *pieces(key: string, signal?: AbortSignal): AsyncGenerator<Buffer> {
    const file = await this.#open(key);
    try {
      const buffer = Buffer.allocUnsafe(piece);
      for (;;) {
        signal?.throwIfAborted();
        const { bytesRead } = await file.read(buffer).catch((error: unknown) => {
          throw new StockFault(key, { cause: error });
        });
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }

  /**
   * Writes a file, whole or not at all.
   * @param content its bytes, or the path of a plain file that has them
   * @param madeAt the time that the file gets, in Unix seconds
   * @returns false for a key that is no place for a file, or has a link or a file on the way to it
   * @throws what the system says
   */
  async write(key: string, content: Buffer | string, madeAt: number): Promise<boolean> {
    if (!isPlain(key) || !(await this.#makeFolders(key))) return false;
    const path = join(this.path, key);
    // marimo knows what is named so for the rest of a write that was cut off.
    const partial = `${path}.tmp${randomUUID().slice(0, 8)}`;
    try {
      if (typeof content === 'string') {
        await copyFile(content, partial, constants.COPYFILE_EXCL);
      } else {
        await writeFile(partial, content, { flag: 'wx' });
      }
      await utimes(partial, madeAt, madeAt);
      await rename(partial, path);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
    return true;
  }

  /** The files that {@link remove} removes of an entry that is there, absolute, with their bytes. */
  async files(entry: EntryKey): Promise<{ readonly path: string; readonly size: number }[]> {
    const key = keyOf(entry);
    const size = await this.size(key);
    if (key === undefined || size === undefined) return [];
    const files = [{ path: join(this.path, key), size }];
    for (const name of await this.#partNames(entry)) {
      const path = join(this.#partFolder(entry), name);
      const found = await lstat(path).catch(() => undefined);
      if (found?.isDirectory() === false) files.push({ path, size: found.size });
    }
    return files;
  }

  /** Removes an entry's file, and with a manifest its other files. @returns whether it was there. */
  async remove(entry: EntryKey): Promise<boolean> {
    const [whole, ...parts] = await this.files(entry);
    if (whole === undefined || !(await removed(unlink(whole.path)))) return false;
    for (const { path } of parts) await removed(unlink(path));
    // Only once it is empty.
    if (parts.length > 0) await removed(rmdir(this.#partFolder(entry)));
    return true;
  }

  #partFolder({ cacheName, hash }: EntryKey): string {
    return join(this.path, cacheName, hash);
  }

  /** What lies in the folder of an entry's values, unless an entry of another type names the same. */
  async #partNames(entry: EntryKey): Promise<string[]> {
    const any = `${entry.cacheName}/${entry.hash}/any`;
    if (entry.loader !== 'lazy' || !isPlain(any) || !(await this.#reachable(any))) return [];
    for (const cacheType of cacheTypes) {
      if (cacheType === entry.cacheType) continue;
      if ((await this.madeAt({ ...entry, cacheType })) !== undefined) return [];
    }
    return (await list(this.#partFolder(entry))).map(({ name }) => name);
  }

  async #look(key: string | undefined) {
    if (key === undefined || !isPlain(key) || !(await this.#reachable(key))) return undefined;
    const found = await lstat(join(this.path, key), { bigint: true }).catch(() => undefined);
    if (!found?.isFile() || found.size === 0n) return undefined;
    return { size: Number(found.size), time: Number(found.mtimeNs) / 1e9 };
  }

  /** Whether the folders on the way to a plain key are folders and no links. */
  async #reachable(key: string): Promise<boolean> {
    let folder = this.path;
    for (const name of key.split('/').slice(0, -1)) {
      folder = join(folder, name);
      const found = await lstat(folder).catch(() => undefined);
      if (!found?.isDirectory()) return false;
    }
    return true;
  }

  /** Makes the folders on the way to a plain key. @returns false where something else is in the way */
  async #makeFolders(key: string): Promise<boolean> {
    await mkdir(this.path, { recursive: true });
    let folder = this.path;
    for (const name of key.split('/').slice(0, -1)) {
      folder = join(folder, name);
      await mkdir(folder).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      });
      if (!(await lstat(folder)).isDirectory()) return false;
    }
    return true;
  }

  async #open(key: string): Promise<FileHandle> {
    if ((await this.#look(key)) === undefined) throw new StockFault(key);
    // Windows has neither flag; the look has found a plain file there.
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants as Partial<typeof constants>;
    const flags = (O_RDONLY ?? 0) | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0);
    return open(join(this.path, key), flags).catch((error: unknown) => {
      throw new StockFault(key, { cause: error });
    });
  }
}

function isPlain(key: string): boolean {
  return fileKey.test(key) && !ours.test(key);
}

/** What lies in a folder, by name; nothing where it cannot be listed. */
async function list(folder: string): Promise<Dirent[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function removed(removal: Promise<void>): Promise<boolean> {
  return removal.then(
    () => true,
    () => false,
  );
}
