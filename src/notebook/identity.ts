/**
 * Which stored cell a document's cell is. The kernel decides this when it saves and VS Code when it
 * reads, by the same rule; both run the table `test/fixtures/identity.json`.
 */

import { Texts } from './texts';

/** What is known of a cell by its looks; `code` is what `normalise` makes of it. */
export interface Appearance {
  /** Absent, or `_`, when the notebook gives the cell no name. */
  readonly name: string | undefined;
  readonly code: string;
  readonly defs: readonly string[];
  /** The id that a live kernel gave to its cell, which stays while the code changes under it. */
  readonly knownAs?: number | undefined;
}

export interface KnownCell extends Appearance {
  readonly id: number;
  /** Whether it was gone from the notebook when the kernel last saw that. */
  readonly retired: boolean;
}

/** `reason` says by what the cell was recognised. */
export type Assignment =
  | { readonly id: number; readonly reason: Evidence }
  | { readonly id: undefined; readonly reason: 'new' };

type Evidence = 'session' | 'code' | 'text' | 'name' | 'defs' | 'position';

/**
 * Thousandths of their text that two cells share when one of them became the other in its place.
 * Found by `npm run identity`, as the bounds in `texts.ts`.
 */
const akin = 150;

/**
 * Recognises cells by the strongest evidence first; what comes later sees only what is left over.
 *
 * 1. The live kernel's own id.
 * 2. Equal code, with an equal name first. Living cells go before retired ones, then the order in
 *    the notebook decides.
 * 3. Pairs that share most of their text, an equal name, or a name that they define. Those with
 *    most text in common go first, so that of a cell that was split, or of cells that were joined,
 *    the larger part lives on; where there is no such text, the name goes before what is defined.
 * 4. The place between two neighbours, if nothing speaks against it.
 *
 * @param before stored cells, in notebook order
 * @param after the notebook's cells, in its order
 * @returns one assignment for each of `after`; no id appears twice
 */
export function assignCells(
  before: readonly KnownCell[],
  after: readonly Appearance[],
): Assignment[] {
  const living = before.filter((cell) => !cell.retired);
  const left = new Set([...living, ...before.filter((cell) => cell.retired)]);
  const known = new Map(before.map((cell) => [cell.id, cell]));
  const assigned = new Map<number, Assignment>();
  const assign = (cell: KnownCell, index: number, reason: Evidence) => {
    if (!left.has(cell) || assigned.has(index)) return;
    assigned.set(index, { id: cell.id, reason });
    left.delete(cell);
  };

  for (const [index, { knownAs }] of after.entries()) {
    const cell = knownAs === undefined ? undefined : known.get(knownAs);
    if (cell) assign(cell, index, 'session');
  }
  for (const keysOf of [codeAndName, code]) {
    for (const { cell, index } of equalPairs(left, after, assigned, keysOf)) {
      assign(cell, index, 'code');
    }
  }
  if (left.size > 0 && assigned.size < after.length) {
    const texts = new Texts(living, after);
    for (const { cell, index, reason } of findClaims(left, after, assigned, texts)) {
      assign(cell, index, reason);
    }
    for (const { cell, index } of findGaps(living, after, assigned)) {
      const now = after[index];
      if (now && mayStandFor(cell, now, texts)) assign(cell, index, 'position');
    }
  }
  return after.map((_, index) => assigned.get(index) ?? { id: undefined, reason: 'new' });
}

/** A stored cell and the place of a cell that it may be. */
interface Pair {
  readonly cell: KnownCell;
  readonly index: number;
}

interface Claim extends Pair {
  readonly reason: Evidence;
  /** How many words both have; 0 where the cells are not alike. */
  readonly text: number;
  /** How many names both define. */
  readonly defs: number;
}

// Cells without code are many and say nothing about each other.
const code = (cell: Appearance) => (cell.code === '' ? [] : [cell.code]);
const codeAndName = (cell: Appearance) => {
  let keys = named.get(cell);
  if (keys === undefined) {
    keys = code(cell).flatMap((text) => namesOf(cell).map((name) => `${name}\n${text}`));
    named.set(cell, keys);
  }
  return keys;
};
/** What {@link codeAndName} said of cells: most are the same objects after an edit. */
const named = new WeakMap<Appearance, readonly string[]>();

/** @returns pairs of what has an equal key, in order. */
function equalPairs(
  left: ReadonlySet<KnownCell>,
  after: readonly Appearance[],
  assigned: ReadonlyMap<number, Assignment>,
  keysOf: (cell: Appearance) => readonly string[],
): Pair[] {
  const waiting = groupBy(left, keysOf);
  return after.flatMap((now, index) => {
    if (assigned.has(index)) return [];
    const cell = keysOf(now).flatMap((key) => waiting.get(key)?.shift() ?? [])[0];
    return cell ? [{ cell, index }] : [];
  });
}

/** @returns every pair that has something to be recognised by, those to make first in front. */
function findClaims(
  left: ReadonlySet<KnownCell>,
  after: readonly Appearance[],
  assigned: ReadonlyMap<number, Assignment>,
  texts: Texts,
): Claim[] {
  const open = after
    .map((now, index) => ({ now, index }))
    .filter(({ index }) => !assigned.has(index));
  const byName = groupBy(open, ({ now }) => namesOf(now));
  const byDefs = groupBy(open, ({ now }) => new Set(now.defs));
  const byText = groupBy(open, ({ now }) => texts.tellingWords(now));
  return [...left]
    .flatMap((cell, order) => {
      const named = new Set(namesOf(cell).flatMap((name) => byName.get(name) ?? []));
      const defs = new Map<(typeof open)[number], number>();
      for (const name of new Set(cell.defs)) {
        for (const one of byDefs.get(name) ?? []) defs.set(one, (defs.get(one) ?? 0) + 1);
      }
      // What is gone for long is not brought back by mere likeness.
      const likely = cell.retired
        ? []
        : texts.tellingWords(cell).flatMap((word) => byText.get(word) ?? []);
      return [...new Set([...named, ...defs.keys(), ...likely])].flatMap((one) => {
        const text = texts.common(cell, one.now);
        const reason = named.has(one) ? 'name' : defs.has(one) ? 'defs' : 'text';
        if (reason === 'text' && text === 0) return [];
        const claim = { cell, index: one.index, reason, text, defs: defs.get(one) ?? 0 } as const;
        return [{ ...claim, order }];
      });
    })
    .sort(
      (a, b) =>
        Number(a.cell.retired) - Number(b.cell.retired) ||
        b.text - a.text ||
        Number(b.reason === 'name') - Number(a.reason === 'name') ||
        b.defs - a.defs ||
        a.order - b.order ||
        a.index - b.index,
    );
}

/**
 * @returns pairs of cells that are alone between the same two neighbours, of which the notebook's
 * beginning or end may be one.
 */
function findGaps(
  living: readonly KnownCell[],
  after: readonly Appearance[],
  assigned: ReadonlyMap<number, Assignment>,
): Pair[] {
  const places = new Map<number, number>();
  for (const [index, { id }] of assigned) if (id !== undefined) places.set(id, index);
  return living.flatMap((cell, order) => {
    if (places.has(cell.id) || living.length === 1) return [];
    const [previous, next] = [living[order - 1], living[order + 1]];
    const above = previous ? places.get(previous.id) : -1;
    const below = next ? places.get(next.id) : after.length;
    if (above === undefined || below !== above + 2 || assigned.has(above + 1)) return [];
    return [{ cell, index: above + 1 }];
  });
}

/** Whether a cell in the place of another may be that one: nothing speaks against it. */
function mayStandFor(cell: KnownCell, now: Appearance, texts: Texts): boolean {
  if (namesOf(cell).length > 0 && namesOf(now).length > 0) return false;
  if (cell.defs.length > 0 && now.defs.length > 0) return false;
  return cell.code === now.code || texts.share(cell, now) >= akin;
}

/** @returns the cell's name, if it has one. */
function namesOf({ name }: Appearance): string[] {
  return name === undefined || name === '_' ? [] : [name];
}

function groupBy<Value, Key>(
  values: Iterable<Value>,
  keysOf: (value: Value) => Iterable<Key>,
): Map<Key, Value[]> {
  const groups = new Map<Key, Value[]>();
  for (const value of values) {
    for (const key of keysOf(value)) {
      const group = groups.get(key);
      if (group) group.push(value);
      else groups.set(key, [value]);
    }
  }
  return groups;
}
