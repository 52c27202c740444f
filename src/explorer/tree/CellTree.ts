import { isDeepStrictEqual } from 'node:util';
import type { Found } from './found';
import type { NodeSource } from './NodeSource';
import { idOf, type Node, ownOf } from './nodes';
import { rowOf } from './nodeRow';
import type { Reader, Row } from './row';
import type { Contents } from './state';

/**
 * A node as the view holds on to it: the same object for as long as the thing exists, since VS Code
 * recognises what it is told to refresh by identity.
 */
export interface Branch {
  readonly id: string;
  node: Node;
  row: Row;
}

const rootId = '';
/** Seconds for which what a refresh has read is handed out to whoever asks next. */
const justNow = 2;

/**
 * The explorer's tree over the databases of the workspace, without VS Code: children on request, and
 * after a change the branches that look different, and no others.
 */
export class CellTree {
  private readonly branches = new Map<string, Branch>();
  /** What each parent was last said to have, by id; parents that nobody looks into are left out. */
  private readonly served = new Map<string, readonly Branch[]>();
  /** When a refresh read the children of each parent, by id, until they are asked for. */
  private readonly readAt = new Map<string, number>();

  constructor(
    private readonly source: NodeSource,
    private readonly reader: () => Reader,
  ) {}

  /** As of the last time that the root was read; `undefined` before the first. */
  get contents(): Contents | undefined {
    return this.source.contents;
  }

  /** Whether notebooks were listed in short, and the next {@link refresh} tells more of them. */
  get isShort(): boolean {
    return this.source.isShort;
  }

  /** Whether a file is that of a notebook that is shown. */
  isNotebook(file: string): boolean {
    return this.source.isNotebook(file);
  }

  /** Takes effect at the next {@link children} or {@link refresh}. */
  setFound(found: Found): void {
    this.source.setFound(found);
    this.readAt.clear();
  }

  /**
   * What VS Code is told to show anew it asks for again with all that is unfolded below: what the
   * refresh has read for that is not read twice.
   */
  async children(parent?: Branch): Promise<readonly Branch[]> {
    const id = parent?.id ?? rootId;
    const at = this.readAt.get(id) ?? -Infinity;
    this.readAt.delete(id);
    const served = this.reader().now - at < justNow ? this.served.get(id) : undefined;
    return served ?? this.read(parent, (node) => this.branchOf(node));
  }

  /** Whether a command was given a branch of this tree, as against anything made to look like one. */
  has(value: unknown): value is Branch {
    if (typeof value !== 'object' || value === null || !('id' in value)) return false;
    return typeof value.id === 'string' && this.branches.get(value.id) === value;
  }

  /** The branch that a branch was last seen below; `undefined` for a root. */
  parentOf(branch: Branch): Branch | undefined {
    const [id] = [...this.served].find(([, children]) => children.includes(branch)) ?? [];
    return id === undefined ? undefined : this.branches.get(id);
  }

  /** What is next to results, cells or notebooks that are cleared with all below them: behind, before or above. */
  beside(cleared: readonly Branch[]): Branch | undefined {
    const going = new Set(cleared.map((branch) => this.wholeOf(branch)));
    const last = [...going].at(-1);
    if (last === undefined) return undefined;
    const parent = this.parentOf(last);
    const siblings = this.served.get(parent?.id ?? rootId) ?? [];
    const at = siblings.findIndex((branch) => branch === last);
    const staying = (branch: Branch) => !going.has(branch);
    const beside = siblings.slice(at + 1).find(staying) ?? siblings.slice(0, at).findLast(staying);
    // A cell goes with the last of its results.
    const isCell = parent?.node.kind === 'cell';
    return beside ?? (isCell ? this.beside([parent]) : parent);
  }

  /** The result that a value goes with. */
  private wholeOf(branch: Branch): Branch {
    return branch.node.kind === 'item' ? (this.parentOf(branch) ?? branch) : branch;
  }

  /** The branch of a notebook, by the path of its file. */
  async notebook(file: string): Promise<Branch | undefined> {
    const roots = await this.children();
    const folders = roots.filter(({ node }) => node.kind === 'folder');
    const below = await Promise.all(folders.map((folder) => this.children(folder)));
    return [...roots, ...below.flat()].find(
      ({ node }) => node.kind === 'app' && node.app.notebook === file,
    );
  }

  /** A branch whose children nobody sees any more costs nothing at the next refresh. */
  forget(branch: Branch): void {
    for (const child of this.served.get(branch.id) ?? []) this.forget(child);
    this.served.delete(branch.id);
  }

  /**
   * Reads again what is being looked at.
   * @param cache only this database, by its number, and what did not change in it keeps its words, so
   * that its age is as it was; everything when absent, and which notebooks' files are there
   * @returns the branches to show anew, `undefined` for the root; a parent stands for its children
   */
  async refresh(cache?: number): Promise<(Branch | undefined)[]> {
    if (cache === undefined) this.source.lookAtFilesAgain();
    this.source.lookInFull();
    const changed: (Branch | undefined)[] = [];
    const visit = async (parent: Branch | undefined): Promise<void> => {
      const before = this.served.get(parent?.id ?? rootId);
      if (before === undefined) return;
      if (cache !== undefined && parent !== undefined && !concerns(parent.node, cache)) return;
      const shown = new Map(before.map((branch) => [branch, branch.row]));
      const after = await this.read(parent, (node) => this.branchOf(node, cache !== undefined));
      this.readAt.set(parent?.id ?? rootId, this.reader().now);
      for (const branch of before) if (!after.includes(branch)) this.drop(branch);
      if (after.length !== before.length || after.some((branch, at) => branch !== before[at])) {
        changed.push(parent);
      } else {
        changed.push(
          ...after.filter((branch) => !isDeepStrictEqual(shown.get(branch), branch.row)),
        );
      }
      for (const branch of after) await visit(branch);
    };
    await visit(undefined);
    return changed;
  }

  /** Says anew how old things are, of which nothing is read. @returns the branches that look different */
  age(): Branch[] {
    const reader = this.reader();
    return [...this.served.values()].flat().filter((branch) => {
      const row = rowOf(branch.node, reader);
      if (isDeepStrictEqual(row, branch.row)) return false;
      branch.row = row;
      return true;
    });
  }

  private drop(branch: Branch): void {
    for (const child of this.served.get(branch.id) ?? []) this.drop(child);
    this.served.delete(branch.id);
    this.branches.delete(branch.id);
  }

  private async read(
    parent: Branch | undefined,
    branchOf: (node: Node) => Branch,
  ): Promise<readonly Branch[]> {
    const children = (await this.source.below(parent?.node)).map(branchOf);
    this.served.set(parent?.id ?? rootId, children);
    return children;
  }

  /** @param keep the words of a node that is as it was */
  private branchOf(node: Node, keep = false): Branch {
    const id = idOf(node);
    const known = this.branches.get(id);
    if (known === undefined) {
      const branch = { id, node, row: rowOf(node, this.reader()) };
      this.branches.set(id, branch);
      return branch;
    }
    const same = keep && isDeepStrictEqual(ownOf(known.node), ownOf(node));
    if (!same) known.row = rowOf(node, this.reader());
    known.node = node;
    return known;
  }
}

/** Whether a change of a database can show in what is below the node. */
function concerns(node: Node, cache: number): boolean {
  return !('cache' in node) || node.cache === cache;
}
