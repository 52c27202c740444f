import { createHash } from 'node:crypto';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SavedNotebook } from '../notebook/freshness';
import { findMovedApp } from '../notebook/moves';
import type { CurrentCell } from '../notebook/stored';
import type { CellState, DocumentCell } from '../protocol/cells';
import { describeReasons, notCacheable, parseReasons, refuses } from '../protocol/reasons';
import { CacheError } from '../store/database/CacheError';
import type { Saved } from '../store/figures';
import type { NotebookRecord, RecordedEntry, RecordedRefusal } from '../store/entries/record';
import type { ReadSummary } from '../store/rows';
import { freeRoom } from '../store/settings/budget';
import {
  type Answer,
  describeCell,
  entryOf,
  type JudgedCell,
  problemOf,
  stateOf,
  titleOf,
  withChange,
} from './Answer';
import { CachingSettings } from './CachingSettings';
import { type Asked, changes, findChanges } from './changes';
import type { Databases, Records } from './Databases';
import type { CellFacts } from './hover';
import {
  type Form,
  keyOf,
  type LocatedCell,
  type OpenNotebook,
  OpenNotebooks,
} from './OpenNotebooks';
import { ReadFiles, watchedFor } from './ReadFiles';

/** Runs of a cell that are told of. */
const mostRuns = 5;
/**
 * Bytes below which a disk is told to have little room: a kernel that could not save for want of it can
 * write down nothing of that either.
 */
const littleRoom = 50_000_000;

type SavedCells = SavedNotebook<RecordedEntry, RecordedRefusal>;

/** Judges the cells of open notebooks, each version of text and cache once. */
export class DocumentCells {
  readonly #judged = new Map<
    string,
    {
      readonly places: readonly LocatedCell[];
      readonly answer: Omit<Answer, 'uri' | 'cache' | 'generation' | 'caching'>;
    }
  >();
  readonly #saved = new WeakMap<NotebookRecord, SavedCells>();
  readonly #reads = new WeakMap<NotebookRecord, Promise<readonly ReadSummary[]>>();
  /** A cell that was not edited is the same object. */
  readonly #seen = new WeakMap<LocatedCell['cell'], CurrentCell>();
  readonly #files = new ReadFiles();

  constructor(
    private readonly databases: Databases,
    private readonly notebooks = new OpenNotebooks(),
    private readonly caching = new CachingSettings(),
    private readonly room = freeRoom,
  ) {}

  forget(form: Form): void {
    this.notebooks.forget(form);
    this.caching.forget(form);
    this.#judged.delete(keyOf(form));
  }

  /** @returns `undefined` for what is no marimo notebook, or no file. */
  async judge(open: OpenNotebook): Promise<Answer | undefined> {
    const [cache, caching] = await Promise.all([
      this.databases.cache(open.uri),
      this.caching.of(open),
      this.notebooks.readFile(open),
    ]);
    if (!cache) return undefined;
    try {
      const loader = cache.kind === 'open' ? cache.loader : undefined;
      const records = loader && (await this.databases.records(open.uri, loader));
      return this.#answer(open, { cache, caching }, records);
    } catch (error) {
      if (!(error instanceof CacheError)) throw error;
      const failed = { kind: 'failed', path: cache.path, error } as const;
      return this.#answer(open, { cache: failed, caching }, undefined);
    }
  }

  /** It may have been edited while the cache was asked: what it holds now is judged. */
  #answer(
    open: OpenNotebook,
    found: Pick<Answer, 'cache' | 'caching'>,
    records: Records | undefined,
  ): Answer | undefined {
    const places = this.notebooks.cells(open);
    if (!places) return undefined;
    const { uri } = open;
    const generation = records?.generation;
    const current = places.map(({ cell }) => this.#current(cell));
    const record = records && this.#recordOf(current, records);
    const known = this.#judged.get(keyOf(open));
    if (known?.places === places && known.answer.record === record) {
      return { uri, ...found, generation, ...known.answer };
    }
    const freshness = this.#savedNotebook(record).judge(current);
    const cells = places.map((place, index) => ({
      place,
      judgement: freshness.cells[index] ?? { state: 'neverCached' as const, cellId: undefined },
    }));
    const { orphaned, returned, standsOn } = freshness;
    const earlier = freshness.earlier.map(({ entryId }) => entryId);
    const answer = { record, cells, orphaned, returned, earlier, standsOn };
    this.#judged.set(keyOf(open), { places, answer });
    return { uri, ...found, generation, ...answer };
  }

  /** The cells as the protocol has them. */
  async describe(answer: Answer, locale: string): Promise<DocumentCell[]> {
    const found = await findChanges(await this.#asked(answer));
    return answer.cells.map((cell, index) => describeCell(cell, answer, found[index], locale));
  }

  /**
   * Absolute paths of the files that were read for the results that would be served, of the folders of
   * patterns among them, and of those that have cells cached.
   */
  async filesOf(answer: Answer): Promise<string[]> {
    const served = new Set(
      answer.cells.flatMap(({ judgement }) =>
        judgement.state === 'fresh' ? [judgement.entry.entryId] : [],
      ),
    );
    const reads = await this.#readsOf(answer);
    const folder = folderOf(answer);
    const read = reads.filter((each) => served.has(each.entryId));
    return [...new Set([...answer.caching.files, ...read.map((each) => watchedFor(folder, each))])];
  }

  /** What a hover tells of a cell. */
  async facts(cell: JudgedCell, answer: Answer): Promise<CellFacts> {
    const { judgement } = cell;
    const { cache, cells } = answer;
    const stand = withChange(judgement, answer, undefined);
    const facts = {
      ...stand,
      problem: problemOf(answer),
      caching: answer.caching.on,
      scarce: isComputed(stand.state) ? await this.#scarceRoom(cache.path) : undefined,
    };
    const { cellId } = judgement;
    if (cache.kind === 'failed' || cellId === undefined) return { ...facts, items: [], runs: [] };
    const entry = entryOf(judgement);
    const { loader } = cache;
    try {
      const [items, lookups, change] = await Promise.all([
        entry === undefined ? [] : loader.items(entry.entryId),
        loader.lookups(cellId, mostRuns),
        this.#asked(answer).then((asked) => changes(asked)(cells.indexOf(cell))),
      ]);
      const met = lookups.map((lookup) => {
        const reasons = parseReasons(lookup.reasons);
        const reason = describeReasons(reasons, titleOf(cells)) ?? lookup.why;
        const { outcome, at, seconds, computedIn, cacheName } = lookup;
        const of = cacheName === 'cell_cache' ? undefined : cacheName;
        const met = outcome === 'hit' && notCacheable(reasons) ? ('again' as const) : outcome;
        const lackedRoom = reasons.some(({ kind }) => kind === 'full');
        return { met, at, seconds, computedIn, reason, lackedRoom, of };
      });
      const own = met.filter(({ of }) => of === undefined);
      const others = met.filter(({ of }) => of !== undefined);
      const [runs, calls] = own.length > 0 ? [own, others] : [others, []];
      const refused = judgement.state === 'notCacheable' ? judgement.refusal : undefined;
      const refusal = refused && describeRefusal(refused);
      const changesOthers = parseReasons(refused?.reasons).some(({ kind }) => kind === 'changes');
      const { runtime, saves, amount, pinned } = entry ?? {};
      const told = { ...facts, ...withChange(judgement, answer, change) };
      return {
        ...told,
        ...{ items, runs, calls, runtime, saves, amount, pinned, refusal, changesOthers },
      };
    } catch (error) {
      if (!(error instanceof CacheError)) throw error;
      // Damage changes no file's name, and nobody commits it: this is how it is noticed.
      if (error.kind === 'damaged') this.databases.doubt(answer.uri);
      return { ...facts, problem: error, items: [], runs: [] };
    }
  }

  /** Bytes that the disk of a cache has left, where a result may find no room there. */
  async #scarceRoom(database: string): Promise<number | undefined> {
    const room = await this.room(path.dirname(database));
    return room !== undefined && room < littleRoom ? room : undefined;
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

  /** For what speaks against cells that would be served otherwise. */
  async #asked(answer: Answer): Promise<Asked> {
    const { cells, standsOn, caching } = answer;
    const folder = folderOf(answer);
    const reads = await this.#readsOf(answer);
    const modules = reads.filter(isModule);
    return {
      count: cells.length,
      standsOn,
      reloads: caching.reloads,
      recomputes: caching.recomputes,
      find: async (index, which) => {
        const judgement = cells[index]?.judgement;
        if (judgement?.state !== 'fresh' || stateOf(judgement, answer) === 'off') return undefined;
        const among = which === 'modules' ? modules : reads;
        const mayBeGone = which !== 'changed';
        return this.#files.findOutdated(folder, among, judgement.entry, mayBeGone);
      },
    };
  }

  async #readsOf({ record, cache }: Answer): Promise<readonly ReadSummary[]> {
    if (record === undefined || cache.kind === 'failed') return [];
    const reads = this.#reads.get(record) ?? cache.loader.reads(record.appId);
    this.#reads.set(record, reads);
    try {
      return await reads;
    } catch (error) {
      this.#reads.delete(record);
      if (!(error instanceof CacheError)) throw error;
      return [];
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

  #current(cell: LocatedCell['cell']): CurrentCell {
    let current = this.#seen.get(cell);
    if (current === undefined) {
      const digest = createHash('sha256').update(cell.normalised).digest('hex');
      const disabled = cell.options.disabled === true;
      current = { name: cell.name, code: cell.normalised, defs: cell.defs, digest, disabled };
      this.#seen.set(cell, current);
    }
    return current;
  }
}

/** Whether the next run computes the cell, for all that the page tells, and would save what comes of it. */
function isComputed(state: CellState): boolean {
  return ['neverCached', 'noRoom', 'changedHere', 'changedUpstream'].includes(state);
}

/** As `changed_since` in `python/marimo_cellar/entries/modules.py` tells modules from data. */
function isModule({ path: file }: ReadSummary): boolean {
  return file.endsWith('.py');
}

function folderOf({ uri }: Answer): string {
  return path.dirname(fileURLToPath(uri));
}

/** Of all reasons for a miss, those for which nothing of the run is of use. */
function describeRefusal({ reasons }: RecordedRefusal): string | undefined {
  // What no other cell used then is used now: or else it would be no reason to refuse.
  const now = parseReasons(reasons).map((reason) => ({ ...reason, unused: [] }));
  return describeReasons(now.filter(refuses));
}

/** The record of a notebook that the cache does not know. */
const unknown: NotebookRecord = { appId: -1, cells: [], entries: [], refusals: [], nodes: [] };
