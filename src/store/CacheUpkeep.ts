import type { Access } from './Access';
import {
  type EntryName,
  nameEntries,
  planPruning,
  type PlanOptions,
  prune,
  type Pruned,
  type PruneOptions,
  type PrunePlan,
  wasUsedAfter,
} from './cleaning/pruning';
import type { Eviction } from './cleaning/retention';
import { findRubbish, sweep } from './cleaning/sweeping';

/** How the disk is looked after: what would go of one cache, and its going. */
export class CacheUpkeep {
  /** @param path absolute path of the database */
  constructor(
    private readonly path: string,
    private readonly access: Access,
  ) {}

  /** What a clean-up would evict now: {@link planPruning}. */
  plan(options: PlanOptions): Promise<PrunePlan | undefined> {
    return this.access.apart(
      (connection, _, signal) => planPruning(connection, this.path, { ...options, signal }),
      options.signal,
    );
  }

  /** Whose entries these are, by id. */
  nameEntries(entryIds: readonly number[]): Promise<Map<number, EntryName>> {
    return this.access.read(({ connection, path }) => nameEntries(connection, path, entryIds));
  }

  /**
   * Evicts what a plan chose, in transactions of a few milliseconds. Other changes of ours go on
   * beside it, as those of other processes do.
   */
  prune(evictions: readonly Eviction[], options: PruneOptions): Promise<Pruned> {
    return this.access.writeBeside(
      (writer, blobs, signal) => prune(writer, blobs, evictions, { ...options, signal }),
      options.signal,
    );
  }

  /**
   * Removes what is of no use to anybody, if there is any: {@link findRubbish}.
   * @param now Unix seconds
   * @returns how many rows and files went
   */
  async sweep(now: number, signal?: AbortSignal): Promise<number> {
    const generation = await this.access.generation();
    const rubbish = await this.access.apart(
      (connection, blobs) => findRubbish(connection, blobs, this.path, now),
      signal,
    );
    if (rubbish === undefined) return 0;
    return this.access.writeBeside(
      (writer, blobs, stop) => sweep(writer, blobs, this.path, rubbish, now, stop),
      signal,
      generation,
    );
  }

  /** Whether an entry was made or used after a time, in Unix seconds: {@link wasUsedAfter}. */
  wasUsedAfter(time: number): Promise<boolean> {
    return this.access.apart((connection) => wasUsedAfter(connection, time));
  }
}
