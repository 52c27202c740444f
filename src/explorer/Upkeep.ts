import type { Caches } from '../store/Caches';
import type { PrunePlan, Pruned } from '../store/cleaning/pruning';
import type { Disposable } from '../store/database/Watcher';

/** Seconds between two glances at what is due; without anything due one costs nothing. */
const glanceEvery = 30;
/** Seconds without a change, after which nobody is taken to be working with a cache. */
const idleAfter = 60;
/** Seconds between two clean-ups of one cache, and between two looks at all of them. */
const pause = 600;
const round = 3600;
/** Seconds by which clocks differ that nobody has set. */
const drift = 60;

export interface UpkeepParts {
  readonly caches: Caches;
  /** Absolute paths of the databases of this workspace. */
  readonly databases: () => Promise<readonly string[]>;
  readonly plan: (database: string, signal: AbortSignal) => Promise<PrunePlan | undefined>;
  /** Whether anything may be changed here. */
  readonly trusted: () => boolean;
  /** Unix seconds, and seconds by a clock that nobody sets. */
  readonly now: () => number;
  readonly steady: () => number;
  /** Called with what was done, where anything was. */
  readonly tell: (database: string, done: Pruned) => void;
  readonly report: (error: unknown) => void;
}

/**
 * The clean-up that VS Code makes by itself: some time after a cache was last changed, and of all of
 * them once an hour. Kernels do the same after a run, so mostly nothing is left to do; it is for
 * caches whose kernels were killed, or run without our package, and for budgets that were lowered.
 */
export class Upkeep implements Disposable {
  /** When each cache that may have something to give was last changed, by the steady clock. */
  readonly #due = new Map<string, number>();
  readonly #cleanedAt = new Map<string, number>();
  readonly #stop = new AbortController();
  readonly #changes: Disposable;
  readonly #timer: NodeJS.Timeout;
  #roundAt: number;
  #offset: number;
  #setAt = -Infinity;
  #working = false;

  constructor(private readonly parts: UpkeepParts) {
    this.#roundAt = parts.steady() - round + 2 * idleAfter;
    this.#offset = parts.now() - parts.steady();
    this.#changes = parts.caches.onDidChange((cache, change) => {
      const database = parts.caches.path(cache);
      if (database !== undefined && change === 'committed') this.#due.set(database, parts.steady());
    });
    this.#timer = setInterval(() => {
      void this.glance();
    }, glanceEvery * 1000);
  }

  /** Cleans up what is due and idle, one cache after the other. */
  async glance(): Promise<void> {
    if (this.#working || !this.parts.trusted() || this.#clockWasSet()) return;
    this.#working = true;
    try {
      await this.#lookAround();
      for (const [database, changedAt] of this.#due) {
        const now = this.parts.steady();
        const last = this.#cleanedAt.get(database) ?? -Infinity;
        if (this.#stop.signal.aborted) return;
        if (now - changedAt < idleAfter || now - last < pause) continue;
        this.#due.delete(database);
        this.#cleanedAt.set(database, now);
        await this.#clean(database).catch((error: unknown) => {
          if (!this.#stop.signal.aborted) this.parts.report(error);
        });
      }
    } catch (error) {
      this.parts.report(error);
    } finally {
      this.#working = false;
    }
  }

  dispose(): void {
    this.#stop.abort();
    clearInterval(this.#timer);
    this.#changes.dispose();
  }

  /** Once an hour everything is due, whoever changed it. */
  async #lookAround(): Promise<void> {
    const now = this.parts.steady();
    if (now - this.#roundAt < round) return;
    this.#roundAt = now;
    for (const database of await this.parts.databases()) {
      if (!this.#due.has(database)) this.#due.set(database, -Infinity);
    }
  }

  async #clean(database: string): Promise<void> {
    const loader = await this.parts.caches.existing(database);
    if (loader === undefined || !(await loader.isWritable())) return;
    // Then nobody knows what is current, or how old anything is.
    if (await loader.upkeep.wasUsedAfter(this.parts.now() + drift)) return;
    const { signal } = this.#stop;
    await loader.upkeep.sweep(this.parts.now(), signal);
    const plan = await this.parts.plan(database, signal);
    if (plan === undefined || plan.evictions.length === 0) return;
    const done = await loader.upkeep.prune(plan.evictions, { actor: 'vscode', signal });
    if (done.entries > 0) this.parts.tell(database, done);
  }

  /** Whether the clock was set in the last hour. */
  #clockWasSet(): boolean {
    const steady = this.parts.steady();
    const offset = this.parts.now() - steady;
    if (Math.abs(offset - this.#offset) > drift) this.#setAt = steady;
    this.#offset = offset;
    return steady - this.#setAt < round;
  }
}
