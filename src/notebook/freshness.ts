/**
 * Whether a document's cells are as they were when their results were saved. Pure: what the document
 * holds and what the cache recorded come in, a judgement for each cell goes out. It predicts from the
 * text alone; whether a run hits is decided by marimo.
 */

import { type Appearance, assignCells } from './identity';
import { normalise } from './normalise';

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

/** An ancestor that is not as it was: changed in the document, or no longer there. */
export interface ChangedCell {
  readonly cellId: number;
  /** Its place among the document's cells; absent when it is gone. */
  readonly index: number | undefined;
  /** As stored, for an ancestor that is gone. */
  readonly name: string | undefined;
  readonly code: string;
}

/** @returns one judgement for each of `current`, in their order. */
export function judgeCells<Entry extends StoredEntry>(
  current: readonly CurrentCell[],
  stored: StoredNotebook<Entry>,
): Judgement<Entry>[] {
  const assigned = assignCells(
    stored.cells.map((cell) => ({ ...cell, id: cell.cellId, code: normalise(cell.code) })),
    current,
  );
  const ancestry = new Ancestry(current, assigned, stored);
  const entries = new Map<number, Entry[]>();
  for (const entry of stored.entries) {
    const others = entries.get(entry.cellId);
    if (others) others.push(entry);
    else entries.set(entry.cellId, [entry]);
  }
  return current.map((cell, index) => {
    const cellId = assigned[index]?.id;
    let nearest: Judgement<Entry> | undefined;
    for (const entry of cellId === undefined ? [] : (entries.get(cellId) ?? [])) {
      const judgement = ancestry.judge(cell, entry);
      if (!nearest || distance[judgement.state] < distance[nearest.state]) nearest = judgement;
      if (nearest.state === 'fresh') break;
    }
    return nearest ?? { state: 'neverCached', cellId };
  });
}

/** An older result may be nearer to the document than the last one: code is also changed back. */
const distance = { fresh: 0, changedUpstream: 1, unknown: 2, changedHere: 3, neverCached: 4 };

class Ancestry {
  readonly #digests: ReadonlySet<string>;
  readonly #places: ReadonlyMap<number, number>;
  readonly #nodes = new Map<string, StoredNode[]>();
  readonly #cells: ReadonlyMap<number, StoredCell>;
  /** Nodes that stand as they were, with all that they depend on. */
  readonly #standing = new Set<string>();

  constructor(
    current: readonly CurrentCell[],
    assigned: readonly { readonly id: number | undefined }[],
    stored: StoredNotebook,
  ) {
    this.#digests = new Set(current.map(({ digest }) => digest));
    this.#places = new Map(
      assigned.flatMap(({ id }, index) => (id === undefined ? [] : [[id, index] as const])),
    );
    this.#cells = new Map(stored.cells.map((cell) => [cell.cellId, cell]));
    for (const node of stored.nodes) {
      const equals = this.#nodes.get(node.node);
      if (equals) equals.push(node);
      else this.#nodes.set(node.node, [node]);
    }
  }

  judge<Entry extends StoredEntry>(cell: CurrentCell, entry: Entry): Judgement<Entry> {
    const { cellId } = entry;
    const [own] = this.#nodes.get(entry.node ?? '') ?? [];
    if (!own) return { state: 'unknown', cellId, entry };
    if (own.codeDigest !== cell.digest) return { state: 'changedHere', cellId, entry };
    const found = this.#findChange(own);
    if (found === undefined) return { state: 'fresh', cellId, entry };
    if (found === 'unknown') return { state: 'unknown', cellId, entry };
    return { state: 'changedUpstream', cellId, entry, changed: this.#describe(found) };
  }

  /** @returns the nearest ancestor that is not as it was; `unknown` when the record has a gap. */
  #findChange(own: StoredNode): StoredNode | 'unknown' | undefined {
    const seen = new Set([own.node]);
    let unknown = false;
    // A set's iterator goes on to what is added on the way, so the nearest come first.
    for (const name of seen) {
      const [node] = this.#nodes.get(name) ?? [];
      if (!node) unknown = true;
      else if (!this.#digests.has(node.codeDigest)) return node;
      else {
        for (const parent of node.parents) if (!this.#standing.has(parent)) seen.add(parent);
      }
    }
    if (unknown) return 'unknown';
    for (const name of seen) this.#standing.add(name);
    return undefined;
  }

  /** Equal cells have equal nodes: the one that the document still has is the one to name. */
  #describe({ node }: StoredNode): ChangedCell {
    const cells = (this.#nodes.get(node) ?? []).map(({ cellId }) => cellId);
    const cellId = cells.find((id) => this.#places.has(id)) ?? cells[0] ?? -1;
    const cell = this.#cells.get(cellId);
    return {
      cellId,
      index: this.#places.get(cellId),
      name: cell?.name,
      code: cell?.code ?? '',
    };
  }
}
