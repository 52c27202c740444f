import type { ClearUndo } from '../../store/ClearUndo';
import type { BroughtBack } from '../../store/rows';

/** One clear that can be undone: of one or several databases. */
export interface RecentClear {
  /** The results, cells or notebooks, as people call them. */
  readonly names: readonly string[];
  /** How much it was: "3 cells". */
  readonly count: string;
  readonly undos: readonly Pick<ClearUndo, 'bringBack' | 'forget'>[];
}

/** How many are kept: what they took stays in memory and on the disk for as long. */
const most = 3;
/** Milliseconds for which each is. */
export const keptFor = 10 * 60_000;

/** The last clears, each of which can be undone for ten minutes. */
export class RecentClears {
  /** The oldest first, with what will forget it. */
  readonly #clears = new Map<RecentClear, NodeJS.Timeout>();

  /**
   * @param changed is told whether there is any
   * @param report is told of faults of work that nobody waits for
   */
  constructor(
    private readonly changed: (any: boolean) => void,
    private readonly report: (error: unknown) => void,
  ) {}

  get last(): RecentClear | undefined {
    return [...this.#clears.keys()].at(-1);
  }

  add(clear: RecentClear): void {
    this.#keep(clear);
    const [oldest] = this.#clears.keys();
    if (oldest !== undefined && this.#clears.size > most) this.#forget(oldest).catch(this.report);
  }

  /**
   * Undoes one of them. It stays where a fault came between; and where some of it is lost, unless it is the
   * last: an older one may have to wait until those after it are undone.
   * @returns `undefined` for one that is forgotten, or is being undone
   */
  async undo(clear: RecentClear): Promise<BroughtBack | undefined> {
    if (!this.#clears.has(clear)) return undefined;
    const newer = [...this.#clears.keys()];
    newer.splice(0, newer.indexOf(clear) + 1);
    // For as long as it takes nobody else does, and it is not forgotten.
    this.#take(clear);
    const sum = { entries: 0, there: 0, lost: 0 };
    try {
      for (const each of clear.undos) {
        const { entries, there, lost } = await each.bringBack();
        sum.entries += entries;
        sum.there += there;
        sum.lost += lost;
      }
    } catch (error) {
      this.#restore(clear, newer);
      throw error;
    }
    if (sum.lost > 0 && newer.length > 0) this.#restore(clear, newer);
    else await forgetAll(clear);
    return sum;
  }

  /** Forgets all. */
  async close(): Promise<void> {
    await Promise.all([...this.#clears.keys()].map((clear) => this.#forget(clear)));
  }

  #keep(clear: RecentClear): void {
    const timer = setTimeout(() => {
      this.#forget(clear).catch(this.report);
    }, keptFor);
    this.#clears.set(clear, timer);
    this.changed(true);
  }

  /** Puts one back to its place, before those that are newer. */
  #restore(clear: RecentClear, newer: readonly RecentClear[]): void {
    this.#keep(clear);
    for (const each of newer) {
      const timer = this.#clears.get(each);
      if (timer === undefined) continue;
      this.#clears.delete(each);
      this.#clears.set(each, timer);
    }
  }

  #take(clear: RecentClear): void {
    clearTimeout(this.#clears.get(clear));
    this.#clears.delete(clear);
    this.changed(this.#clears.size > 0);
  }

  #forget(clear: RecentClear): Promise<void> {
    this.#take(clear);
    return forgetAll(clear);
  }
}

async function forgetAll({ undos }: RecentClear): Promise<void> {
  await Promise.all(undos.map((each) => each.forget()));
}
