/**
 * Which stored cell a document's cell is. The kernel decides this when it saves and VS Code when it
 * reads, by the same rule; both run the table `test/fixtures/identity.json`.
 */

/** What is known of a cell by its looks; `code` is what `normalise` makes of it. */
export interface Appearance {
  /** Absent, or `_`, when the notebook gives the cell no name. */
  readonly name: string | undefined;
  readonly code: string;
  readonly defs: readonly string[];
}

export interface KnownCell extends Appearance {
  readonly id: number;
  /** Whether it was gone from the notebook when the kernel last saw that. */
  readonly retired: boolean;
}

/** `reason` says by what the cell was recognised. */
export type Assignment =
  | { readonly id: number; readonly reason: 'code' | 'name' | 'defs' }
  | { readonly id: undefined; readonly reason: 'new' };

/**
 * Recognises cells by the strongest evidence first: equal code, equal name, most names in common. A
 * later kind of evidence sees only what the earlier ones left over. Living cells go before retired
 * ones, then the order in the notebook decides.
 * @param before stored cells, in notebook order
 * @param after the notebook's cells, in its order
 * @returns one assignment for each of `after`; no id appears twice
 */
export function assignCells(
  before: readonly KnownCell[],
  after: readonly Appearance[],
): Assignment[] {
  const assigned = new Map<number, Assignment>();
  const candidates = [
    ...before.filter((cell) => !cell.retired),
    ...before.filter((cell) => cell.retired),
  ];
  const left = new Set(candidates);
  const assign = (index: number, cell: KnownCell, reason: 'code' | 'name' | 'defs') => {
    assigned.set(index, { id: cell.id, reason });
    left.delete(cell);
  };

  const pairByKey = (reason: 'code' | 'name', keyOf: (cell: Appearance) => string | undefined) => {
    const queues = new Map<string, KnownCell[]>();
    for (const cell of left) {
      const key = keyOf(cell);
      if (key === undefined) continue;
      const queue = queues.get(key);
      if (queue) queue.push(cell);
      else queues.set(key, [cell]);
    }
    for (const [index, cell] of after.entries()) {
      if (assigned.has(index)) continue;
      const key = keyOf(cell);
      const match = key === undefined ? undefined : queues.get(key)?.shift();
      if (match) assign(index, match, reason);
    }
  };
  // Cells without code are many and say nothing about each other.
  pairByKey('code', (cell) => cell.code || undefined);
  pairByKey('name', (cell) => (cell.name === '_' ? undefined : cell.name));

  for (const { cell, index } of pairsByDefs([...left], after, assigned)) {
    if (left.has(cell) && !assigned.has(index)) assign(index, cell, 'defs');
  }
  return after.map((_, index) => assigned.get(index) ?? { id: undefined, reason: 'new' });
}

/** @returns the pairs that define a name in common, those to make first in front. */
function pairsByDefs(
  candidates: readonly KnownCell[],
  after: readonly Appearance[],
  assigned: ReadonlyMap<number, Assignment>,
): { readonly cell: KnownCell; readonly index: number }[] {
  const definers = new Map<string, number[]>();
  for (const [index, cell] of after.entries()) {
    if (assigned.has(index)) continue;
    for (const name of new Set(cell.defs)) {
      const indices = definers.get(name);
      if (indices) indices.push(index);
      else definers.set(name, [index]);
    }
  }
  const pairs = candidates.flatMap((cell, order) => {
    const shared = new Map<number, number>();
    for (const name of new Set(cell.defs)) {
      for (const index of definers.get(name) ?? []) {
        shared.set(index, (shared.get(index) ?? 0) + 1);
      }
    }
    return [...shared].map(([index, names]) => ({ cell, order, index, names }));
  });
  return pairs.sort(
    (a, b) =>
      Number(a.cell.retired) - Number(b.cell.retired) ||
      b.names - a.names ||
      a.order - b.order ||
      a.index - b.index,
  );
}
