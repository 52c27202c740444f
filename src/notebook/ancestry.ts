/** What has changed among the recorded ancestors of a cell, as one version of its document has them. */

import { hasWord } from './texts';
import type { CurrentCell, StoredNode } from './stored';

/** The nearest node, among one and its ancestors, that is not as it was. */
export type Change =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'changed';
      readonly node: string;
      readonly steps: number;
      /** The place of a cell that has taken a hand in it, while the node itself is as it was. */
      readonly by?: number;
    }
  /** The record has a gap, and nothing nearer than that has changed. */
  | { readonly kind: 'unknown' };

/** What has changed among the nodes for one version of a document; each node is looked at once. */
export class Ancestry {
  readonly #found = new Map<string, Change>();
  /** The places of the document's cells, by their digests. */
  readonly #places: ReadonlyMap<string, number>;

  /** @param newNames names that may come from elsewhere now, with who defines them */
  constructor(
    private readonly nodes: ReadonlyMap<string, readonly StoredNode[]>,
    private readonly current: readonly CurrentCell[],
    private readonly newNames: ReadonlyMap<string, readonly number[]>,
  ) {
    this.#places = new Map(current.map((cell, index) => [cell.digest, index]));
  }

  /**
   * @param placeOf where a cell that was edited is now, by the cache's id
   * @returns the places of the cells that a node stands on, itself among them.
   */
  placesOf(root: string, placeOf: (cellId: number) => number | undefined): number[] {
    const nodes = new Set([root]);
    const places = new Set<number>();
    // A set's iterator goes on to what is added on the way.
    for (const node of nodes) {
      const equal = this.nodes.get(node) ?? [];
      const [stored] = equal;
      const place =
        this.#places.get(stored?.codeDigest ?? '') ??
        equal.map(({ cellId }) => placeOf(cellId)).find((found) => found !== undefined);
      if (place !== undefined) places.add(place);
      for (const parent of stored?.parents ?? []) nodes.add(parent);
    }
    return [...places];
  }

  /** Goes down with a stack of its own: a notebook may be one long chain of cells. */
  findChange(root: string): Change {
    const stack = [root];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const [node] = this.nodes.get(top) ?? [];
      const open = node?.parents.filter((parent) => !this.#found.has(parent)) ?? [];
      if (node && open.length > 0 && !this.#found.has(top)) {
        // A forged record may go in circles: a node that is met on the way to itself ends them.
        this.#found.set(top, { kind: 'none' });
        stack.push(...open);
      } else {
        this.#found.set(top, this.#combine(node));
        stack.pop();
      }
    }
    return this.#found.get(root) ?? { kind: 'unknown' };
  }

  #combine(node: StoredNode | undefined): Change {
    if (!node) return { kind: 'unknown' };
    const cell = this.current[this.#places.get(node.codeDigest) ?? -1];
    if (!cell) return { kind: 'changed', node: node.node, steps: 0 };
    const by = this.#newParent(node, cell);
    if (by !== undefined) return { kind: 'changed', node: node.node, steps: 1, by };
    let nearest: Change = { kind: 'none' };
    for (const parent of node.parents) {
      const change = this.#found.get(parent) ?? { kind: 'none' };
      if (change.kind === 'changed') {
        const steps = change.steps + 1;
        if (nearest.kind !== 'changed' || steps < nearest.steps) nearest = { ...change, steps };
      } else if (change.kind === 'unknown' && nearest.kind === 'none') {
        nearest = change;
      }
    }
    return nearest;
  }

  /**
   * @returns the place of a cell that is no recorded parent of a node and now defines a name that the
   * node's code has, if only as an attribute or in a string: which it is, marimo knows.
   */
  #newParent(node: StoredNode, cell: CurrentCell): number | undefined {
    if (this.newNames.size === 0) return undefined;
    const parents = new Set(
      node.parents.flatMap((parent) => (this.nodes.get(parent) ?? []).map((one) => one.codeDigest)),
    );
    for (const [name, places] of this.newNames) {
      if (!hasWord(cell, name)) continue;
      const place = places.find((index) => {
        const definer = this.current[index];
        return definer && definer.digest !== cell.digest && !parents.has(definer.digest);
      });
      if (place !== undefined) return place;
    }
    return undefined;
  }
}
