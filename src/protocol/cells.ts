/**
 * What the language server tells its client about the cells of a document. The server alone matches a
 * document's cells to stored ones and judges freshness; everybody else consumes this.
 */
import type { Range } from './text';

/** Request: parameters {@link CellsParams}, result {@link CellsResult}. */
export const cellsRequest = 'cellar/cells';
/** Notification from the server: the answer to `cellar/cells` for this document may have changed. */
export const didChangeCellsNotification = 'cellar/didChangeCells';

/** Request: parameters {@link ExplainParams}, result {@link Explanation} or null. */
export const explainRequest = 'cellar/explain';

export interface CellsParams {
  readonly uri: string;
}

export interface CellsResult {
  /** Empty for a file that is not a marimo notebook. */
  readonly cells: readonly DocumentCell[];
  /** Stored cells that are not in the document and have results. */
  readonly orphaned: readonly number[];
  /** The database the answer comes from, as an absolute path; absent when there is none. */
  readonly database?: string;
}

export interface DidChangeCellsParams {
  readonly uri: string;
}

export interface ExplainParams {
  readonly uri: string;
  readonly cellId: number;
}

/** Why a cell stands as it does, as plain text. */
export interface Explanation {
  /** What the cell is called. */
  readonly title: string;
  /** Paragraphs, with an empty line between them. */
  readonly detail: string;
}

/** @returns the parameters of `cellar/explain`, or `undefined` when `value` is anything else. */
export function parseExplainParams(value: unknown): ExplainParams | undefined {
  const params = parseCellsParams(value);
  if (params === undefined) return undefined;
  const { cellId } = value as Record<string, unknown>;
  return typeof cellId === 'number' ? { ...params, cellId } : undefined;
}

/** @returns the parameters of `cellar/cells`, or `undefined` when `value` is anything else. */
export function parseCellsParams(value: unknown): CellsParams | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { uri } = value as Record<string, unknown>;
  return typeof uri === 'string' ? { uri } : undefined;
}

/** When hovering answers: on a cell's first lines, anywhere in it, or never. */
export type HoverMode = 'header' | 'cell' | 'off';

/** `initializationOptions` of the server. All are optional, for editors that know nothing of them. */
export interface ServerOptions {
  readonly hover: HoverMode;
  /** Translations of the server's sentences, by the English sentence. */
  readonly strings: Readonly<Record<string, string>>;
}

/** Believes of `value` what is well formed, and takes the defaults for all else. */
export function parseServerOptions(value: unknown): ServerOptions {
  const { hover, strings } = (typeof value === 'object' && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  const translated = Object.entries(
    typeof strings === 'object' && strings !== null ? strings : {},
  ).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return { hover: parseHoverMode(hover) ?? 'header', strings: Object.fromEntries(translated) };
}

export function parseHoverMode(value: unknown): HoverMode | undefined {
  return value === 'header' || value === 'cell' || value === 'off' ? value : undefined;
}

/** How the code of a cell stands to what is cached. */
export type CellState =
  /** Own code and every recorded ancestor's are as saved. */
  | 'fresh'
  /** The cell's own code changed. */
  | 'changedHere'
  /** An ancestor's code changed or is gone; the cell may still hit, as marimo hashes values where it can. */
  | 'changedUpstream'
  /** As saved, by a marimo whose cache the one that ran last does not read. */
  | 'obsolete'
  /** The last run of this code left what cannot be kept. */
  | 'notCacheable'
  /** Something is cached, but what code it was made from was not recorded, or not completely. */
  | 'unknown'
  /** Nothing is cached for the cell. */
  | 'neverCached';

export interface DocumentCell {
  /** Ours and stable; absent when no stored cell matches. */
  readonly cellId?: number;
  /** The result that comes nearest to the document; absent when nothing is cached for the cell. */
  readonly entryId?: number;
  readonly name?: string;
  /** From the decorator's line to the end of the cell. */
  readonly range: Range;
  /** From the decorator to the end of the `def` line: where the header hover answers. */
  readonly header: Range;
  readonly state: CellState;
  /** One sentence, in the user's language. */
  readonly reason: string;
  /** The same in a few words: `cached, saves 34 s`. */
  readonly label: string;
  /** Seconds that it took to compute the result, if that is as the document has it. */
  readonly saves?: number;
  /** Whether all that is kept of the result is exempt from eviction. */
  readonly pinned: boolean;
}
