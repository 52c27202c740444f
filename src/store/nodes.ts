import { digest, digests, integer, Listing } from './fields';
import type { Connection } from './Connection';

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
