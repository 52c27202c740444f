/**
 * Whether a document's cells are as they were when their results were saved. Pure: what the document
 * holds and what the cache recorded come in, a judgement for each cell goes out. It predicts from the
 * text alone; whether a run hits is decided by marimo.
 */

import { Ancestry } from './ancestry';
import { findDisabled, placesByName } from './dependence';
import { assignCells, type Assignment, type KnownCell } from './identity';
import type { ChangedCell, Freshness, Judgement, Nearest } from './judgement';
import { normalise } from './normalise';
import type {
  CurrentCell,
  StoredCell,
  StoredEntry,
  StoredNode,
  StoredNotebook,
  StoredRefusal,
} from './stored';
import { hasWord } from './texts';

/** What the cache recorded of a notebook, by what it is asked for with. */
interface Arranged<Entry extends StoredEntry, Refusal extends StoredRefusal> {
  readonly known: readonly KnownCell[];
  readonly cells: ReadonlyMap<number, StoredCell>;
  /** The normalised code of each cell, as the kernel saw it last. */
  readonly seen: ReadonlyMap<number, string>;
  readonly entries: ReadonlyMap<number, readonly Entry[]>;
  readonly refusals: ReadonlyMap<number, Refusal>;
  /** Equal cells have equal nodes. */
  readonly nodes: ReadonlyMap<string, readonly StoredNode[]>;
}

/** A stored notebook, arranged so that every version of its document is judged quickly. */
export class SavedNotebook<
  Entry extends StoredEntry = StoredEntry,
  Refusal extends StoredRefusal = StoredRefusal,
> {
  /** The stored cells, as they are recognised. */
  readonly known: readonly KnownCell[];
  readonly #arranged: Arranged<Entry, Refusal>;

  constructor(stored: StoredNotebook<Entry, Refusal>) {
    this.known = stored.cells.map((cell) => ({
      ...cell,
      id: cell.cellId,
      code: normalise(cell.code),
    }));
    this.#arranged = {
      known: this.known,
      cells: new Map(stored.cells.map((cell) => [cell.cellId, cell])),
      seen: new Map(this.known.map(({ id, code }) => [id, code])),
      entries: groupBy(stored.entries, ({ cellId }) => cellId),
      refusals: new Map(stored.refusals.map((refusal) => [refusal.cellId, refusal])),
      nodes: groupBy(stored.nodes, ({ node }) => node),
    };
  }

  judge(current: readonly CurrentCell[]): Freshness<Entry, Refusal> {
    return new Judging(this.#arranged, current).freshness();
  }
}

/** The judgement of one version of a document. */
class Judging<Entry extends StoredEntry, Refusal extends StoredRefusal> {
  readonly #assigned: readonly Assignment[];
  /** The places of the document's cells, by the cache's ids. */
  readonly #places: ReadonlyMap<number, number>;
  readonly #ancestry: Ancestry;
  readonly #nearests: readonly Nearest<Entry, Refusal>[];

  constructor(
    private readonly saved: Arranged<Entry, Refusal>,
    private readonly current: readonly CurrentCell[],
  ) {
    this.#assigned = assignCells(saved.known, current);
    this.#places = new Map(
      this.#assigned.flatMap(({ id }, index) => (id === undefined ? [] : [[id, index] as const])),
    );
    this.#ancestry = new Ancestry(saved.nodes, current, findNewNames(saved.known, current));
    this.#nearests = current.map((cell, index) => this.#nearestOf(cell, this.#assigned[index]?.id));
  }

  freshness(): Freshness<Entry, Refusal> {
    const disabledBy = findDisabled(this.current, (index) => this.#recordedPlaces(index));
    const cells = this.#nearests.map((nearest, index) =>
      this.#judge(nearest, index, disabledBy.get(index)),
    );
    const orphaned = [...this.saved.entries.keys()].filter((cellId) => !this.#places.has(cellId));
    const returned = this.saved.known
      .filter((cell) => cell.retired && this.#places.has(cell.id))
      .map(({ id }) => id);
    const earlier = this.#nearests.flatMap((nearest) => this.#earlierThanLast(nearest));
    const standsOn = (index: number) => this.#recordedPlaces(index) ?? [];
    return { cells, orphaned, returned, earlier, standsOn };
  }

  /** @param disabledBy the place of the cell for which marimo does not run this one */
  #judge(
    nearest: Nearest<Entry, Refusal>,
    index: number,
    disabledBy: number | undefined,
  ): Judgement<Entry, Refusal> {
    const { cellId } = nearest;
    if (disabledBy !== undefined) {
      const entry = 'entry' in nearest ? nearest.entry : undefined;
      return {
        state: 'disabled',
        cellId,
        entry,
        by: disabledBy === index ? undefined : disabledBy,
      };
    }
    if (cellId === undefined) return nearest;
    const refusal = this.saved.refusals.get(cellId);
    if (refusal !== undefined && this.#stands(refusal, index, nearest)) {
      return { state: 'notCacheable', cellId, refusal };
    }
    const by = nearest.state === 'fresh' ? this.#changedBeside(index) : undefined;
    return nearest.state !== 'fresh' || by === undefined
      ? nearest
      : { ...nearest, state: 'changedUpstream', changed: this.#describeCell(by) };
  }

  /**
   * A cell needs nothing of one that fits the model that it predicts by; but that one's edit counts, and
   * that of what it needs itself.
   * @returns the place of the cell that is not as the kernel saw it last
   */
  #changedBeside(index: number): number | undefined {
    const needed = this.#recordedPlaces(index) ?? [];
    const defs = new Set(needed.flatMap((place) => this.current[place]?.defs ?? []));
    for (const { cellId, changes = [] } of this.saved.refusals.values()) {
      const place = this.#places.get(cellId);
      // One that comes later changes it once this one has run.
      if (place === undefined || place >= index || needed.includes(place)) continue;
      if (!changes.some((name) => defs.has(name))) continue;
      const places = this.#recordedPlaces(place) ?? placesByName(this.current, place);
      const found = places.find((each) => !this.#isAsSeen(each));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** How a cell stands by that of its results which comes nearest to it. */
  #nearestOf(cell: CurrentCell, cellId: number | undefined): Nearest<Entry, Refusal> {
    let nearest: Nearest<Entry, Refusal> = { state: 'neverCached', cellId };
    for (const entry of cellId === undefined ? [] : this.#ownEntries(cellId)) {
      const judgement = this.#judgeEntry(cell, entry);
      if (distance[judgement.state] < distance[nearest.state]) nearest = judgement;
      if (nearest.state === 'fresh') break;
    }
    return nearest;
  }

  #judgeEntry(cell: CurrentCell, entry: Entry): Nearest<Entry, Refusal> {
    const { cellId } = entry;
    const [own] = this.saved.nodes.get(entry.node ?? '') ?? [];
    if (!own) return { state: 'unknown', cellId, entry };
    if (own.codeDigest !== cell.digest) return { state: 'changedHere', cellId, entry };
    if (!entry.readable) return { state: 'obsolete', cellId, entry };
    const found = this.#ancestry.findChange(own.node);
    if (found.kind === 'none') return { state: 'fresh', cellId, entry };
    if (found.kind === 'unknown') return { state: 'unknown', cellId, entry };
    const changed =
      found.by === undefined ? this.#describeNode(found.node) : this.#describeCell(found.by);
    return { state: 'changedUpstream', cellId, entry, changed };
  }

  #describeCell(index: number): ChangedCell {
    return { cellId: this.#assigned[index]?.id, index, name: undefined, code: '' };
  }

  /** Of equal cells, the one that the document still has is the one to name. */
  #describeNode(node: string): ChangedCell {
    const cells = (this.saved.nodes.get(node) ?? []).map(({ cellId }) => cellId);
    const cellId = cells.find((id) => this.#places.has(id)) ?? cells[0] ?? -1;
    const cell = this.saved.cells.get(cellId);
    return { cellId, index: this.#places.get(cellId), name: cell?.name, code: cell?.code ?? '' };
  }

  /** Whether what was said of the last run of a cell that kept nothing still holds. */
  #stands(refusal: Refusal, index: number, nearest: Nearest<Entry, Refusal>): boolean {
    if (!this.#isAsSeen(index)) return false;
    const { lacking } = refusal;
    if (lacking && 'entry' in nearest && nearest.state !== 'changedHere') {
      const others = this.current.filter((_, other) => other !== index);
      return lacking.some((name) => others.some((other) => hasWord(other, name)));
    }
    if (refusal.lasting) return true;
    if ('entry' in nearest && nearest.entry.usedAt >= refusal.at) return false;
    // What failed with other input is no longer what it was: that input is looked at, too.
    const needed = this.#recordedPlaces(index) ?? placesByName(this.current, index);
    return needed.every((place) => this.#isAsSeen(place));
  }

  /** Whether a cell is as it was when the kernel saw it last. */
  #isAsSeen(index: number): boolean {
    const id = this.#assigned[index]?.id;
    return id !== undefined && this.saved.seen.get(id) === this.current[index]?.code;
  }

  /**
   * @returns the places of a cell and of what it depends on, as they were recorded with its nearest
   * result; `undefined` where they were not.
   */
  #recordedPlaces(index: number): readonly number[] | undefined {
    const nearest = this.#nearests[index];
    if (!nearest || !isRecorded(nearest)) return undefined;
    const found = this.#ancestry.placesOf(nearest.entry.node ?? '', (id) => this.#places.get(id));
    return nearest.state === 'changedUpstream' ? [...found, nearest.changed.index ?? -1] : found;
  }

  /** @returns the result that is nearest to a cell, if the cell was saved or served another one since. */
  #earlierThanLast(nearest: Nearest<Entry, Refusal>): Entry[] {
    if (!('entry' in nearest)) return [];
    const [last] = this.#ownEntries(nearest.cellId);
    return last?.node === nearest.entry.node ? [] : [nearest.entry];
  }

  /** A cell that is cached as a whole asks for its blocks and functions only when it runs. */
  #ownEntries(cellId: number): readonly Entry[] {
    const entries = this.saved.entries.get(cellId) ?? [];
    const whole = entries.filter((entry) => entry.whole);
    return whole.length > 0 ? whole : entries;
  }
}

/** An older result may be nearer to the document than the last one: code is also changed back. */
const distance = {
  fresh: 0,
  changedUpstream: 1,
  obsolete: 2,
  unknown: 3,
  changedHere: 4,
  neverCached: 5,
};

/** Whether what a cell depends on, as it is in the document, was recorded with its result. */
function isRecorded<Entry extends StoredEntry, Refusal extends StoredRefusal>(
  nearest: Nearest<Entry, Refusal>,
): nearest is Extract<Nearest<Entry, Refusal>, { entry: Entry }> {
  return 'entry' in nearest && nearest.state !== 'changedHere' && nearest.state !== 'unknown';
}

/**
 * @returns the places of the cells that define a name, by names that no cell defined when the
 * kernel saw the notebook, or that more than one defines now, which marimo refuses to run.
 */
function findNewNames(
  known: readonly KnownCell[],
  current: readonly CurrentCell[],
): Map<string, number[]> {
  const living = known.filter(({ retired }) => !retired);
  const before = new Set(living.flatMap(({ defs }) => defs));
  const definers = new Map<string, number[]>();
  for (const [index, { defs }] of current.entries()) {
    for (const name of new Set(defs)) definers.set(name, [...(definers.get(name) ?? []), index]);
  }
  return new Map([...definers].filter(([name, places]) => places.length > 1 || !before.has(name)));
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
