import type { HeldItem } from '../store/rows';

/** Milliseconds after which nobody waits any more for the manifest of an entry. */
const patience = 60 * 60 * 1000;

interface Waiting {
  readonly since: number;
  readonly items: Map<string, HeldItem>;
}

/** Values whose manifest has not come yet, by cache name and hash: without it they are no entry. */
export class Parts {
  readonly #waiting = new Map<string, Waiting>();

  /** @param now in milliseconds @returns what has to be released now: replaced, or waited for in vain. */
  put(of: PartOf, item: HeldItem, now: number): HeldItem[] {
    const loose = this.#takeOlderThan(now - patience);
    let waiting = this.#waiting.get(name(of));
    if (waiting === undefined) {
      waiting = { since: now, items: new Map() };
      this.#waiting.set(name(of), waiting);
    }
    const replaced = waiting.items.get(item.item.key);
    if (replaced !== undefined) loose.push(replaced);
    waiting.items.set(item.item.key, item);
    return loose;
  }

  get(of: PartOf, key: string): HeldItem | undefined {
    return this.#waiting.get(name(of))?.items.get(key);
  }

  /** Hands over the values of an entry, which nobody waits for any more. */
  take(of: PartOf): HeldItem[] {
    const waiting = this.#waiting.get(name(of));
    this.#waiting.delete(name(of));
    return [...(waiting?.items.values() ?? [])];
  }

  takeAll(): HeldItem[] {
    return this.#takeOlderThan(Infinity);
  }

  #takeOlderThan(moment: number): HeldItem[] {
    const old = [...this.#waiting].filter(([, { since }]) => since < moment);
    for (const [each] of old) this.#waiting.delete(each);
    return old.flatMap(([, { items }]) => [...items.values()]);
  }
}

interface PartOf {
  readonly cacheName: string;
  readonly hash: string;
}

function name({ cacheName, hash }: PartOf): string {
  return `${cacheName}/${hash}`;
}
