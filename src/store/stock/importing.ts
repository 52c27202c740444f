import { dirname, join, relative, sep } from 'node:path';
import type { Caches } from '../Caches';
import { itemOf, keyOf } from '../entries/keys';
import { jsonFault, manifestFault, valuesNamedBy } from './manifests';
import type { EntryKey, HeldItem } from '../rows';
import type { SqliteLoader } from '../SqliteLoader';
import { StockFault, StockFolder } from './stock';

/** Bytes of what has to be in memory to be judged: a manifest, or an entry that is one JSON object. */
const judgedUpTo = 64 << 20;

/** marimo's own cache of a folder of notebooks, and where its results go. Paths are absolute. */
export interface Import {
  /** The folder that the notebooks are in. */
  readonly notebooks: string;
  /** marimo's cache folder. */
  readonly stock: string;
  /** The database, which need not be there. */
  readonly database: string;
}

/** What became of the entries; of each that is damaged, its key and what is wrong. */
export interface Imported {
  readonly imported: number;
  readonly there: number;
  /** Cleared or evicted since they were made. */
  readonly cleared: number;
  readonly damaged: readonly { readonly key: string; readonly why: string }[];
  /** Those whose files are of no more use. */
  readonly done: readonly EntryKey[];
  /** Whether it was stopped before all were looked at. */
  readonly stopped: boolean;
}

export interface ImportOptions {
  readonly signal?: AbortSignal;
  /** Called after each entry. */
  readonly step?: (done: number, total: number) => void;
}

/**
 * Takes what marimo cached in files into the database, as `import` of the kernel's side does
 * (`commands/importing.py`; `test/fixtures/imports.json` holds for both). Nothing is unpickled, and no
 * file is removed. What is in already is skipped, so an import that was stopped goes on where it was.
 * @throws CacheError
 */
export async function importFiles(
  caches: Caches,
  { notebooks, stock, database }: Import,
  { signal, step }: ImportOptions = {},
): Promise<Imported> {
  const folder = new StockFolder(stock);
  const app = importedApp(notebooks, database);
  const counts = { imported: 0, there: 0, cleared: 0 };
  const damaged: { key: string; why: string }[] = [];
  const done: EntryKey[] = [];
  const report = (stopped: boolean): Imported => ({ ...counts, damaged, done, stopped });
  const entries = await folder.entries();
  if (entries.length === 0) return report(false);
  const loader = await caches.begun(database);
  for (const [index, entry] of entries.entries()) {
    if (signal?.aborted) return report(true);
    try {
      const outcome = await take(loader, folder, app, entry, signal);
      if (outcome.kind === 'damaged') damaged.push({ key: keyOf(entry) ?? '', why: outcome.why });
      else if (outcome.kind !== 'gone') counts[outcome.kind]++;
      if (outcome.done) done.push(entry);
    } catch (error) {
      if (signal?.aborted) return report(true);
      throw error;
    }
    step?.(index + 1, entries.length);
  }
  return report(false);
}

/** What {@link removeFiles} would remove, in bytes. */
export async function sizeOfFiles(stock: string, entries: readonly EntryKey[]): Promise<number> {
  const folder = new StockFolder(stock);
  let size = 0;
  for (const entry of entries) {
    for (const file of await folder.files(entry)) size += file.size;
  }
  return size;
}

/**
 * Removes the files of entries that are in the database whole, or were cleared, at this moment; others
 * stay.
 * @returns how many entries had files that are gone now. @throws CacheError
 */
export async function removeFiles(
  caches: Caches,
  { notebooks, stock, database }: Import,
  entries: readonly EntryKey[],
): Promise<number> {
  const folder = new StockFolder(stock);
  const app = importedApp(notebooks, database);
  const loader = await caches.existing(database);
  let removed = 0;
  if (loader === undefined) return removed;
  for (const entry of entries) {
    const state = await stateOf(loader, folder, app, entry);
    if (state.kind === 'waiting' || !state.done) continue;
    if (await folder.remove(entry)) removed++;
  }
  return removed;
}

type State =
  | { readonly kind: 'there' | 'cleared' | 'gone'; readonly done: boolean }
  | { readonly kind: 'waiting'; readonly madeAt: number };

type Outcome =
  | { readonly kind: 'imported' | 'there' | 'cleared' | 'gone'; readonly done: boolean }
  | { readonly kind: 'damaged'; readonly why: string; readonly done: false };

async function stateOf(
  loader: SqliteLoader,
  stock: StockFolder,
  app: string,
  entry: EntryKey,
): Promise<State> {
  const there = await loader.entryThere(app, entry);
  if (there !== 'not') return { kind: 'there', done: there === 'whole' };
  const madeAt = await stock.madeAt(entry);
  // Gone since the folder was listed, by a kernel or by hand.
  if (madeAt === undefined) return { kind: 'gone', done: false };
  if (madeAt <= (await loader.hiddenUntil(app, entry))) return { kind: 'cleared', done: true };
  return { kind: 'waiting', madeAt };
}

async function take(
  loader: SqliteLoader,
  stock: StockFolder,
  app: string,
  entry: EntryKey,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const state = await stateOf(loader, stock, app, entry);
  if (state.kind !== 'waiting') return state;
  const held: HeldItem[] = [];
  try {
    const why = await hold(loader, stock, entry, held, signal);
    if (why !== undefined) return { kind: 'damaged', why, done: false };
    const taken = await loader.takeOver({
      ...entry,
      // Whose it is, its file does not tell. A run whose lookup it answers makes it its own.
      cell: { outsideOf: app },
      node: undefined,
      runtime: undefined,
      // What it was made with, nobody noted.
      versions: {},
      items: held,
      madeAt: state.madeAt,
    });
    if (taken) return { kind: 'imported', done: true };
    // A kernel was faster, or it was cleared meanwhile.
    const after = await stateOf(loader, stock, app, entry);
    return after.kind === 'waiting' ? { kind: 'gone', done: false } : after;
  } finally {
    await loader.release(held);
  }
}

/** Reads an entry's bytes, a piece in memory at a time; or says what is wrong. */
async function hold(
  loader: SqliteLoader,
  stock: StockFolder,
  entry: EntryKey,
  held: HeldItem[],
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const key = keyOf(entry);
  if (key === undefined) return 'it cannot be read';
  try {
    if (entry.loader === 'pickle') return await holdPickle(loader, stock, key, held, signal);
    if (((await stock.size(key)) ?? 0) > judgedUpTo) return 'it is too large to be judged';
    const pieces: Buffer[] = [];
    for await (const each of stock.pieces(key, signal)) pieces.push(Buffer.from(each));
    const whole = Buffer.concat(pieces);
    const why =
      entry.loader === 'lazy'
        ? await holdParts(loader, stock, entry, whole, held, signal)
        : jsonFault(whole, entry.hash);
    if (why !== undefined) return why;
    const item = itemOf(key, [whole]);
    held.push(await loader.hold(entry.loader === 'lazy' ? { ...item, name: 'manifest' } : item));
    return undefined;
  } catch (error) {
    if (error instanceof StockFault) return 'it cannot be read';
    throw error;
  }
}

async function holdParts(
  loader: SqliteLoader,
  stock: StockFolder,
  entry: EntryKey,
  manifest: Buffer,
  held: HeldItem[],
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const hints = valuesNamedBy(manifest);
  for (const part of stock.parts(entry, manifest)) {
    const item = { ...itemOf(part, stock.pieces(part, signal)), typeHint: hints?.get(part) };
    try {
      held.push(await loader.hold(item));
    } catch (error) {
      // That it is not there is told below, should the manifest be one at all.
      if (!(error instanceof StockFault)) throw error;
    }
  }
  const digests = new Map(held.map(({ item, digest }) => [item.key, digest]));
  return manifestFault(manifest, entry.hash, digests);
}

/**
 * As far as one can tell without unpickling it: every pickle that marimo writes begins with its
 * protocol and ends with the code for its end.
 */
async function holdPickle(
  loader: SqliteLoader,
  stock: StockFolder,
  key: string,
  held: HeldItem[],
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  let first: number | undefined;
  let last: number | undefined;
  async function* watched() {
    for await (const bytes of stock.pieces(key, signal)) {
      first ??= bytes[0];
      last = bytes.at(-1);
      yield bytes;
    }
  }
  held.push(await loader.hold(itemOf(key, watched())));
  return first === 0x80 && last === 0x2e ? undefined : 'it is no pickle';
}

/** Stands for the notebook that imported entries of a folder belong to, as `apps.path` has it. */
function importedApp(notebooks: string, database: string): string {
  return relative(dirname(database), join(notebooks, 'imported')).split(sep).join('/');
}
