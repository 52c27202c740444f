/** Which cells of a document need which others: as it was recorded, or else by the names that they have. */

import type { CurrentCell } from './stored';
import { usesName } from './texts';

/** The place of a cell, and those of the cells that define names which it, or one of these, has. */
export function placesByName(current: readonly CurrentCell[], index: number): number[] {
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
export function findDisabled(
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
