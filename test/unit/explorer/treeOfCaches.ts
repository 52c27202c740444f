import assert from 'node:assert/strict';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { type Branch, CellTree } from '../../../src/explorer/tree/CellTree';
import type { Found } from '../../../src/explorer/tree/found';
import { NodeSource } from '../../../src/explorer/tree/NodeSource';
import type { RefusedSetting } from '../../../src/explorer/tree/refusedSettings';
import type { Doubt } from '../../../src/protocol/standing';
import { Caches } from '../../../src/store/Caches';
import type { SqliteLoader } from '../../../src/store/SqliteLoader';
import { atEnd, creation, makeEntry, makeFolder, runSql } from '../store/cacheFolder';

/** A workspace folder with caches in it, and the tree over them. */
export async function setUp(t: TestContext, notebookFolders: readonly string[] = ['.']) {
  const root = await makeFolder(t);
  const databases = notebookFolders.map((folder) =>
    path.join(root, folder, '__marimo__', 'cache', 'cache.db'),
  );
  for (const database of databases) await runSql(database, creation);
  const caches = new Caches();
  atEnd(t, () => caches.close());
  const clock = { now: Date.now() / 1000 };
  const faults: unknown[] = [];
  const orphans = new Set<number>();
  const returned = new Set<number>();
  const earlier = new Set<number>();
  const doubts = new Map<number, Doubt>();
  const refused: RefusedSetting[] = [];
  const [database = ''] = databases;
  const nodes = new NodeSource(
    caches,
    (fault) => faults.push(fault),
    (cache) =>
      cache === caches.number(database)
        ? { orphaned: orphans, returned, earlier, doubts }
        : { orphaned: new Set(), returned: new Set(), earlier: new Set(), doubts: new Map() },
    () => refused,
  );
  const tree = new CellTree(nodes, () => ({ locale: 'en', ...clock }));
  const folder = { kind: 'folder', name: 'work', path: root } as const;
  const found: Found = {
    folders: [folder],
    databases: databases.map((database) => ({ path: database, folder: root, chosen: false })),
    gone: [],
    files: [],
  };
  tree.setFound(found);
  const open = (): Promise<SqliteLoader> => caches.open(database);
  const told = { faults, orphans, returned, earlier, doubts, refused };
  return { root, databases, database, caches, clock, tree, found, open, ...told };
}

export function entryOf(
  ordinal: number,
  name: string,
  { cell, ...different }: { cell?: Branch; hash?: string; runtime?: number } = {},
) {
  const cellId = cell?.node.kind === 'cell' ? cell.node.cell.cellId : undefined;
  return makeEntry({
    cell: { app: '../../nb.py', cellId, name, ordinal, code: `${name} = 1`, defs: [name] },
    hash: `${name}-${ordinal}`,
    ...different,
  });
}

export const labels = (branches: readonly Branch[]) => branches.map(({ row }) => row.label);

/** The child of that label. */
export async function child(
  tree: CellTree,
  parent: Branch | undefined,
  label: string,
): Promise<Branch> {
  const children = await tree.children(parent);
  const found = children.find(({ row }) => row.label === label);
  assert.ok(found, `${label} is among ${labels(children).join(', ')}`);
  return found;
}

/** The same with a notebook of the cells `a` and `b`, unfolded. */
export async function withTwoCells(t: TestContext) {
  const made = await setUp(t);
  const loader = await made.open();
  await loader.save(entryOf(0, 'a'));
  await loader.save(entryOf(1, 'b'));
  const app = await child(made.tree, undefined, 'nb.py');
  const [a, b] = await made.tree.children(app);
  assert.ok(a && b);
  return { ...made, loader, app, a, b };
}
