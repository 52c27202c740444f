/**
 * Whether a document's cells are as they were when their results were saved. Pure: what the document
 * holds and what the cache recorded come in, a judgement for each cell goes out. It predicts from the
 * text alone; whether a run hits is decided by marimo.
 */

import { type Appearance, assignCells, type KnownCell } from './identity';
import { normalise } from './normalise';
import { hasWord } from './texts';

/** A cell of the document; `code` is normalised, `digest` is that text's SHA-256 as hex. */
export interface CurrentCell extends Appearance {
  readonly digest: string;
}

/** A stored cell with its code as it was last seen. */
export interface StoredCell {
  readonly cellId: number;
  readonly name: string | undefined;
  readonly code: string;
  readonly defs: readonly string[];
  readonly retired: boolean;
}

/** A cell as it stood when a result was saved, with the nodes of the cells that it depended on. */
export interface StoredNode {
  readonly node: string;
  readonly cellId: number;
  readonly codeDigest: string;
  readonly parents: readonly string[];
}

export interface StoredEntry {
  readonly entryId: number;
  readonly cellId: number;
  readonly node: string | undefined;
}

/** What the cache recorded of a notebook: cells in notebook order, entries by last use, latest first. */
export interface StoredNotebook<Entry extends StoredEntry = StoredEntry> {
  readonly cells: readonly StoredCell[];
  readonly entries: readonly Entry[];
  readonly nodes: readonly StoredNode[];
}

/** `entry` is the one that comes nearest to the document. */
export type Judgement<Entry extends StoredEntry = StoredEntry> =
  | { readonly state: 'neverCached'; readonly cellId: number | undefined }
  | { readonly state: 'fresh' | 'changedHere'; readonly cellId: number; readonly entry: Entry }
  /** Saved without a record of the code it was made from, or with one that is incomplete. */
  | { readonly state: 'unknown'; readonly cellId: number; readonly entry: Entry }
  | {
      readonly state: 'changedUpstream';
      readonly cellId: number;
      readonly entry: Entry;
      readonly changed: ChangedCell;
    };

/**
 * An ancestor that is not as it was: changed in the document, or no longer there. Or a cell that was
 * none, and now defines a name that is used below it.
 */
export interface ChangedCell {
  /** Absent for a cell that the cache does not know. */
  readonly cellId: number | undefined;
  /** Its place among the document's cells; absent when it is gone. */
  readonly index: number | undefined;
  /** As stored, for an ancestor that is gone. */
  readonly name: string | undefined;
  readonly code: string;
}

/** A stored notebook, arranged so that every version of its document is judged quickly. */
export class SavedNotebook<Entry extends StoredEntry = StoredEntry> {
  /** The stored cells, as they are recognised. */
  readonly known: readonly KnownCell[];
  readonly #cells: ReadonlyMap<number, StoredCell>;
  readonly #entries: ReadonlyMap<number, readonly Entry[]>;
  /** Equal cells have equal nodes. */
  readonly #nodes: ReadonlyMap<string, readonly StoredNode[]>;

  constructor(stored: StoredNotebook<Entry>) {
    this.known = stored.cells.map((cell) => ({
      ...cell,
      id: cell.cellId,
      code: normalise(cell.code),
    }));
    this.#cells = new Map(stored.cells.map((cell) => [cell.cellId, cell]));
    this.#entries = groupBy(stored.entries, ({ cellId }) => cellId);
    this.#nodes = groupBy(stored.nodes, ({ node }) => node);
  }

  /** @returns one judgement for each of `current`, in their order. */
  judge(current: readonly CurrentCell[]): Judgement<Entry>[] {
    const assigned = assignCells(this.known, current);
    const places = new Map(
      assigned.flatMap(({ id }, index) => (id === undefined ? [] : [[id, index] as const])),
    );
    const ancestry = new Ancestry(this.#nodes, current, this.#newNames(current));

    const judgeEntry = (cell: CurrentCell, entry: Entry): Judgement<Entry> => {
      const { cellId } = entry;
      const [own] = this.#nodes.get(entry.node ?? '') ?? [];
      if (!own) return { state: 'unknown', cellId, entry };
      if (own.codeDigest !== cell.digest) return { state: 'changedHere', cellId, entry };
      const found = ancestry.findChange(own.node);
      if (found.kind === 'none') return { state: 'fresh', cellId, entry };
      if (found.kind === 'unknown') return { state: 'unknown', cellId, entry };
      return {
        state: 'changedUpstream',
        cellId,
        entry,
        changed:
          found.by === undefined
            ? this.#describe(found.node, places)
            : { cellId: assigned[found.by]?.id, index: found.by, name: undefined, code: '' },
      };
    };

    return current.map((cell, index) => {
      const cellId = assigned[index]?.id;
      let nearest: Judgement<Entry> | undefined;
      for (const entry of cellId === undefined ? [] : (this.#entries.get(cellId) ?? [])) {
        const judgement = judgeEntry(cell, entry);
        if (!nearest || distance[judgement.state] < distance[nearest.state]) nearest = judgement;
        if (nearest.state === 'fresh') break;
      }
      return nearest ?? { state: 'neverCached', cellId };
    });
  }

  /**
   * @returns the places of the cells that define a name, by names that no cell defined when the
   * kernel saw the notebook, or that more than one defines now, which marimo refuses to run.
   */
  #newNames(current: readonly CurrentCell[]): Map<string, number[]> {
    const living = this.known.filter(({ retired }) => !retired);
    const before = new Set(living.flatMap(({ defs }) => defs));
    const definers = new Map<string, number[]>();
    for (const [index, { defs }] of current.entries()) {
      for (const name of new Set(defs)) definers.set(name, [...(definers.get(name) ?? []), index]);
    }
    return new Map(
      [...definers].filter(([name, places]) => places.length > 1 || !before.has(name)),
    );
  }

  /** Of equal cells, the one that the document still has is the one to name. */
  #describe(node: string, places: ReadonlyMap<number, number>): ChangedCell {
    const cells = (this.#nodes.get(node) ?? []).map(({ cellId }) => cellId);
    const cellId = cells.find((id) => places.has(id)) ?? cells[0] ?? -1;
    const cell = this.#cells.get(cellId);
    return { cellId, index: places.get(cellId), name: cell?.name, code: cell?.code ?? '' };
  }
}

/** An older result may be nearer to the document than the last one: code is also changed back. */
const distance = { fresh: 0, changedUpstream: 1, unknown: 2, changedHere: 3, neverCached: 4 };

/** The nearest node, among one and its ancestors, that is not as it was. */
type Change =
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
class Ancestry {
  readonly #found = new Map<string, Change>();
  readonly #cells: ReadonlyMap<string, CurrentCell>;

  /** @param newNames names that may come from elsewhere now, with who defines them */
  constructor(
    private readonly nodes: ReadonlyMap<string, readonly StoredNode[]>,
    private readonly current: readonly CurrentCell[],
    private readonly newNames: ReadonlyMap<string, readonly number[]>,
  ) {
    this.#cells = new Map(current.map((cell) => [cell.digest, cell]));
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
    const cell = this.#cells.get(node.codeDigest);
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

function groupBy<Key, Value>(
  values: readonly Value[],
  keyOf: (value: Value) => Key,
): Map<Key, Value[]> {
  const groups = new Map<Key, Value[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group) group.push(value);
    else groups.set(keyOf(value), [value]);
  }
  return groups;
}
