import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { isMissing, openBlob } from '../store/blobs/BlobFolder';
import type { Caches } from '../store/Caches';
import { asFileError } from '../store/database/faults';
import type {
  BlobFile,
  DatedItem,
  EntryKey,
  HeldItem,
  ItemSummary,
  NewEntry,
  Versions,
} from '../store/rows';
import type { SqliteLoader } from '../store/SqliteLoader';
import { itemOf, readKey } from '../store/entries/keys';
import { valuesNamedBy } from '../store/stock/manifests';
import { Parts } from './Parts';

/** Bytes of a manifest, or of marimo's list of a notebook's keys; both are read into memory. */
const manifestLimit = 64 << 20;

/** A value's bytes, checked. Who is given a file closes it. */
export type Found =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'file'; readonly file: FileHandle; readonly size: number };

export type Put =
  | { readonly kind: 'saved' }
  /** `incomplete`: values that the manifest names have not come, so there is no entry. */
  | { readonly kind: 'refused'; readonly why: 'incomplete' | 'noManifest' | 'tooLarge' };

type Content = AsyncIterable<Uint8Array>;

const saved: Put = { kind: 'saved' };
const refused = (why: 'incomplete' | 'noManifest' | 'tooLarge'): Put => ({ kind: 'refused', why });

/**
 * The cache of a folder of notebooks by marimo's store keys, as `SqliteStore` of the kernel's side has
 * it (`python/marimo_cellar/session/store.py`). A key says neither which notebook nor which cell it is from: what
 * is saved belongs to the app `served` of that folder, and what any notebook of that folder saved
 * answers. Every method throws `CacheError` for a fault of the database.
 */
export class FolderCache {
  readonly #parts = new Parts();
  /** As `apps.path` has it. */
  readonly #app: string;

  /**
   * @param folder absolute path of the folder that the notebooks are in.
   * @param database absolute path of its database, which need not be there.
   */
  constructor(
    private readonly caches: Caches,
    folder: string,
    readonly database: string,
  ) {
    const app = path.relative(path.dirname(database), path.join(folder, 'served'));
    this.#app = app.split(path.sep).join('/');
  }

  /** The newest value of a key whose bytes are right. Those found wrong are quarantined. */
  async get(key: string, signal?: AbortSignal): Promise<Found | undefined> {
    const meaning = readKey(key);
    if (meaning.kind === 'notebook') return this.#readList(key);
    const waiting = meaning.kind === 'part' ? this.#parts.get(meaning, key) : undefined;
    const held = waiting && (await openHeld(waiting));
    if (held !== undefined) return held;
    return this.#firstOf(key, (loader, item) => readRight(loader, item, signal));
  }

  /** Whether `get` has something to read; no bytes are. */
  async has(key: string): Promise<boolean> {
    const meaning = readKey(key);
    if (meaning.kind === 'notebook') return (await this.#readList(key)) !== undefined;
    if (meaning.kind === 'part' && this.#parts.get(meaning, key) !== undefined) return true;
    const isThere = async (loader: SqliteLoader, item: ItemSummary) =>
      item.file === undefined || (await loader.values.file(item)).kind === 'file' || undefined;
    return (await this.#firstOf(key, isThere)) ?? false;
  }

  /**
   * What the newest value of a key gives, or else the next. One that was replaced while it was looked at
   * gives nothing, and what is in its place is listed by then: a value that was there before and after is
   * never missed.
   */
  async #firstOf<T>(
    key: string,
    give: (loader: SqliteLoader, item: ItemSummary) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const loader = await this.caches.existing(this.database);
    const tried = new Set<string>();
    for (;;) {
      const items = (await loader?.itemsByKey(this.#app, key)) ?? [];
      const others = items.filter((item) => !tried.has(nameOf(item)));
      if (loader === undefined || others.length === 0) return undefined;
      for (const item of others) {
        tried.add(nameOf(item));
        const given = await give(loader, item);
        if (given !== undefined) return given;
      }
    }
  }

  /**
   * Takes in a value. A whole entry is saved at once; the values of one with a manifest are held until
   * that comes, and then saved with it in one transaction.
   */
  async put(key: string, content: Content, versions: Versions): Promise<Put> {
    const meaning = readKey(key);
    if (meaning.kind === 'notebook') return this.#writeList(key, content);
    const loader = await this.caches.begun(this.database);
    // Bytes are read before their turn to write comes: a slow sender keeps nobody else waiting.
    if (meaning.kind === 'part') {
      const held = await loader.hold(itemOf(key, content));
      await loader.release(this.#parts.put(meaning, held, Date.now()));
      return saved;
    }
    const { entry } = meaning;
    if (entry.loader === 'lazy') return this.#putManifest(loader, key, entry, content, versions);
    const whole = await loader.hold(itemOf(key, content));
    try {
      return await this.#save(loader, entry, [whole], versions);
    } finally {
      // Where nothing could be saved, nobody else gives it up.
      await loader.release([whole]);
    }
  }

  async #putManifest(
    loader: SqliteLoader,
    key: string,
    entry: EntryKey,
    content: Content,
    versions: Versions,
  ): Promise<Put> {
    const parts = this.#parts.take(entry);
    try {
      const manifest = await collect(content);
      if (manifest === undefined) return refused('tooLarge');
      const values = valuesNamedBy(manifest);
      if (values === undefined) return refused('noManifest');
      const there = new Set(parts.map(({ item }) => item.key));
      // A value that could not be put is not missed by marimo, which sends the manifest all the same.
      if (![...values.keys()].every((named) => there.has(named))) return refused('incomplete');
      const items = parts.map((part) => ({
        ...part,
        item: { ...part.item, typeHint: values.get(part.item.key) },
      }));
      const whole = { ...itemOf(key, content), name: 'manifest', content: [manifest] };
      return await this.#save(loader, entry, [...items, whole], versions);
    } finally {
      await loader.release(parts);
    }
  }

  async #save(
    loader: SqliteLoader,
    entry: EntryKey,
    items: NewEntry['items'],
    versions: Versions,
  ): Promise<Put> {
    const cell = { outsideOf: this.#app };
    await loader.save({ ...entry, cell, node: undefined, runtime: undefined, versions, items });
    return saved;
  }

  /** Gives up the values whose manifest has not come. */
  async close(): Promise<void> {
    const parts = this.#parts.takeAll();
    if (parts.length > 0) await (await this.caches.existing(this.database))?.release(parts);
  }

  /** marimo's list of a notebook's keys, a file where marimo's tools look for it. It holds no value. */
  async #readList(key: string): Promise<Found | undefined> {
    try {
      return { kind: 'bytes', bytes: await readFile(this.#listFile(key)) };
    } catch (error) {
      if (isMissing(error) || isTooLong(error)) return undefined;
      throw error;
    }
  }

  async #writeList(key: string, content: Content): Promise<Put> {
    const bytes = await collect(content);
    if (bytes === undefined) return refused('tooLarge');
    await this.caches.begun(this.database);
    const partial = `${this.#listFile(key)}.tmp${randomUUID().slice(0, 8)}`;
    try {
      await writeFile(partial, bytes, { flag: 'wx' });
      await rename(partial, this.#listFile(key));
    } catch (error) {
      // A name that is too long for a file is so for `rm`, too.
      if (isTooLong(error)) return refused('tooLarge');
      await rm(partial, { force: true });
      throw asFileError(error, this.#listFile(key));
    }
    return saved;
  }

  /** `readKey` has seen that the key is a plain file name. */
  #listFile(key: string): string {
    return path.join(path.dirname(this.database), key);
  }
}

/** The name of a file is longer than its file system has names. */
function isTooLong(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENAMETOOLONG';
}

/** Tells a value from the one in its place before: an id alone is given out again. */
function nameOf({ entryId, createdAt, digest }: DatedItem): string {
  return `${entryId} ${createdAt} ${digest}`;
}

async function openHeld({ held, size }: HeldItem): Promise<Found | undefined> {
  return 'bytes' in held
    ? { kind: 'bytes', bytes: held.bytes }
    : openFound({ path: held.partial, size });
}

/** @returns `undefined` for a file that was saved, replaced or cleared since it was found. */
async function openFound({ path, size }: Omit<BlobFile, 'kind'>): Promise<Found | undefined> {
  const file = await openBlob(path);
  return 'why' in file ? undefined : { kind: 'file', file, size };
}

async function readRight(
  loader: SqliteLoader,
  item: ItemSummary,
  signal: AbortSignal | undefined,
): Promise<Found | undefined> {
  const verdict = await loader.values.verify(item, { quarantine: true, ...(signal && { signal }) });
  if (verdict.kind === 'lost') return undefined;
  const found =
    item.file === undefined ? await loader.values.inline(item) : await loader.values.file(item);
  switch (found.kind) {
    case 'bytes':
      return found;
    case 'file':
      return openFound(found);
    case 'lost':
      return undefined;
  }
}

/** @returns `undefined` for more than the limit. */
async function collect(content: Content): Promise<Buffer | undefined> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of content) {
    pieces.push(piece);
    size += piece.byteLength;
    if (size > manifestLimit) return undefined;
  }
  return Buffer.concat(pieces);
}
