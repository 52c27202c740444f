/**
 * What the language server tells its client about the cells of a document. The server alone matches a
 * document's cells to stored ones and judges freshness; everybody else consumes this.
 */
import type { Range } from './text';

/** Request: parameters {@link CellsParams}, result {@link CellsResult}. */
export const cellsRequest = 'cellar/cells';
/** Notification from the server: the answer to `cellar/cells` for this document may have changed. */
export const didChangeCellsNotification = 'cellar/didChangeCells';

export interface CellsParams {
  readonly uri: string;
}

export interface CellsResult {
  /** Empty for a file that is not a marimo notebook. */
  readonly cells: readonly DocumentCell[];
  /** The database the answer comes from, as an absolute path; absent when there is none. */
  readonly database?: string;
}

export interface DidChangeCellsParams {
  readonly uri: string;
}

/** How the code of a cell stands to what is cached. */
export type CellState =
  /** Own code and every recorded ancestor's are as saved. */
  | 'fresh'
  /** The cell's own code changed. */
  | 'changedHere'
  /** An ancestor's code changed or is gone; the cell may still hit, as marimo hashes values where it can. */
  | 'changedUpstream'
  /** Nothing is cached for the cell. */
  | 'neverCached';

export interface DocumentCell {
  /** Ours and stable; absent when no stored cell matches. */
  readonly cellId?: number;
  readonly name?: string;
  /** From the decorator's line to the end of the cell. */
  readonly range: Range;
  /** The decorator and the `def` line: where the header hover answers. */
  readonly header: Range;
  readonly state: CellState;
  /** One sentence, in the user's language. */
  readonly reason: string;
}
