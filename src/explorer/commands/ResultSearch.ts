import type { EntryReference } from '../../protocol/references';
import { inEditors, type OpenCells } from '../../protocol/standing';
import type { Caches } from '../../store/Caches';
import { isSameGeneration } from '../../store/database/generation';
import { wordsOf } from '../../store/entries/searching';
import type { AppSummary, FoundEntry } from '../../store/rows';
import { belongs, isThere, type Found } from '../tree/found';
import type { Reader } from '../tree/row';
import { eachCache } from './eachCache';
import { linesOf, type Origin, type ResultLine } from './resultLines';

/** Lines of a list; what is beyond is found by more words. */
export const mostLines = 100;

/** What a text finds. */
export interface FoundResults {
  /** What was saved or served last first, and what was found by code alone after these. */
  readonly lines: readonly ResultLine[];
  /** Whether there are more. */
  readonly more: boolean;
  /** Whether anything is kept that could be found. */
  readonly isAny: boolean;
  /** Why caches were left out. */
  readonly faults: readonly unknown[];
}

/** What a text finds in one cache. */
interface OfCache {
  readonly origin: Origin;
  readonly found: readonly FoundEntry[];
}

/** Searches the results that are kept for the notebooks of a workspace. */
export class ResultSearch {
  /** Whether notebooks are there, by absolute path. */
  private readonly files = new Map<string, Promise<boolean>>();

  constructor(
    private readonly caches: Caches,
    private readonly options: {
      /** The caches to search. */
      readonly found: Promise<Found>;
      /** What open notebooks say of the cells of a cache, by its number. */
      readonly openCells: (cache: number) => OpenCells;
      /** What people call a notebook where it is not to be taken for another one. */
      readonly nameOf: (app: AppSummary) => string;
      readonly reader: () => Reader;
    },
  ) {}

  /**
   * What a text finds in all caches together.
   * @throws where none of them can be searched, and the signal's reason once that is aborted
   */
  async find(text: string, signal: AbortSignal): Promise<FoundResults> {
    const found = await this.options.found;
    signal.throwIfAborted();
    const paths = [...new Set(found.databases.map(({ path }) => path))];
    const faults: unknown[] = [];
    const searched = await eachCache(
      paths,
      signal,
      (path) => this.searchOne(path, text, found, signal),
      (error) => faults.push(error),
    );
    signal.throwIfAborted();
    const all = searched.filter((one) => one !== undefined);
    const [words, reader] = [wordsOf(text), this.options.reader()];
    const lines = all
      .flatMap(({ origin, found }) => linesOf(found, origin, words, reader))
      .sort((a, b) => Number(b.isNamed) - Number(a.isNamed) || b.usedAt - a.usedAt);
    return {
      lines: lines.slice(0, mostLines),
      more: lines.length > mostLines,
      isAny: all.some(({ origin }) => origin.notebooks.size > 0),
      faults,
    };
  }

  /** Whether a result is still in its cache, and no other has been given its id. @throws CacheError */
  async isThere({ cache, generation, entryId, hash }: EntryReference): Promise<boolean> {
    const path = this.caches.path(cache);
    const loader = path === undefined ? undefined : await this.caches.existing(path);
    if (loader === undefined || !isSameGeneration(generation, await loader.generation()))
      return false;
    return (await loader.entry(entryId))?.hash === hash;
  }

  /** @returns `undefined` where there is no cache any more */
  private async searchOne(
    path: string,
    text: string,
    { databases, folders }: Found,
    signal: AbortSignal,
  ): Promise<OfCache | undefined> {
    const loader = await this.caches.existing(path);
    if (loader === undefined) return undefined;
    // First: of a cache that is replaced meanwhile nothing that is found may pass for what is there.
    const generation = await loader.generation();
    const parts = databases.filter((database) => database.path === path);
    const apps = (await loader.appsInShort()).filter(
      (app) =>
        app.entries > 0 && parts.some((database) => belongs(app.notebook, database, folders)),
    );
    signal.throwIfAborted();
    const names = new Map(apps.map((app) => [app.appId, this.options.nameOf(app)]));
    const cache = this.caches.number(path);
    const open = this.options.openCells(cache);
    const search = { text, notebooks: names, most: mostLines + 1, open: inEditors(open) };
    const found = names.size === 0 ? [] : await loader.search(search, signal);
    const shown = new Set(found.map(({ cell }) => cell.appId));
    const notebooks = await Promise.all(
      apps.map(async (app) => {
        const exists = shown.has(app.appId) && (await this.exists(app.notebook, path));
        return [app.appId, { name: this.options.nameOf(app), exists }] as const;
      }),
    );
    return { origin: { cache, generation, notebooks: new Map(notebooks), open }, found };
  }

  private exists(notebook: string, database: string): Promise<boolean> {
    let there = this.files.get(notebook);
    if (there === undefined) {
      there = isThere(notebook, database);
      this.files.set(notebook, there);
    }
    return there;
  }
}
