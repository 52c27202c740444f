import { digest, digests, integer, Listing, optional, text } from './fields';
import type { NodeSummary } from './rows';
import type { Connection } from './sqlite';

/** A node and what it stands on, without its code. */
export interface GraphNode {
  readonly node: string;
  readonly cellId: number;
  readonly codeDigest: string;
  readonly parents: readonly string[];
}

const graphNodes = new Listing('a node', {
  node: digest('n.node'),
  cellId: integer('n.cell_id'),
  codeDigest: digest('n.code_digest'),
  parents: digests('n.parents'),
});

const described = new Listing('a node', {
  name: optional(text('c.name')),
  cellId: integer('c.cell_id'),
});

const sources = new Listing('the code of a node', {
  codeDigest: digest('s.code_digest'),
  code: text('s.code'),
});

/** All nodes of an app's cells, those that no entry needs any more too. */
export async function listGraph(connection: Connection, appId: number): Promise<GraphNode[]> {
  const row = await connection.get(
    `SELECT ${graphNodes.sql(
      'cells AS c JOIN nodes AS n USING (cell_id) WHERE c.app_id = ?1',
    )} AS nodes`,
    appId,
  );
  return graphNodes.parse(row?.nodes, connection.path);
}

/** The nodes of a graph that can be reached from `roots`, roots first, each once. */
export function reachable(
  roots: Iterable<string>,
  graph: ReadonlyMap<string, { readonly parents: readonly string[] }>,
): string[] {
  const found = new Set(roots);
  // A set's iterator goes on to what is added on the way.
  for (const node of found) {
    for (const parent of graph.get(node)?.parents ?? []) found.add(parent);
  }
  return [...found].filter((node) => graph.has(node));
}

/**
 * The cell as it stood when an entry was saved, first, and all it depended on. Two cells of a
 * notebook may be equal and so have equal nodes: the entry's own cell comes first, else the earlier.
 */
export async function listAncestry(
  connection: Connection,
  entryId: number,
): Promise<NodeSummary[]> {
  const entry = await connection.get(
    `SELECT e.cell_id, c.app_id, lower(hex(e.node)) AS node FROM entries AS e
     JOIN cells AS c USING (cell_id) WHERE e.entry_id = ? AND typeof(e.node) = 'blob'`,
    entryId,
  );
  if (typeof entry?.node !== 'string' || typeof entry.app_id !== 'number') return [];
  const graph = new Map<string, GraphNode>();
  for (const node of await listGraph(connection, entry.app_id)) {
    const other = graph.get(node.node);
    const own = node.node === entry.node && node.cellId === entry.cell_id;
    if (
      other === undefined ||
      own ||
      (other.cellId > node.cellId && other.cellId !== entry.cell_id)
    ) {
      graph.set(node.node, node);
    }
  }
  const nodes = reachable([entry.node], graph).flatMap((node) => graph.get(node) ?? []);
  const row = await connection.get(
    `SELECT ${described.sql('cells AS c WHERE c.cell_id IN (SELECT value FROM json_each(?1))')} AS cells,
      ${sources.sql(`sources AS s WHERE s.code_digest IN (${nodes.map(() => '?').join(', ')})`)} AS sources`,
    JSON.stringify(nodes.map(({ cellId }) => cellId)),
    ...nodes.map(({ codeDigest }) => Buffer.from(codeDigest, 'hex')),
  );
  const names = new Map(
    described.parse(row?.cells, connection.path).map(({ cellId, name }) => [cellId, name]),
  );
  const codes = new Map(
    sources.parse(row?.sources, connection.path).map((each) => [each.codeDigest, each.code]),
  );
  return nodes.map((node) => ({
    ...node,
    name: names.get(node.cellId),
    code: codes.get(node.codeDigest) ?? '',
  }));
}
