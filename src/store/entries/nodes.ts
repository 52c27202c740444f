import { digest, digests, integer, Listing } from './fields';
import type { Connection } from '../database/Connection';

/** A cell as it stood when an entry was saved: its code's digest and the nodes of what it used. */
export interface GraphNode {
  readonly node: string;
  readonly cellId: number;
  readonly codeDigest: string;
  /** Ascending. A node among them may be gone since; every other way through the graph is whole. */
  readonly parents: readonly string[];
}

const graphNodes = new Listing('a node', {
  node: digest('n.node'),
  cellId: integer('n.cell_id'),
  codeDigest: digest('n.code_digest'),
  parents: digests('n.parents'),
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

/** Nodes of an app's cells that no entry of the app stands on, in the order in which they can go. */
export async function listUnneededNodes(
  connection: Connection,
  appId: number,
): Promise<GraphNode[]> {
  const nodes = await listGraph(connection, appId);
  const roots = await connection.all(
    `SELECT DISTINCT lower(hex(e.node)) AS node FROM cells AS c JOIN entries AS e USING (cell_id)
     WHERE c.app_id = ? AND e.node IS NOT NULL`,
    appId,
  );
  const graph = new Map(nodes.map((node) => [node.node, node]));
  const needed = new Set(
    reachable(
      roots.map(({ node }) => String(node)),
      graph,
    ),
  );
  return descendantsFirst(nodes.filter(({ node }) => !needed.has(node)));
}

/**
 * Removes nodes, and code that no node has; part of a transaction, and only while nobody has written
 * since they were listed.
 */
export async function removeNodes(
  connection: Connection,
  nodes: readonly GraphNode[],
): Promise<void> {
  for (const { node, cellId } of nodes) {
    await connection.run(
      'DELETE FROM nodes WHERE node = ? AND cell_id = ?',
      Buffer.from(node, 'hex'),
      cellId,
    );
  }
  for (const codeDigest of new Set(nodes.map((node) => node.codeDigest))) {
    await connection.run(
      `DELETE FROM sources WHERE code_digest = ?1
       AND NOT EXISTS (SELECT 1 FROM nodes WHERE code_digest = ?1)`,
      Buffer.from(codeDigest, 'hex'),
    );
  }
}

/**
 * The same nodes, each before those of them that it stands on: removed in this order, at any time what
 * is still there has its ancestors, on which the kernel relies.
 */
export function descendantsFirst(nodes: readonly GraphNode[]): GraphNode[] {
  const left = new Map<string, GraphNode[]>();
  for (const node of nodes) {
    // Equal cells of two notebooks, or twice in one, have equal nodes.
    left.set(node.node, [...(left.get(node.node) ?? []), node]);
  }
  const order: GraphNode[][] = [];
  const seen = new Set<string>();
  const waiting = [...left.keys()].map((node) => ({ node, behindAncestors: false }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node, behindAncestors } = next;
    const equal = left.get(node);
    if (equal === undefined) continue;
    if (behindAncestors) order.push(equal);
    else if (!seen.has(node)) {
      seen.add(node);
      waiting.push({ node, behindAncestors: true });
      for (const parent of equal[0]?.parents ?? []) {
        waiting.push({ node: parent, behindAncestors: false });
      }
    }
  }
  return order.reverse().flat();
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
