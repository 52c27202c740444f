/**
 * Whether a document's cells are as they were when their results were saved. Pure: what the document
 * holds and what the cache recorded come in, a judgement for each cell goes out. It predicts from the
 * text alone; whether a run hits is decided by marimo.
 */

import { Ancestry } from './ancestry';
import { assignCells, type KnownCell } from './identity';
import { normalise } from './normalise';
import type {
  CurrentCell,
  StoredCell,
  StoredEntry,
  StoredNode,
  StoredNotebook,
  StoredRefusal,
} from './stored';
import { hasWord, usesName } from './texts';

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
type Nearest<Entry extends StoredEntry, Refusal extends StoredRefusal> = Exclude<
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

/** A stored notebook, arranged so that every version of its document is judged quickly. */
export class SavedNotebook<
  Entry extends StoredEntry = StoredEntry,
  Refusal extends StoredRefusal = StoredRefusal,
> {
  /** The stored cells, as they are recognised. */
  readonly known: readonly KnownCell[];
  readonly #seen: ReadonlyMap<number, string>;
  readonly #cells: ReadonlyMap<number, StoredCell>;
  readonly #entries: ReadonlyMap<number, readonly Entry[]>;
  readonly #refusals: ReadonlyMap<number, Refusal>;
  /** Equal cells have equal nodes. */
  readonly #nodes: ReadonlyMap<string, readonly StoredNode[]>;

  constructor(stored: StoredNotebook<Entry, Refusal>) {
    this.known = stored.cells.map((cell) => ({
      ...cell,
      id: cell.cellId,
      code: normalise(cell.code),
    }));
    this.#seen = new Map(this.known.map(({ id, code }) => [id, code]));
    this.#cells = new Map(stored.cells.map((cell) => [cell.cellId, cell]));
    this.#entries = groupBy(stored.entries, ({ cellId }) => cellId);
    this.#refusals = new Map(stored.refusals.map((refusal) => [refusal.cellId, refusal]));
    this.#nodes = groupBy(stored.nodes, ({ node }) => node);
  }

  judge(current: readonly CurrentCell[]): Freshness<Entry, Refusal> {
    const assigned = assignCells(this.known, current);
    const places = new Map(
      assigned.flatMap(({ id }, index) => (id === undefined ? [] : [[id, index] as const])),
    );
    const ancestry = new Ancestry(this.#nodes, current, this.#newNames(current));

    const judgeEntry = (cell: CurrentCell, entry: Entry): Nearest<Entry, Refusal> => {
      const { cellId } = entry;
      const [own] = this.#nodes.get(entry.node ?? '') ?? [];
      if (!own) return { state: 'unknown', cellId, entry };
      if (own.codeDigest !== cell.digest) return { state: 'changedHere', cellId, entry };
      if (!entry.readable) return { state: 'obsolete', cellId, entry };
      const found = ancestry.findChange(own.node);
      if (found.kind === 'none') return { state: 'fresh', cellId, entry };
      if (found.kind === 'unknown') return { state: 'unknown', cellId, entry };
      return {
        state: 'changedUpstream',
        cellId,
        entry,
        changed:
          found.by === undefined
            ? this.#describe(found.node, places)
            : { cellId: assigned[found.by]?.id, index: found.by, name: undefined, code: '' },
      };
    };

    /** The places of a cell with a result, and of what it depends on. */
    const placesOf = (nearest: Extract<Nearest<Entry, Refusal>, { entry: Entry }>): number[] => {
      const found = ancestry.placesOf(nearest.entry.node ?? '', (cellId) => places.get(cellId));
      if (nearest.state === 'changedUpstream') found.push(nearest.changed.index ?? -1);
      return found;
    };

    /** Whether a cell is as it was when the kernel saw it last. */
    const isAsSeen = (index: number): boolean => {
      const id = assigned[index]?.id;
      return id !== undefined && this.#seen.get(id) === current[index]?.code;
    };
    const stands = (refusal: Refusal, index: number, nearest: Nearest<Entry, Refusal>): boolean => {
      if (!isAsSeen(index)) return false;
      const { lacking } = refusal;
      if (lacking && 'entry' in nearest && nearest.state !== 'changedHere') {
        const others = current.filter((_, other) => other !== index);
        return lacking.some((name) => others.some((other) => hasWord(other, name)));
      }
      if (refusal.lasting) return true;
      if ('entry' in nearest && nearest.entry.usedAt >= refusal.at) return false;
      // What failed with other input is no longer what it was: that input is looked at, too.
      const needed = isRecorded(nearest) ? placesOf(nearest) : placesByName(current, index);
      return needed.every(isAsSeen);
    };

    const nearestOf = (cell: CurrentCell, cellId: number | undefined): Nearest<Entry, Refusal> => {
      let nearest: Nearest<Entry, Refusal> = { state: 'neverCached', cellId };
      for (const entry of cellId === undefined ? [] : this.#ownEntries(cellId)) {
        const judgement = judgeEntry(cell, entry);
        if (distance[judgement.state] < distance[nearest.state]) nearest = judgement;
        if (nearest.state === 'fresh') break;
      }
      return nearest;
    };

    const nearests = current.map((cell, index) => nearestOf(cell, assigned[index]?.id));
    const recordedPlaces = (index: number) => {
      const nearest = nearests[index];
      return nearest && isRecorded(nearest) ? placesOf(nearest) : undefined;
    };
    const disabledBy = findDisabled(current, recordedPlaces);
    const cells = nearests.map((nearest, index): Judgement<Entry, Refusal> => {
      const { cellId } = nearest;
      const by = disabledBy.get(index);
      if (by !== undefined) {
        const entry = 'entry' in nearest ? nearest.entry : undefined;
        return { state: 'disabled', cellId, entry, by: by === index ? undefined : by };
      }
      if (cellId === undefined) return nearest;
      const refusal = this.#refusals.get(cellId);
      return refusal !== undefined && stands(refusal, index, nearest)
        ? { state: 'notCacheable', cellId, refusal }
        : nearest;
    });
    const orphaned = [...this.#entries.keys()].filter((cellId) => !places.has(cellId));
    const returned = this.known.filter((cell) => cell.retired && places.has(cell.id));
    const earlier = nearests.flatMap((nearest) => {
      if (!('entry' in nearest)) return [];
      const [last] = this.#ownEntries(nearest.cellId);
      return last?.node === nearest.entry.node ? [] : [nearest.entry];
    });
    const standsOn = (index: number) => recordedPlaces(index) ?? [];
    return { cells, orphaned, returned: returned.map(({ id }) => id), earlier, standsOn };
  }

  /** A cell that is cached as a whole asks for its blocks and functions only when it runs. */
  #ownEntries(cellId: number): readonly Entry[] {
    const entries = this.#entries.get(cellId) ?? [];
    const whole = entries.filter((entry) => entry.whole);
    return whole.length > 0 ? whole : entries;
  }

  /**
   * @returns the places of the cells that define a name, by names that no cell defined when the
   * kernel saw the notebook, or that more than one defines now, which marimo refuses to run.
   */
  #newNames(current: readonly CurrentCell[]): Map<string, number[]> {
    const living = this.known.filter(({ retired }) => !retired);
    const before = new Set(living.flatMap(({ defs }) => defs));
    const definers = new Map<string, number[]>();
    for (const [index, { defs }] of current.entries()) {
      for (const name of new Set(defs)) definers.set(name, [...(definers.get(name) ?? []), index]);
    }
    return new Map(
      [...definers].filter(([name, places]) => places.length > 1 || !before.has(name)),
    );
  }

  /** Of equal cells, the one that the document still has is the one to name. */
  #describe(node: string, places: ReadonlyMap<number, number>): ChangedCell {
    const cells = (this.#nodes.get(node) ?? []).map(({ cellId }) => cellId);
    const cellId = cells.find((id) => places.has(id)) ?? cells[0] ?? -1;
    const cell = this.#cells.get(cellId);
    return { cellId, index: places.get(cellId), name: cell?.name, code: cell?.code ?? '' };
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

/** The place of a cell, and those of the cells that define names which it, or one of these, has. */
function placesByName(current: readonly CurrentCell[], index: number): number[] {
  const found = new Set([index]);
  // A set's iterator goes on to what is added on the way.
  for (const place of found) {
    const cell = current[place];
    for (const [other, { defs }] of current.entries()) {
      if (cell && defs.some((name) => usesName(cell, name))) found.add(other);
    }
  }
  return [...found];
}

/**
 * The cells that marimo does not run.
 * @param placesOf the places of all that a cell depends on; `undefined` where nobody recorded it: then
 * it is the cells that define a name which the cell has
 * @returns by their places, that of the cell that is disabled: their own, or one that they need
 */
function findDisabled(
  current: readonly CurrentCell[],
  placesOf: (index: number) => readonly number[] | undefined,
): Map<number, number> {
  const found = new Map<number, number>();
  for (const [index, { disabled }] of current.entries()) {
    if (disabled === true) found.set(index, index);
  }
  if (found.size === 0) return found;
  const needed = current.map((_, index) => {
    const places = placesOf(index);
    return places && new Set(places);
  });
  // A map's iterator goes on to what is added on the way.
  for (const [place, by] of found) {
    const { defs } = current[place] ?? { defs: [] };
    for (const [index, cell] of current.entries()) {
      if (found.has(index)) continue;
      const needs =
        needed[index] === undefined
          ? defs.some((name) => usesName(cell, name))
          : needed[index].has(place);
      if (needs) found.set(index, by);
    }
  }
  return found;
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
