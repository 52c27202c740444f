/** What a document holds and what the cache recorded of it, as a judgement of its cells needs it. */

import type { Appearance } from './identity';

/** A cell of the document; `code` is normalised, `digest` is that text's SHA-256 as hex. */
export interface CurrentCell extends Appearance {
  readonly digest: string;
  /** Whether marimo is told not to run it, nor what depends on it. */
  readonly disabled?: boolean;
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
  /** When it was saved or last hit, in Unix seconds. */
  readonly usedAt: number;
  /** Whether it is the cell's own result, as against that of a function or block in the cell. */
  readonly whole: boolean;
  /** False when the marimo that the notebook ran with last does not read its format. */
  readonly readable: boolean;
}

/** That the last run of a cell, with its code as it was last seen, kept nothing, or not all of it. */
export interface StoredRefusal {
  readonly cellId: number;
  /** Unix seconds. */
  readonly at: number;
  /** Whether it follows from what the cell makes: then nothing of this code is served whole. */
  readonly lasting: boolean;
  /**
   * The values that a result lacks, when that is all there is to it. marimo serves such a result
   * until another cell has to run that uses one of them.
   */
  readonly lacking?: readonly string[] | undefined;
  /** What it changes that other cells define, by name. */
  readonly changes?: readonly string[] | undefined;
}

/** What the cache recorded of a notebook: cells in notebook order, entries by last use, latest first. */
export interface StoredNotebook<
  Entry extends StoredEntry = StoredEntry,
  Refusal extends StoredRefusal = StoredRefusal,
> {
  readonly cells: readonly StoredCell[];
  readonly entries: readonly Entry[];
  readonly nodes: readonly StoredNode[];
  /** One a cell at most: of those that kept all, and of those that hit, there is none. */
  readonly refusals: readonly Refusal[];
}
