import { isDeepStrictEqual } from 'node:util';
import type { Doubt, OpenCells } from '../../protocol/standing';

/** What an open notebook says of cells with results in a cache, of which that does not know. */
export interface Said {
  /** The number of the cache. */
  readonly cache: number;
  readonly orphaned: readonly number[];
  readonly returned: readonly number[];
  readonly earlier: readonly number[];
  readonly doubts: readonly (readonly [number, Doubt])[];
}

/** What each open notebook said last. */
export class SaidOfCells {
  /** By URI of the notebook's file. */
  readonly #said = new Map<string, Said>();
  /** The same by cache: the view asks for it at each notebook and list of cells. */
  readonly #byCache = new Map<number, OpenCells>();
  /** How often each was asked. */
  readonly #asked = new Map<string, number>();

  /** @param cache the number of a database */
  in(cache: number): OpenCells {
    let open = this.#byCache.get(cache);
    if (open === undefined) {
      const said = [...this.#said.values()].filter((each) => each.cache === cache);
      open = {
        orphaned: new Set(said.flatMap(({ orphaned }) => orphaned)),
        returned: new Set(said.flatMap(({ returned }) => returned)),
        earlier: new Set(said.flatMap(({ earlier }) => earlier)),
        doubts: new Map(said.flatMap(({ doubts }) => doubts)),
      };
      this.#byCache.set(cache, open);
    }
    return open;
  }

  /**
   * Takes what a notebook says, unless it was asked again meanwhile: a later answer may come first.
   * @param answer nothing where there is nothing to say
   * @returns the numbers of the caches of which something else is said now
   */
  async take(notebook: string, answer: Promise<Said | undefined>): Promise<readonly number[]> {
    const asked = (this.#asked.get(notebook) ?? 0) + 1;
    this.#asked.set(notebook, asked);
    const now = await answer;
    if (this.#asked.get(notebook) !== asked) return [];
    this.#asked.delete(notebook);
    // Only now: another answer may have come while this one was waited for.
    const before = this.#said.get(notebook);
    if (now === undefined) this.#said.delete(notebook);
    else this.#said.set(notebook, now);
    if (isDeepStrictEqual(before, now)) return [];
    const caches = new Set([before, now].flatMap((each) => each?.cache ?? []));
    for (const cache of caches) this.#byCache.delete(cache);
    return [...caches];
  }
}
