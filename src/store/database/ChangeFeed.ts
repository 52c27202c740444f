import type { Change, Disposable, Watcher } from './Watcher';

/** Milliseconds between two looks while a view of ours is visible. */
const pollEvery = 500;
/** Milliseconds for which the events of one commit are collected. */
const settle = 40;
/** Milliseconds between two looks that events ask for, however many come. */
const pause = 150;

/**
 * Turns hints that something may have changed into few announcements of what did: file events, a
 * clock while somebody is watching, and our own writes lead to one look at the database each, and
 * only what the look finds is announced.
 */
export class ChangeFeed {
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #watch: Disposable | undefined;
  #poll: NodeJS.Timeout | undefined;
  #pending: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #lookedAt = -Infinity;
  #disposed = false;

  /** @param look tells what changed since it was last called; its errors go to `report`. */
  constructor(
    path: string,
    private readonly look: () => Promise<Change | undefined>,
    private readonly report: (error: unknown) => void,
    watcher: Watcher | undefined,
  ) {
    this.#watch = watcher?.watch(path, () => {
      this.#hint();
    });
  }

  onDidChange(listener: (change: Change) => void): Disposable {
    // Wrapped, so that a function registered twice is called twice and removed once.
    const own = (change: Change) => {
      listener(change);
    };
    this.#listeners.add(own);
    return { dispose: () => this.#listeners.delete(own) };
  }

  setVisible(visible: boolean): void {
    clearInterval(this.#poll);
    this.#poll = undefined;
    if (!visible || this.#disposed) return;
    this.#poll = setInterval(() => {
      // A look that waits for somebody's lock is not asked again meanwhile.
      if (this.#looking === undefined) void this.lookNow();
    }, pollEvery);
    void this.lookNow();
  }

  /** Looks at once, after a look that is under way; what it finds is announced before it resolves. */
  lookNow(): Promise<void> {
    const before = this.#looking;
    const looking = (async () => {
      await before;
      if (this.#disposed) return;
      try {
        const change = await this.look();
        this.#lookedAt = performance.now();
        if (change !== undefined) this.announce(change);
      } catch (error) {
        this.report(error);
      }
    })().finally(() => {
      if (this.#looking === looking) this.#looking = undefined;
    });
    this.#looking = looking;
    return looking;
  }

  announce(change: Change): void {
    if (this.#disposed) return;
    for (const listener of [...this.#listeners]) {
      try {
        listener(change);
      } catch (error) {
        this.report(error);
      }
    }
  }

  /** Waits for the look that is under way, so that nothing is left that uses the database. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#watch?.dispose();
    clearInterval(this.#poll);
    clearTimeout(this.#pending);
    this.#listeners.clear();
    await this.#looking;
  }

  #hint(): void {
    if (this.#disposed || this.#pending !== undefined) return;
    const wait = Math.max(settle, this.#lookedAt + pause - performance.now());
    this.#pending = setTimeout(() => {
      this.#pending = undefined;
      void this.lookNow();
    }, wait);
  }
}
