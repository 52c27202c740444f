/** So many of the last ones count: a pause in one of them, in which others ran, says nothing of the next. */
const counted = 5;

/**
 * How large each piece of some work is to be, by how long the last ones took; as in `pacing.py`, by
 * `test/fixtures/pacing.json`.
 */
export class Pace {
  #size: number;
  #each: number[] = [];

  /**
   * @param seconds what a piece is meant to take
   * @param first how large the first one is
   */
  constructor(
    private readonly seconds: number,
    first = 4,
  ) {
    this.#size = first;
  }

  get size(): number {
    return this.#size;
  }

  /** A piece of that size took so many seconds. */
  took(seconds: number): void {
    this.#each = [...this.#each, seconds / this.#size].slice(-counted);
    const each = Math.max(median(this.#each), 1e-9);
    this.#size = Math.max(1, Math.min(2 * this.#size, Math.floor(this.seconds / each)));
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = 0, high = 0] = sorted.slice(middle - 1);
  return sorted.length % 2 === 0 ? (low + high) / 2 : (sorted[middle] ?? 0);
}
