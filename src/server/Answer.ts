import type { Judgement } from '../notebook/judgement';
import { type CellState, type DocumentCell, isServed } from '../protocol/cells';
import { runsEachTime, parseReasons } from '../protocol/reasons';
import type { Range } from '../protocol/text';
import type { CacheError } from '../store/database/CacheError';
import type { NotebookRecord, RecordedEntry, RecordedRefusal } from '../store/entries/record';
import type { NotebookSettings } from './CachingSettings';
import type { Change } from './changes';
import type { Cache } from './Databases';
import {
  type CellFacts,
  cellTitle,
  type ChangedTitle,
  describeOutdated,
  describeState,
} from './hover';
import { labelOf } from './label';
import { plainText } from '../protocol/markdown';
import type { LocatedCell } from './OpenNotebooks';

/** A cell of a notebook and how it stands to the cache. */
export interface JudgedCell {
  readonly place: LocatedCell;
  readonly judgement: Judgement<RecordedEntry, RecordedRefusal>;
}

/** The one answer about a notebook that hovers, `cellar/cells` and all who consume them get. */
export interface Answer {
  /** Of the notebook's file. */
  readonly uri: string;
  readonly cache: Cache;
  /** Which of the databases in the cache's place the ids are of; absent when there is none. */
  readonly generation: string | undefined;
  /** Absent when the cache does not know the notebook, or there is none. */
  readonly record: NotebookRecord | undefined;
  readonly cells: readonly JudgedCell[];
  /** Stored cells with results that are in the notebook no more. */
  readonly orphaned: readonly number[];
  /** Stored cells that were gone when it last ran, and are in it again. */
  readonly returned: readonly number[];
  /** Results that come nearest to it, though their cell was saved or served another one since. */
  readonly earlier: readonly number[];
  /** The places of the cells that the result of one stands on, by its place, the nearest first. */
  readonly standsOn: (index: number) => readonly number[];
  readonly caching: NotebookSettings;
}

/** A cell as the protocol has it. */
export function describeCell(
  { place, judgement }: JudgedCell,
  answer: Answer,
  change: Change | undefined,
  locale: string,
): DocumentCell {
  const problem = problemOf(answer);
  const entry = entryOf(judgement);
  const { state: judged, changed, outdated } = withChange(judgement, answer, change);
  // Where there is no cache yet, that nothing is cached is known.
  const state = problem && problem.kind !== 'missing' ? 'unknown' : judged;
  const isOutdated = outdated !== undefined;
  const [saves, amount] = isServed({ state, outdated: isOutdated })
    ? [entry?.saves, entry?.amount]
    : [];
  const reason =
    outdated && !problem
      ? describeOutdated(outdated, { locale, escape: plainText })
      : describeState(judged, changed, problem, plainText);
  return {
    uri: place.text.uri,
    ...(judgement.cellId === undefined ? {} : { cellId: judgement.cellId }),
    ...(entry === undefined ? {} : { entryId: entry.entryId }),
    ...(place.cell.name === undefined ? {} : { name: place.cell.name }),
    range: linesOf(place, place.lastLine),
    header: linesOf(place, place.headerEnd),
    state,
    reason,
    label: labelOf(
      { state, changed, problem, saves: { seconds: saves, amount }, outdated },
      locale,
    ),
    ...(saves === undefined ? {} : { saves }),
    ...(amount === undefined ? {} : { amount }),
    outdated: isOutdated,
    pinned: (entry?.pinned ?? 0) > 0,
  };
}

/** What is to be said of a judgement, knowing what speaks against a result that is as saved. */
export function withChange(
  judgement: JudgedCell['judgement'],
  answer: Answer,
  change: Change | undefined,
): Pick<CellFacts, 'state' | 'changed' | 'outdated'> {
  const state = stateOf(judgement, answer);
  const changed = changedTitle(judgement, answer.cells);
  // Of what is not served anyway there is no more to say.
  if (change === undefined || state !== 'fresh') return { state, changed };
  switch (change.kind) {
    case 'file':
      return { state, changed, outdated: change.file };
    case 'module':
    case 'recomputed': {
      const { path, changedAt } = change.file;
      return {
        state: change.kind === 'module' ? 'changedModule' : 'changedFile',
        changed: { title: path, gone: changedAt === undefined },
      };
    }
    case 'upstream': {
      const by = answer.cells[change.by]?.place.cell;
      return { state: 'changedUpstream', changed: by && { title: cellTitle(by), gone: false } };
    }
  }
}

/** What is to be said of a judgement: functions and blocks are served though cells are not cached. */
export function stateOf(judgement: JudgedCell['judgement'], { caching }: Answer): CellState {
  if (judgement.state === 'notCacheable') {
    const { lasting, reasons } = judgement.refusal;
    const why = parseReasons(reasons);
    if (!lasting) return why.some(({ kind }) => kind === 'raised') ? 'unfinished' : 'noRoom';
    return runsEachTime(why) ? 'again' : 'notCacheable';
  }
  const isIdle = caching.on === false && judgement.state === 'fresh' && judgement.entry.whole;
  return isIdle ? 'off' : judgement.state;
}

export function problemOf({ cache }: Answer): CacheError | undefined {
  return cache.kind === 'failed' ? cache.error : undefined;
}

/** What the cells of the document are called, by the cache's ids. */
export function titleOf(cells: readonly JudgedCell[]): (cellId: number) => string | undefined {
  return (cellId) => {
    const found = cells.find(({ judgement }) => judgement.cellId === cellId);
    return found && cellTitle(found.place.cell);
  };
}

export function entryOf(judgement: JudgedCell['judgement']): RecordedEntry | undefined {
  return 'entry' in judgement ? judgement.entry : undefined;
}

/** What the document calls the ancestor that changed or is disabled, or what it was called before it went. */
function changedTitle(
  judgement: JudgedCell['judgement'],
  cells: readonly JudgedCell[],
): ChangedTitle | undefined {
  if (judgement.state === 'disabled') {
    const by = judgement.by === undefined ? undefined : cells[judgement.by]?.place.cell;
    return by && { title: cellTitle(by), gone: false };
  }
  if (judgement.state !== 'changedUpstream') return undefined;
  const { index, name, code } = judgement.changed;
  const now = index === undefined ? undefined : cells[index]?.place.cell;
  return { title: cellTitle(now ?? { name, code }), gone: now === undefined };
}

/** From a cell's first line to the end of another. */
export function linesOf({ text: document, firstLine }: LocatedCell, last: number): Range {
  const start = { line: firstLine, character: 0 };
  const end = document.positionAt(document.offsetAt({ line: last + 1, character: 0 }));
  const text = document.getText({ start: { line: last, character: 0 }, end });
  return { start, end: { line: last, character: text.replace(/[\r\n]+$/, '').length } };
}
