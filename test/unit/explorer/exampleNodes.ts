import type { Doubt } from '../../../src/protocol/standing';
import type { Reader } from '../../../src/explorer/tree/row';
import type { AppSummary, CellSummary, EntrySummary, ItemSummary } from '../../../src/store/rows';

// A notebook, a cell of it, its result and a value, as the tree has them.

export const now = 1_700_000_000;
export const reader: Reader = { locale: 'en', now };
export const database = '/notebooks/__marimo__/cache/cache.db';

export const app: AppSummary = {
  appId: 3,
  path: '../../analysis.py',
  notebook: '/notebooks/analysis.py',
  lastSeenAt: now - 60,
  cells: 18,
  entries: 20,
  size: 12_400_000,
  runtime: 40,
  saves: 34,
  lastUsedAt: now - 7200,
};
export const cell: CellSummary = {
  cellId: 7,
  appId: 3,
  name: 'load',
  ordinal: 2,
  code: 'df = read()',
  defs: ['df'],
  lastSeenAt: now,
  retiredAt: undefined,
  entries: 2,
  size: 640_000,
  runtime: 3.4,
  pinned: 0,
  saves: 3.4,
  lastUsedAt: now - 300,
  obsolete: false,
  again: false,
};
export const entry: EntrySummary = {
  entryId: 11,
  cellId: 7,
  cacheName: 'cell_cache',
  cacheType: 'C',
  hash: 'abc',
  loader: 'lazy',
  node: undefined,
  runtime: 34,
  saves: 34,
  createdAt: now - 7200,
  lastHitAt: now - 60,
  hits: 4,
  pinned: false,
  versions: { marimo: '0.25.2', python: '3.12.4' },
  items: 2,
  size: 12_400_000,
  current: true,
  obsolete: false,
  again: false,
};
export const item: ItemSummary = {
  entryId: 11,
  key: 'cell_cache/abc/df.arrow',
  name: 'df',
  format: 'arrow',
  typeHint: 'pandas.DataFrame',
  digest: 'ab'.repeat(32),
  size: 12_400_000,
  file: undefined,
  quarantined: false,
};

export const appNode = {
  kind: 'app',
  cache: 0,
  generation: '1:2:3',
  database,
  app,
  place: 'analysis.py',
  apart: undefined,
  exists: true,
} as const;
export const cellNode = {
  kind: 'cell',
  cache: 0,
  generation: '1:2:3',
  database,
  app,
  cell,
  exists: true,
  orphaned: false,
  doubt: undefined,
} as const;
export const entryNode = { ...cellNode, kind: 'entry', entry, called: undefined } as const;
export const itemNode = { ...entryNode, kind: 'item', item } as const;

export const changedHere: Doubt = {
  state: 'changedHere',
  outdated: false,
  label: 'changed here',
  reason: 'In the cache, but the code has changed since.',
};
