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
export async function findChanges(asked: Asked): Promise<(Change | undefined)[]> {
  const { count, standsOn, find, reloads } = asked;
  const own = await Promise.all(
    Array.from({ length: count }, async (_, index): Promise<Change | undefined> => {
      // First: what a changed module made is not served, whatever else has changed.
      const module = reloads ? await find(index, 'modules') : undefined;
      if (module !== undefined) return { kind: 'module', file: module };
      const file = await find(index, 'all');
      return file && { kind: 'file', file };
    }),
  );
  const isAnew = (index: number) => own[index]?.kind === 'module';
  if (!own.some((_, index) => isAnew(index))) return own;
  return own.map((change, index) => {
    const by = change === undefined ? standsOn(index).find(isAnew) : undefined;
    return by === undefined ? change : { kind: 'upstream', by };
  });
}
