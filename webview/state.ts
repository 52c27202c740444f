import type { Bookmark, EntryView } from '../src/protocol/preview';
import { count, flag, object, optional, text } from '../src/protocol/shape';

/** What the page keeps over being hidden, moved and reloaded. The host reads the bookmark in it. */
export interface State {
  readonly bookmark: Bookmark | undefined;
  /** The selected value's key. */
  readonly key: string | undefined;
  /** The first row of the page that was shown of it. */
  readonly from: number;
  /** Whether the facts of the entry are unfolded. */
  readonly aboutOpen: boolean;
}

const shape = object<Omit<State, 'bookmark'>>({
  key: optional(text),
  from: count,
  aboutOpen: flag,
});

/** @returns what was kept, or where there is nothing that can be read, how the page begins */
export function readState(kept: unknown): State {
  const beginning = { bookmark: undefined, key: undefined, from: 0, aboutOpen: false };
  try {
    return { ...beginning, ...shape(kept, 'state') };
  } catch {
    return beginning;
  }
}

export function bookmarkOf({ bookmark }: EntryView): Pick<State, 'bookmark'> {
  return { bookmark };
}
