import type { HeldItem } from '../store/rows';

/** Milliseconds without a further value after which nobody waits any more for the manifest. */
const patience = 60 * 60 * 1000;
/**
 * Bytes of values that are held: beyond them, those that waited longest are given up. None that came
 * within `grace` milliseconds are, since a kernel that is still making an entry sends one value after
 * the other, and the manifest right after the last.
 */
const limit = 2 ** 30;
const grace = 10 * 60 * 1000;

interface Waiting {
  /** When the last value came. */
  readonly newest: number;
  readonly items: Map<string, HeldItem>;
}

/** Values whose manifest has not come yet, by cache name and hash: without it they are no entry. */
export class Parts {
  readonly #waiting = new Map<string, Waiting>();

  /** @param now in milliseconds @returns what has to be released now: replaced, or waited for in vain. */
  put(of: PartOf, item: HeldItem, now: number): HeldItem[] {
    const items = this.#waiting.get(name(of))?.items ?? new Map<string, HeldItem>();
    // Behind all others, so that the first one is the one that waited longest.
    this.#waiting.delete(name(of));
    this.#waiting.set(name(of), { newest: now, items });
    const replaced = items.get(item.item.key);
    items.set(item.item.key, item);
    const loose = this.#takeOlderThan(now - patience);
    loose.push(...this.#takeBeyond(limit, now - grace));
    if (replaced !== undefined) loose.push(replaced);
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
    const old = [...this.#waiting].filter(([, { newest }]) => newest < moment);
    for (const [each] of old) this.#waiting.delete(each);
    return old.flatMap(([, { items }]) => [...items.values()]);
  }

  /** Takes those that waited longest, and since before `moment`, until no more bytes than that stay. */
  #takeBeyond(most: number, moment: number): HeldItem[] {
    let held = 0;
    for (const { items } of this.#waiting.values()) held += sizeOf(items);
    const taken: HeldItem[] = [];
    for (const [each, { newest, items }] of this.#waiting) {
      if (held <= most || newest >= moment) break;
      held -= sizeOf(items);
      this.#waiting.delete(each);
      taken.push(...items.values());
    }
    return taken;
  }
}

interface PartOf {
  readonly cacheName: string;
  readonly hash: string;
}

function sizeOf(items: ReadonlyMap<string, HeldItem>): number {
  let size = 0;
  for (const item of items.values()) size += item.size;
  return size;
}

function name({ cacheName, hash }: PartOf): string {
  return `${cacheName}/${hash}`;
}
