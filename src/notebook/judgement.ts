/** What is said of a document's cells: whether each is as it was when its results were saved. */

import type { StoredEntry, StoredRefusal } from './stored';

/** `entry` is the one that comes nearest to the document. */
export type Judgement<
  Entry extends StoredEntry = StoredEntry,
  Refusal extends StoredRefusal = StoredRefusal,
> =
  | { readonly state: 'neverCached'; readonly cellId: number | undefined }
  | { readonly state: 'fresh' | 'changedHere'; readonly cellId: number; readonly entry: Entry }
  /** As saved, by a marimo whose cache the one that ran last does not read. */
  | { readonly state: 'obsolete'; readonly cellId: number; readonly entry: Entry }
  /** Saved without a record of the code it was made from, or with one that is incomplete. */
  | { readonly state: 'unknown'; readonly cellId: number; readonly entry: Entry }
  /** marimo neither runs it nor has it served; `by` is the place of the disabled ancestor, if it is not itself. */
  | {
      readonly state: 'disabled';
      readonly cellId: number | undefined;
      readonly entry: Entry | undefined;
      readonly by: number | undefined;
    }
  /** It ran as it stands, and left what could not be kept. */
  | { readonly state: 'notCacheable'; readonly cellId: number; readonly refusal: Refusal }
  | {
      readonly state: 'changedUpstream';
      readonly cellId: number;
      readonly entry: Entry;
      readonly changed: ChangedCell;
    };

/** How a cell stands by what is cached for it, whatever may keep that from being served. */
export type Nearest<Entry extends StoredEntry, Refusal extends StoredRefusal> = Exclude<
  Judgement<Entry, Refusal>,
  { readonly state: 'disabled' | 'notCacheable' }
>;

export interface Freshness<
  Entry extends StoredEntry = StoredEntry,
  Refusal extends StoredRefusal = StoredRefusal,
> {
  /** One for each cell of the document, in its order. */
  readonly cells: readonly Judgement<Entry, Refusal>[];
  /** Stored cells that are not in the document and have results: those are orphaned. */
  readonly orphaned: readonly number[];
  /** Stored cells that the last run did not find in the notebook, and that are in the document. */
  readonly returned: readonly number[];
  /** Results that come nearest to the document, though their cell was saved or served another one since. */
  readonly earlier: readonly Entry[];
  /**
   * The places of the cells that the nearest result of one was made from, by its place: its own first, then
   * those nearest to it; none where that was not recorded.
   */
  readonly standsOn: (index: number) => readonly number[];
}

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
