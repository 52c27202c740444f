/**
 * What the language server tells its client about the cells of a document. The server alone matches a
 * document's cells to stored ones and judges freshness; everybody else consumes this.
 */
import type { Range } from './text';

/** What the marimo extension calls the notebooks that it opens as cells; each is a text of its own. */
export const marimoNotebookType = 'marimo-notebook';

/** Request: parameters {@link CellsParams}, result {@link CellsResult}. */
export const cellsRequest = 'cellar/cells';
/** Notification from the server: the answer to `cellar/cells` for this document may have changed. */
export const didChangeCellsNotification = 'cellar/didChangeCells';

/** Request: parameters {@link ExplainParams}, result {@link Explanation} or null. */
export const explainRequest = 'cellar/explain';

export interface CellsParams {
  /** Of a notebook's file that is open as text, or of a cell of one that is open as cells. */
  readonly uri: string;
}

export interface CellsResult {
  /** Empty for a file that is not a marimo notebook. */
  readonly cells: readonly DocumentCell[];
  /** Stored cells that are not in the document and have results. */
  readonly orphaned: readonly number[];
  /** Stored cells that the last run did not find in the notebook, and that are in the document. */
  readonly returned: readonly number[];
  /** Results that come nearest to the document, though their cell was saved or served another one since. */
  readonly earlier: readonly number[];
  /** The database the answer comes from, as an absolute path; absent when there is none. */
  readonly database?: string;
  /** Which of the databases in that place the ids are of, as a `Reference` has it; absent with none. */
  readonly generation?: string;
  /** Whether marimo caches the notebook's cells, as its settings have it; absent where nobody can tell. */
  readonly caching?: boolean;
}

export interface DidChangeCellsParams {
  /** Of the notebook's file, in whichever form it is open. */
  readonly uri: string;
}

/** A line of a text, for the cell that it is in. */
export interface Place extends CellsParams {
  readonly line: number;
}

/** Which cell: one that the cache knows, or that of a place, whether or not it does. */
export type ExplainParams = (CellsParams & { readonly cellId: number }) | Place;

/** Why a cell stands as it does, as plain text. */
export interface Explanation {
  /** What the cell is called. */
  readonly title: string;
  /** Paragraphs, with an empty line between them. */
  readonly detail: string;
  /** Whether it is for want of cell caching that the cell is not served. */
  readonly isOff: boolean;
}

/** @returns the parameters of `cellar/explain`, or `undefined` when `value` is anything else. */
export function parseExplainParams(value: unknown): ExplainParams | undefined {
  const params = parseCellsParams(value);
  if (params === undefined) return undefined;
  const { cellId } = value as Record<string, unknown>;
  return typeof cellId === 'number' ? { ...params, cellId } : parsePlace(value);
}

/** @returns a place, or `undefined` when `value` is anything else. */
export function parsePlace(value: unknown): Place | undefined {
  const params = parseCellsParams(value);
  if (params === undefined) return undefined;
  const { line } = value as Record<string, unknown>;
  return typeof line === 'number' ? { ...params, line } : undefined;
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
  /** A module that made it changed, and marimo's editor, which loads that anew, computes it anew. */
  | 'changedModule'
  /** A file that it was made of changed, and the user wants such a result computed anew. */
  | 'changedFile'
  /** As saved, by a marimo whose cache the one that ran last does not read. */
  | 'obsolete'
  /** marimo does not run it, as it is disabled, or a cell that it needs is. */
  | 'disabled'
  /** As saved, and of no use: marimo's cell caching is off for the notebook. */
  | 'off'
  /** It makes UI elements, which marimo makes anew in every run. */
  | 'again'
  /** The last run of this code left what cannot be kept. */
  | 'notCacheable'
  /** The last run of this code ended in an error, or was stopped, so that nothing of it was kept. */
  | 'unfinished'
  /** The last run of this code found no room on the disk for what it made. */
  | 'noRoom'
  /** Something is cached, but what code it was made from was not recorded, or not completely. */
  | 'unknown'
  /** Nothing is cached for the cell. */
  | 'neverCached';

export interface DocumentCell {
  /** The text that `range` is in: the notebook's file, or the cell's own. */
  readonly uri: string;
  /** Ours and stable; absent when no stored cell matches. */
  readonly cellId?: number;
  /** The result that comes nearest to the document; absent when nothing is cached for the cell. */
  readonly entryId?: number;
  readonly name?: string;
  /** From the decorator's line to the end of the cell; all of a text of its own. */
  readonly range: Range;
  /**
   * Where the header hover answers: from the decorator to the end of the `def` line, or, in a text of
   * its own, which has neither, the first line.
   */
  readonly header: Range;
  readonly state: CellState;
  /** One sentence, in the user's language. */
  readonly reason: string;
  /** The same in a few words: `cached, saves 34 s`. */
  readonly label: string;
  /** Seconds that the next run spares, where {@link isServed} and somebody measured them. */
  readonly saves?: number;
  /** Money that the same cost. */
  readonly amount?: number;
  /** Whether a file has changed since that was read for the result, so that this is out of date. */
  readonly outdated: boolean;
  /** Whether all that is kept of the result is exempt from eviction. */
  readonly pinned: boolean;
}

/**
 * Whether the next run of the cell is served what is up to date, for all that is known: what is said of a
 * saving, at the cell and elsewhere, is said of these.
 */
export function isServed({ state, outdated }: Pick<DocumentCell, 'state' | 'outdated'>): boolean {
  return state === 'fresh' && !outdated;
}

/** Whether it is for want of cell caching that a cell is not served. */
export function lacksCaching(state: CellState, caching: boolean | undefined): boolean {
  return state === 'off' || (state === 'neverCached' && caching === false);
}

/** @returns the cell whose lines in the text `uri` hold this one */
export function cellAt(
  cells: readonly DocumentCell[],
  uri: string,
  line: number,
): DocumentCell | undefined {
  return cells.find(
    ({ uri: own, range: { start, end } }) => own === uri && start.line <= line && line <= end.line,
  );
}
