import type { Fate } from '../protocol/preview';
import type { AppSummary, CellSummary, EntrySummary, ItemSummary } from '../store/rows';
import { isSameGeneration } from '../store/database/generation';
import type { SqliteLoader } from '../store/SqliteLoader';
import type { EntryReader } from './EntryReader';
import { fateOf, isSame, newerThan } from './fate';
import type { Identity } from './fate';

/** What is asked of the loader about an entry. */
export type EntryLoader = Pick<
  SqliteLoader,
  'path' | 'generation' | 'app' | 'cell' | 'entries' | 'entry' | 'items'
>;

/** What is known of an entry beside its id. */
export interface Asking {
  /** What it must be, where its id may by now be another one's. */
  readonly expected?: Identity | undefined;
  /** What editors know better than the cache. */
  readonly open?: () => Parameters<EntryLoader['entry']>[1];
}

/** An entry as it was when it was last there: what is shown of it stays when it is cleared. */
export class ShownEntry {
  readonly reader: EntryReader;
  readonly items: readonly ItemSummary[];
  readonly #loader: EntryLoader;
  #entry: EntrySummary;
  #cell: CellSummary;
  #app: AppSummary | undefined;
  #siblings: readonly EntrySummary[] = [];
  /** What the cache holds under the entry's id. */
  #now: EntrySummary | undefined;
  /** Of which of the databases in the cache's place the ids are. */
  #generation: string;
  #isCellThere = true;

  private constructor(
    loader: EntryLoader,
    reader: EntryReader,
    entry: EntrySummary,
    cell: CellSummary,
    items: readonly ItemSummary[],
    generation: string,
    private readonly open: NonNullable<Asking['open']>,
  ) {
    this.#generation = generation;
    this.#loader = loader;
    this.reader = reader;
    this.#entry = entry;
    this.#cell = cell;
    this.items = items;
  }

  /**
   * @param newReader is called when there is something to read
   * @returns `undefined` when it is not in the cache
   */
  static async find(
    loader: EntryLoader,
    entryId: number,
    newReader: () => EntryReader,
    { expected, open = () => undefined }: Asking,
  ): Promise<ShownEntry | undefined> {
    const generation = await loader.generation();
    const entry = await loader.entry(entryId, open());
    if (entry === undefined) return undefined;
    if (expected !== undefined && !isSame(expected, entry)) return undefined;
    const cell = await loader.cell(entry.cellId);
    if (cell === undefined) return undefined;
    const items = await loader.items(entryId);
    const shown = new ShownEntry(loader, newReader(), entry, cell, items, generation, open);
    await shown.refresh();
    return shown;
  }

  /** Absolute path of the database. */
  get database(): string {
    return this.#loader.path;
  }

  /** Of which of the databases there the cell's id is, and those of its entries. */
  get generation(): string {
    return this.#generation;
  }

  get entry(): EntrySummary {
    return this.#entry;
  }

  get cell(): CellSummary {
    return this.#cell;
  }

  get app(): AppSummary | undefined {
    return this.#app;
  }

  get fate(): Fate {
    return fateOf(this.#entry, this.#now, this.#siblings);
  }

  /** All results of its cell. */
  get siblings(): readonly EntrySummary[] {
    return this.#siblings;
  }

  /** The newest result that stands in its place, if there is one. */
  get newer(): EntrySummary | undefined {
    return newerThan(this.#entry, this.#siblings);
  }

  /** Whether the cache holds another entry under the same id by now. */
  get isSupplanted(): boolean {
    return this.#now !== undefined && !isSame(this.#entry, this.#now);
  }

  /**
   * Whether the cell's id is still the cell's: where another database has taken the place of the one that
   * was shown, it may be that of any cell.
   */
  get isCellThere(): boolean {
    return this.#isCellThere;
  }

  /** Looks again. @throws CacheError */
  async refresh(): Promise<void> {
    const { cellId, entryId } = this.#entry;
    await this.#findCell();
    const open = this.open();
    this.#now = await this.#loader.entry(entryId, open);
    this.#siblings = this.#isCellThere ? await this.#loader.entries(cellId, open) : [];
    if (this.#now === undefined || !isSame(this.#entry, this.#now)) return;
    this.#entry = this.#now;
    this.#cell = (await this.#loader.cell(cellId)) ?? this.#cell;
    this.#app = (await this.#loader.app(this.#cell.appId)) ?? this.#app;
  }

  /** After another database took the cache's place: a run may have given the cell its id again. */
  async #findCell(): Promise<void> {
    const generation = await this.#loader.generation();
    if (isSameGeneration(generation, this.#generation)) {
      // The one that was shown may also have come back to its place.
      this.#isCellThere = true;
      return;
    }
    const now = await this.#loader.cell(this.#cell.cellId);
    const app = now && (await this.#loader.app(now.appId));
    const isSameCode =
      now?.code === this.#cell.code || (now?.name !== undefined && now.name === this.#cell.name);
    this.#isCellThere = isSameCode && app?.notebook === this.#app?.notebook;
    if (this.#isCellThere) this.#generation = generation;
  }
}
