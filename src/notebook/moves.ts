/**
 * What moved: a notebook to another path. The kernel decides it when it saves and VS Code when it
 * reads, by the same rule; both run the table `test/fixtures/moves.json`, of which cells that were
 * pasted into another notebook are the kernel's alone.
 */

import { type Appearance, assignCells, type KnownCell } from './identity';
import { countWords, sharedWords } from './texts';

/** Two equal cells, or one of this many words, are more than chance. */
const tellingCells = 2;
const tellingWords = 12;

export interface KnownApp {
  readonly appId: number;
  /** Whether its file is there. */
  readonly there: boolean;
  /** In notebook order. */
  readonly cells: readonly KnownCell[];
}

/**
 * Finds the app that a notebook was which stands at a path that is not known: one whose file is
 * gone, and that shares with the notebook more than half of what either has, in words. While the
 * file is there, the notebook is a copy of it. Where several qualify, it is the one that shares
 * most, the first of equals.
 */
export function findMovedApp<App extends KnownApp>(
  apps: readonly App[],
  cells: readonly Appearance[],
): App | undefined {
  const size = sum(cells.map(countWords));
  let best: { readonly app: App; readonly shared: number } | undefined;
  for (const app of apps) {
    const living = new Map(app.cells.flatMap((cell) => (cell.retired ? [] : [[cell.id, cell]])));
    if (app.there || living.size === 0) continue;
    const known = [...living.values()];
    let shared = 0;
    let equal = 0;
    for (const [index, { id, reason }] of assignCells(known, cells).entries()) {
      const [before, now] = [id === undefined ? undefined : living.get(id), cells[index]];
      if (!before || !now || reason === 'position') continue;
      shared += sharedWords(before, now);
      if (reason === 'code') equal++;
    }
    if (equal < tellingCells && shared < tellingWords) continue;
    const most = Math.max(size, sum(known.map(countWords)));
    if (2 * shared > most && shared > (best?.shared ?? 0)) best = { app, shared };
  }
  return best?.app;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
