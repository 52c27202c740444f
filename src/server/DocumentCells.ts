import { createHash } from 'node:crypto';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { type CurrentCell, type Judgement, SavedNotebook } from '../notebook/freshness';
import { findMovedApp } from '../notebook/moves';
import { Notebook, type PlacedCell } from '../notebook/notebook';
import type { DocumentCell } from '../protocol/cells';
import { describeReasons, notCacheable, parseReasons } from '../protocol/reasons';
import type { Range } from '../protocol/text';
import { CacheError } from '../store/CacheError';
import type { Saved } from '../store/figures';
import type { NotebookRecord, RecordedEntry, RecordedRefusal } from '../store/record';
import type { EntrySummary } from '../store/rows';
import type { Cache, Databases, Records } from './Databases';
import { cellTitle, type CellFacts, type ChangedTitle, describeState } from './hover';
import { labelOf } from './label';
import { findOutdated } from './outdated';
import { plainText } from './markdown';

/** Runs of a cell that are told of. */
const mostRuns = 5;

type SavedCells = SavedNotebook<RecordedEntry, RecordedRefusal>;

/** A cell of a document and how it stands to the cache. */
export interface JudgedCell {
  readonly place: PlacedCell;
  readonly judgement: Judgement<RecordedEntry, RecordedRefusal>;
}

/** The one answer about a document that hovers, `cellar/cells` and all who consume them get. */
export interface Answer {
  readonly document: TextDocument;
  readonly cache: Cache;
  /** Absent when the cache does not know the notebook, or there is none. */
  readonly record: NotebookRecord | undefined;
  readonly cells: readonly JudgedCell[];
  /** Stored cells with results that are in the notebook no more. */
  readonly orphaned: readonly number[];
}

/** Judges the cells of open documents, each version of text and cache once. */
export class DocumentCells {
  readonly #parsed = new Map<string, { version: number; notebook: Notebook | undefined }>();
  readonly #judged = new Map<
    string,
    { readonly notebook: Notebook; readonly answer: Omit<Answer, 'document' | 'cache'> }
  >();
  readonly #saved = new WeakMap<NotebookRecord, SavedCells>();
  /** A cell that was not edited is the same object. */
  readonly #seen = new WeakMap<PlacedCell['cell'], CurrentCell>();

  constructor(private readonly databases: Databases) {}

  /** @returns `undefined` when the document is no marimo notebook. */
  notebook(document: TextDocument): Notebook | undefined {
    const known = this.#parsed.get(document.uri);
    if (known?.version === document.version) return known.notebook;
    const notebook = Notebook.parse(document.getText(), known?.notebook);
    this.#parsed.set(document.uri, { version: document.version, notebook });
    return notebook;
  }

  forget(uri: string): void {
    this.#parsed.delete(uri);
    this.#judged.delete(uri);
  }

  /** @returns `undefined` when the document is no marimo notebook, or no file. */
  async judge(document: TextDocument): Promise<Answer | undefined> {
    const cache = await this.databases.cache(document.uri);
    if (!cache) return undefined;
    try {
      const loader = cache.kind === 'open' ? cache.loader : undefined;
      const records = loader && (await this.databases.records(document.uri, loader));
      return this.#answer(document, cache, records);
    } catch (error) {
      if (!(error instanceof CacheError)) throw error;
      return this.#answer(document, { kind: 'failed', path: cache.path, error }, undefined);
    }
  }

  /** The document may have been edited while the cache was asked: the text of now is judged. */
  #answer(document: TextDocument, cache: Cache, records: Records | undefined): Answer | undefined {
    const notebook = this.notebook(document);
    if (!notebook) return undefined;
    const current = notebook.cells.map(({ cell }) => this.#current(cell));
    const record = records && this.#recordOf(current, records);
    const known = this.#judged.get(document.uri);
    if (known?.notebook === notebook && known.answer.record === record) {
      return { document, cache, ...known.answer };
    }
    const freshness = this.#savedNotebook(record).judge(current);
    const cells = notebook.cells.map((place, index) => ({
      place,
      judgement: freshness.cells[index] ?? { state: 'neverCached' as const, cellId: undefined },
    }));
    const answer = { record, cells, orphaned: freshness.orphaned };
    this.#judged.set(document.uri, { notebook, answer });
    return { document, cache, ...answer };
  }

  /** The cell as the protocol has it. */
  describe({ place, judgement }: JudgedCell, answer: Answer, locale: string): DocumentCell {
    const { cells, document } = answer;
    const problem = problemOf(answer);
    const entry = entryOf(judgement);
    const changed = changedTitle(judgement, cells);
    // Where there is no cache yet, that nothing is cached is known.
    const state = problem && problem.kind !== 'missing' ? 'unknown' : judgement.state;
    const saves = state === 'fresh' ? entry?.runtime : undefined;
    return {
      ...(judgement.cellId === undefined ? {} : { cellId: judgement.cellId }),
      ...(entry === undefined ? {} : { entryId: entry.entryId }),
      ...(place.cell.name === undefined ? {} : { name: place.cell.name }),
      range: linesOf(document, place.firstLine, place.lastLine),
      header: linesOf(document, place.firstLine, place.headerEnd),
      state,
      reason: describeState(judgement.state, changed, problem, plainText),
      label: labelOf({ state, changed, problem, saves }, locale),
      ...(saves === undefined ? {} : { saves }),
      pinned: (entry?.pinned ?? 0) > 0,
    };
  }

  /** What a hover tells of a cell. */
  async facts({ judgement }: JudgedCell, answer: Answer): Promise<CellFacts> {
    const { cache, cells } = answer;
    const changed = changedTitle(judgement, cells);
    const facts = { state: judgement.state, changed, problem: problemOf(answer) };
    const { cellId } = judgement;
    if (cache.kind === 'failed' || cellId === undefined) return { ...facts, items: [], runs: [] };
    const entry = entryOf(judgement);
    const { loader } = cache;
    try {
      const [items, entries, lookups, reads] = await Promise.all([
        entry === undefined ? [] : loader.items(entry.entryId),
        loader.entries(cellId),
        loader.lookups(cellId, mostRuns),
        answer.record === undefined ? [] : loader.reads(answer.record.appId),
      ]);
      const runs = lookups.map((lookup) => {
        const isServed = ({ cacheName, hash }: EntrySummary) =>
          cacheName === lookup.cacheName && hash === lookup.hash;
        const reason = describeReasons(parseReasons(lookup.reasons), titleOf(cells)) ?? lookup.why;
        return { ...lookup, computedIn: entries.find(isServed)?.runtime, reason };
      });
      const refusal =
        judgement.state === 'notCacheable' ? describeRefusal(judgement.refusal) : undefined;
      const outdated =
        entry &&
        (await findOutdated(path.dirname(fileURLToPath(answer.document.uri)), reads, entry));
      const { runtime, pinned } = entry ?? {};
      return { ...facts, items, runs, runtime, pinned, refusal, outdated };
    } catch (error) {
      if (!(error instanceof CacheError)) throw error;
      return { ...facts, problem: error, items: [], runs: [] };
    }
  }

  /** What a cell saved in all; `undefined` where nobody counts it. */
  async saved({ judgement }: JudgedCell, { cache }: Answer): Promise<Saved | undefined> {
    const { cellId } = judgement;
    if (cache.kind === 'failed' || cellId === undefined) return undefined;
    try {
      return await cache.loader.saved(cellId);
    } catch (error) {
      if (!(error instanceof CacheError)) throw error;
      return undefined;
    }
  }

  /** The notebook may have been renamed or moved, which the kernel writes down when it runs it. */
  #recordOf(current: readonly CurrentCell[], { own, gone }: Records): NotebookRecord | undefined {
    const apps = gone.map((record) => ({
      appId: record.appId,
      there: false,
      cells: this.#savedNotebook(record).known,
      record,
    }));
    return findMovedApp(apps, current)?.record ?? own;
  }

  #savedNotebook(record: NotebookRecord = unknown): SavedCells {
    let saved = this.#saved.get(record);
    if (saved === undefined) {
      // What was saved outside of any cell has no place in the notebook and is none of its cells.
      const cells = record.cells.filter(({ ordinal }) => ordinal >= 0);
      saved = new SavedNotebook({ ...record, cells });
      this.#saved.set(record, saved);
    }
    return saved;
  }

  #current(cell: PlacedCell['cell']): CurrentCell {
    let current = this.#seen.get(cell);
    if (current === undefined) {
      const digest = createHash('sha256').update(cell.normalised).digest('hex');
      current = { name: cell.name, code: cell.normalised, defs: cell.defs, digest };
      this.#seen.set(cell, current);
    }
    return current;
  }
}

function problemOf({ cache }: Answer): CacheError | undefined {
  return cache.kind === 'failed' ? cache.error : undefined;
}

/** What the cells of the document are called, by the cache's ids. */
function titleOf(cells: readonly JudgedCell[]): (cellId: number) => string | undefined {
  return (cellId) => {
    const found = cells.find(({ judgement }) => judgement.cellId === cellId);
    return found && cellTitle(found.place.cell);
  };
}

/** Of all reasons for a miss, those that make the cell one that cannot be cached. */
function describeRefusal({ reasons }: RecordedRefusal): string | undefined {
  return describeReasons(parseReasons(reasons).filter((reason) => notCacheable([reason])));
}

function entryOf(judgement: JudgedCell['judgement']): RecordedEntry | undefined {
  return 'entry' in judgement ? judgement.entry : undefined;
}

/** The record of a notebook that the cache does not know. */
const unknown: NotebookRecord = { appId: -1, cells: [], entries: [], refusals: [], nodes: [] };

/** What the document calls the ancestor that changed, or what it was called before it went. */
function changedTitle(
  judgement: JudgedCell['judgement'],
  cells: readonly JudgedCell[],
): ChangedTitle | undefined {
  if (judgement.state !== 'changedUpstream') return undefined;
  const { index, name, code } = judgement.changed;
  const now = index === undefined ? undefined : cells[index]?.place.cell;
  return { title: cellTitle(now ?? { name, code }), gone: now === undefined };
}

function linesOf(document: TextDocument, first: number, last: number): Range {
  const start = { line: first, character: 0 };
  const end = document.positionAt(document.offsetAt({ line: last + 1, character: 0 }));
  const text = document.getText({ start: { line: last, character: 0 }, end });
  return { start, end: { line: last, character: text.replace(/[\r\n]+$/, '').length } };
}
