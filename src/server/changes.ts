import type { OutdatedFile } from './hover';

/** What speaks against the result of a cell whose code is as saved: a file or module that changed. */
export type Change =
  /** One that it was made of, which marimo does not see. */
  | { readonly kind: 'file'; readonly file: OutdatedFile }
  /** One that made it, which marimo loads anew: it is computed anew, too. */
  | { readonly kind: 'module'; readonly file: OutdatedFile }
  /** Such a one made what it needs; `by` is the place of that cell. */
  | { readonly kind: 'upstream'; readonly by: number };

/** What is asked about the cells of a notebook, by their places. */
export interface Asked {
  readonly count: number;
  /** The places of the cells that the result of one stands on, the nearest first. */
  readonly standsOn: (index: number) => readonly number[];
  /** A file of its result that is not as it was; `undefined` of a cell that is not served anyway. */
  readonly find: (index: number, which: 'all' | 'modules') => Promise<OutdatedFile | undefined>;
  /** Whether marimo loads modules anew that change. */
  readonly reloads: boolean;
}

/** @returns one for each cell, by its place */
export function findChanges(asked: Asked): Promise<(Change | undefined)[]> {
  return Promise.all(Array.from({ length: asked.count }, (_, index) => index).map(changes(asked)));
}

/** @returns what finds that of one cell, by its place: it looks at no more cells than that one stands on */
export function changes({ standsOn, find, reloads }: Asked) {
  const modules = new Map<number, Promise<OutdatedFile | undefined>>();
  const moduleOf = (index: number) => {
    const known = modules.get(index) ?? find(index, 'modules');
    modules.set(index, known);
    return known;
  };
  return async (index: number): Promise<Change | undefined> => {
    // First: what a changed module made is not served, whatever else has changed.
    const module = reloads ? await moduleOf(index) : undefined;
    if (module !== undefined) return { kind: 'module', file: module };
    const file = await find(index, 'all');
    if (file !== undefined) return { kind: 'file', file };
    for (const by of reloads ? standsOn(index) : []) {
      if ((await moduleOf(by)) !== undefined) return { kind: 'upstream', by };
    }
    return undefined;
  };
}
