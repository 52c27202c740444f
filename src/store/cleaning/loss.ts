import type { Candidate } from './retention';

/** A result that leaves, as far as it takes something to make it again. */
export type Lost = Pick<Candidate, 'cellId' | 'part' | 'seconds' | 'amount'>;

/**
 * Adds up what it takes to make again what leaves the cache: the seconds that computing took, and the
 * money. Of each cell it is what its own results took, or the functions and blocks in it, whichever is
 * more: both would tell most of it twice, since what they took is part of what the cell took. The
 * kernel's side does the same, by `test/fixtures/loss.json`, and `savedByCell` of what a cell saves.
 */
export class Loss {
  readonly #seconds = new ByCell();
  readonly #amount = new ByCell();

  constructor(results: Iterable<Lost> = []) {
    this.add(results);
  }

  add(results: Iterable<Lost>): void {
    for (const { cellId, part, seconds, amount } of results) {
      this.#seconds.add(cellId, part, seconds);
      if (amount !== 0) this.#amount.add(cellId, part, amount);
    }
  }

  get seconds(): number {
    return this.#seconds.total;
  }

  get amount(): number {
    return this.#amount.total;
  }
}

/** A sum over cells, kept as it grows: of very many results it is asked often. */
class ByCell {
  total = 0;
  readonly #sums = new Map<number, { own: number; parts: number }>();

  add(cellId: number, part: boolean, amount: number): void {
    const sums = this.#sums.get(cellId) ?? { own: 0, parts: 0 };
    const before = Math.max(sums.own, sums.parts);
    sums[part ? 'parts' : 'own'] += amount;
    this.total += Math.max(sums.own, sums.parts) - before;
    this.#sums.set(cellId, sums);
  }
}
