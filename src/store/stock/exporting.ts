import { keyOf } from '../entries/keys';
import { adopt } from './published';
import type { EntrySummary, ItemSummary } from '../rows';
import type { SqliteLoader } from '../SqliteLoader';
import { StockFolder } from './stock';

/** A notebook whose results are to be files, and the folder for them, absolute; it is made if need be. */
export interface Export {
  readonly appId: number;
  readonly destination: string;
}

/** What became of the results; of equal ones the newest that is whole counts. */
export interface Exported {
  readonly written: number;
  /** Where a newer file lay, which stays. */
  readonly newer: number;
  /** The keys of those that are not whole, or have no name for a file. */
  readonly damaged: readonly string[];
  /** Whether it was stopped before all were written. */
  readonly stopped: boolean;
}

export interface ExportOptions {
  readonly signal?: AbortSignal;
  /** Called after each result. */
  readonly step?: (done: number, total: number) => void;
}

/** Equal results, the newest first, and where one of them goes. */
interface Group {
  readonly key: string;
  readonly stock: StockFolder;
  readonly entries: EntrySummary[];
}

/**
 * Writes the results of notebooks as marimo's own files, as `export` of the kernel's side does
 * (`commands/exporting.py`): byte for byte, each with the time that it was made at, so that what a cell
 * cleared since stays cleared. The database is left as it is. All bytes are checked first.
 * @throws CacheError, or what the system says of the folder
 */
export async function exportFiles(
  loader: SqliteLoader,
  notebooks: readonly Export[],
  { signal, step }: ExportOptions = {},
): Promise<Exported> {
  const counts = { written: 0, newer: 0 };
  const damaged: string[] = [];
  const report = (stopped: boolean): Exported => ({ ...counts, damaged, stopped });
  const groups = await groupsOf(loader, notebooks);
  // Or the next run would take back what a kernel had written there for an export to WebAssembly.
  for (const stock of new Set(groups.map((group) => group.stock))) await adopt(stock.path);
  for (const [index, group] of groups.entries()) {
    if (signal?.aborted) return report(true);
    try {
      const outcome = await write(loader, group, signal);
      if (outcome === 'damaged') damaged.push(group.key);
      else counts[outcome]++;
    } catch (error) {
      if (signal?.aborted) return report(true);
      throw error;
    }
    step?.(index + 1, groups.length);
  }
  return report(false);
}

async function groupsOf(loader: SqliteLoader, notebooks: readonly Export[]): Promise<Group[]> {
  const stocks = new Map<string, StockFolder>();
  const groups = new Map<string, Group>();
  for (const { appId, destination } of notebooks) {
    const stock = stocks.get(destination) ?? new StockFolder(destination);
    stocks.set(destination, stock);
    for (const { cellId, entries: kept } of await loader.cells(appId)) {
      if (kept === 0) continue;
      for (const entry of await loader.entries(cellId)) {
        const key = nameOf(entry);
        const place = `${destination}\0${key}`;
        const group = groups.get(place) ?? { key, stock, entries: [] };
        groups.set(place, group);
        group.entries.push(entry);
      }
    }
  }
  for (const { entries } of groups.values()) entries.sort((a, b) => b.createdAt - a.createdAt);
  return [...groups.values()];
}

/** The key of the file that stands for an entry. */
function nameOf(entry: EntrySummary): string {
  const { cacheName, hash } = entry;
  return keyOf(entry) ?? (cacheName === '' ? hash : `${cacheName}/${hash}`);
}

async function write(
  loader: SqliteLoader,
  { key, stock, entries }: Group,
  signal: AbortSignal | undefined,
): Promise<'written' | 'newer' | 'damaged'> {
  for (const entry of entries) {
    const items = await loader.items(entry.entryId);
    const contents = await contentsOf(loader, items, signal);
    if (!contents?.has(key)) continue;
    if (((await stock.madeAt(entry)) ?? 0) > entry.createdAt) return 'newer';
    // The manifest last, as marimo does: it vouches for the others.
    const inOrder = [...contents].sort(([a], [b]) => Number(a === key) - Number(b === key));
    let isWritten = true;
    for (const [name, content] of inOrder) {
      isWritten &&= await stock.write(name, content, entry.createdAt);
    }
    if (isWritten) return 'written';
  }
  return 'damaged';
}

/** The bytes of an entry's values by key, or the files that hold them; `undefined` unless all are right. */
async function contentsOf(
  loader: SqliteLoader,
  items: readonly ItemSummary[],
  signal: AbortSignal | undefined,
): Promise<Map<string, Buffer | string> | undefined> {
  const contents = new Map<string, Buffer | string>();
  for (const item of items) {
    const options = { quarantine: false, ...(signal && { signal }) };
    if ((await loader.values.verify(item, options)).kind === 'lost') return undefined;
    const found =
      item.file === undefined ? await loader.values.inline(item) : await loader.values.file(item);
    if (found.kind === 'lost') return undefined;
    contents.set(item.key, found.kind === 'bytes' ? Buffer.from(found.bytes) : found.path);
  }
  return contents;
}
