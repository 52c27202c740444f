import type { EntrySummary } from '../../../src/store/rows';

/** An entry of cell 1, with what a test is about. */
export function entrySummary(given: Partial<EntrySummary>): EntrySummary {
  return {
    entryId: 1,
    cellId: 1,
    cacheName: 'cell_cache',
    cacheType: 'C',
    hash: 'b3HXm6oX',
    loader: 'lazy',
    node: 'n',
    runtime: 34,
    saves: 34,
    createdAt: 1_700_000_000,
    lastHitAt: undefined,
    hits: 0,
    pinned: false,
    versions: { marimo: '0.25.2', python: '3.12.3' },
    items: 2,
    size: 12_412_331,
    current: true,
    obsolete: false,
    again: false,
    ...given,
  };
}
