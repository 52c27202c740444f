import type { OutdatedFile } from './hover';

/** What speaks against the result of a cell whose code is as saved: a file or module that changed. */
export type Change =
  /** One that it was made of, which marimo does not see. */
  | { readonly kind: 'file'; readonly file: OutdatedFile }
  /** One that made it, which marimo loads anew: it is computed anew, too. */
  | { readonly kind: 'module'; readonly file: OutdatedFile }
  /** One that it was made of, where the user wants such results computed anew. */
  | { readonly kind: 'recomputed'; readonly file: OutdatedFile }
  /** Such a one made what it needs; `by` is the place of that cell. */
  | { readonly kind: 'upstream'; readonly by: number };

/** What is asked about the cells of a notebook, by their places. */
export interface Asked {
  readonly count: number;
  /** The places of the cells that the result of one stands on, the nearest first. */
  readonly standsOn: (index: number) => readonly number[];
  /**
   * A file of its result that is not as it was; `undefined` of a cell that is not served anyway. All but
   * the `changed` ones may be gone.
   */
  readonly find: (
    index: number,
    which: 'all' | 'modules' | 'changed',
  ) => Promise<OutdatedFile | undefined>;
  /** Whether marimo loads modules anew that change. */
  readonly reloads: boolean;
  /** Whether the user wants computed anew what was made of a file that has changed since. */
  readonly recomputes: boolean;
}

/** @returns one for each cell, by its place */
export function findChanges(asked: Asked): Promise<(Change | undefined)[]> {
  return Promise.all(Array.from({ length: asked.count }, (_, index) => index).map(changes(asked)));
}

/** @returns what finds that of one cell, by its place: it looks at no more cells than that one stands on */
export function changes({ standsOn, find, reloads, recomputes }: Asked) {
  const refusals = new Map<number, Promise<Refusal | undefined>>();
  const look = async (index: number): Promise<Refusal | undefined> => {
    const module = reloads ? await find(index, 'modules') : undefined;
    if (module !== undefined) return { kind: 'module', file: module };
    const file = recomputes ? await find(index, 'changed') : undefined;
    return file && { kind: 'recomputed', file };
  };
  const refusalOf = (index: number) => {
    const known = refusals.get(index) ?? look(index);
    refusals.set(index, known);
    return known;
  };
  return async (index: number): Promise<Change | undefined> => {
    // First: what is computed anew is not served, whatever else has changed.
    const refusal = await refusalOf(index);
    if (refusal !== undefined) return refusal;
    const file = await find(index, 'all');
    if (file !== undefined) return { kind: 'file', file };
    for (const by of reloads || recomputes ? standsOn(index) : []) {
      if ((await refusalOf(by)) !== undefined) return { kind: 'upstream', by };
    }
    return undefined;
  };
}

/** What has a result computed anew. */
type Refusal = Extract<Change, { kind: 'module' | 'recomputed' }>;
