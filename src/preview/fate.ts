import { isDeepStrictEqual } from 'node:util';
import type { Fate } from '../protocol/preview';
import type { EntrySummary } from '../store/rows';

/** Tells an entry from another one that was given its id later. */
export type Identity = Pick<EntrySummary, 'hash' | 'createdAt'>;

/**
 * Whether an entry is still the one that was shown. Its id does not tell: SQLite gives the id of a
 * removed row to a later one.
 */
export function isSame(shown: Identity, now: Identity | undefined): boolean {
  return now?.hash === shown.hash && now.createdAt === shown.createdAt;
}

/**
 * What became of `shown`.
 * @param now what the cache holds under its id
 * @param siblings all entries of its cell
 */
export function fateOf(
  shown: EntrySummary,
  now: EntrySummary | undefined,
  siblings: readonly EntrySummary[],
): Fate {
  const newer = newerThan(shown, siblings);
  if (isSame(shown, now)) {
    // Code that is as it was before, as after a checkout, has its earlier result back.
    const isBack = now?.current === true && newer?.current === false;
    return newer === undefined || isBack ? { kind: 'present' } : { kind: 'outdone' };
  }
  // Computed again for the same inputs, it was replaced rather than cleared.
  if (newer?.hash === shown.hash) return { kind: 'outdone' };
  return { kind: 'cleared', newer: newer !== undefined };
}

/** @returns the newest result that stands where `shown` stood, if there is one */
export function newerThan(
  shown: EntrySummary,
  siblings: readonly EntrySummary[],
): EntrySummary | undefined {
  return siblings
    .filter((each) => each.createdAt > shown.createdAt && succeeds(each, shown))
    .reduce<EntrySummary | undefined>(
      (newest, each) => (newest && newest.createdAt >= each.createdAt ? newest : each),
      undefined,
    );
}

/**
 * A cell has one result at a time, but a cached function has one for each of its arguments: there, an
 * entry made by equal code stands beside the other and not in its place, and so does another call's.
 */
function succeeds(later: EntrySummary, earlier: EntrySummary): boolean {
  if (later.cacheName !== earlier.cacheName) return false;
  if (later.cacheName === 'cell_cache' || later.hash === earlier.hash) return true;
  const isOfSameCall = earlier.call === undefined || isDeepStrictEqual(later.call, earlier.call);
  return later.node !== earlier.node && isOfSameCall;
}
