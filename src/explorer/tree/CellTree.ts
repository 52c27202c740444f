import { stat } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { compareNames, inReadingOrder } from '../../protocol/labels';
import { doubtAbout, idleIn, type OpenCells } from '../../protocol/standing';
import type { Caches } from '../../store/Caches';
import type { AppSummary } from '../../store/rows';
import type { SqliteLoader } from '../../store/SqliteLoader';
import { belongs, innermost, type Found, type FoundDatabase, type FoundPath } from './found';
import { type AppNode, type FolderNode, idOf, type Node, ownOf, shownCells } from './nodes';
import { nameOf, rowOf } from './nodeRow';
import { problemOf } from '../problems';
import type { RefusedSetting } from './refusedSettings';
import type { Reader, Row } from './row';
import { type Contents, stateOf } from './state';

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
/** Of a cache of more entries the notebooks are shown before their entries are all looked at. */
const many = 20_000;
/** Seconds for which what a refresh has read is handed out to whoever asks next. */
const justNow = 2;

const nothingOpen: OpenCells = { orphaned: new Set(), doubts: new Map() };

/**
 * The explorer's tree over the databases of the workspace, without VS Code: children on request, and
 * after a change the branches that look different, and no others.
 */
export class CellTree {
  private found: Found = { folders: [], databases: [], files: [] };
  private readonly branches = new Map<string, Branch>();
  /** What each parent was last said to have, by id; parents that nobody looks into are left out. */
  private readonly served = new Map<string, readonly Branch[]>();
  /** When a refresh read the children of each parent, by id, until they are asked for. */
  private readonly readAt = new Map<string, number>();
  /** Whether each notebook's file was there, and for which amounts of it that was asked. */
  private readonly files = new Map<string, { app: AppSummary; exists: boolean }>();
  private last: Contents | undefined;
  /** Databases all of whose entries have been looked at, or are to be. */
  private readonly inFull = new Set<string>();
  private short = false;

  constructor(
    private readonly caches: Caches,
    private readonly reader: () => Reader,
    private readonly report: (error: unknown) => void,
    /** What open notebooks say of the cells of a cache, by its number. */
    private readonly openCells: (cache: number) => OpenCells = () => nothingOpen,
    /** The settings that are not followed. */
    private readonly refused: () => readonly RefusedSetting[] = () => [],
  ) {}

  /** As of the last time that the root was read; `undefined` before the first. */
  get contents(): Contents | undefined {
    return this.last;
  }

  /** Whether notebooks were listed in short, and the next {@link refresh} tells more of them. */
  get isShort(): boolean {
    return this.short;
  }

  /** Whether a file is that of a notebook that is shown. */
  isNotebook(file: string): boolean {
    return this.files.has(file);
  }

  /** Takes effect at the next {@link children} or {@link refresh}. */
  setFound(found: Found): void {
    this.found = found;
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

  /** What is next to cells or notebooks that are cleared with all below them: behind, before or above. */
  beside(cleared: readonly Branch[]): Branch | undefined {
    const going = new Set(cleared.map((branch) => this.wholeOf(branch)));
    const last = [...going].at(-1);
    if (last === undefined) return undefined;
    const parent = this.parentOf(last);
    const siblings = this.served.get(parent?.id ?? rootId) ?? [];
    const at = siblings.findIndex((branch) => branch === last);
    const staying = (branch: Branch) => !going.has(branch);
    return (
      siblings.slice(at + 1).find(staying) ?? siblings.slice(0, at).findLast(staying) ?? parent
    );
  }

  /** The cell that a result or a value goes with. */
  private wholeOf(branch: Branch): Branch {
    const parent = this.parentOf(branch);
    const isPart = branch.node.kind === 'entry' || branch.node.kind === 'item';
    return isPart && parent !== undefined ? this.wholeOf(parent) : branch;
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
    if (cache === undefined) this.files.clear();
    for (const { path } of this.found.databases) this.inFull.add(path);
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

  private drop(branch: Branch): void {
    for (const child of this.served.get(branch.id) ?? []) this.drop(child);
    this.served.delete(branch.id);
    this.branches.delete(branch.id);
  }

  private async read(
    parent: Branch | undefined,
    branchOf: (node: Node) => Branch,
  ): Promise<readonly Branch[]> {
    const children = (await this.load(parent?.node)).map(branchOf);
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

  private async load(parent: Node | undefined): Promise<Node[]> {
    if (parent === undefined) return this.roots();
    switch (parent.kind) {
      case 'folder':
        return this.within(parent);
      case 'app':
        return this.ask(parent.database, async (loader) => {
          const { orphaned, doubts } = this.openCells(parent.cache);
          return shownCells(await loader.cells(parent.app.appId)).map((cell) => ({
            ...parent,
            kind: 'cell',
            cell,
            orphaned: cell.retiredAt !== undefined || orphaned.has(cell.cellId),
            doubt: doubts.get(cell.cellId),
          }));
        });
      case 'cell':
        return this.ask(parent.database, async (loader) =>
          (await loader.entries(parent.cell.cellId)).map((entry) => ({
            ...parent,
            kind: 'entry',
            entry,
            doubt: doubtAbout(entry, parent.doubt),
          })),
        );
      case 'entry':
        return this.ask(parent.database, async (loader) =>
          inReadingOrder(await loader.items(parent.entry.entryId)).map((item) => ({
            ...parent,
            kind: 'item',
            item,
          })),
        );
      case 'item':
      case 'problem':
      case 'setting':
      case 'files':
        return [];
    }
  }

  /** What a database says; a fault of it is a node of its own. */
  private async ask(
    database: string,
    list: (loader: SqliteLoader) => Promise<Node[]>,
    folder = path.dirname(database),
  ): Promise<Node[]> {
    try {
      return await list(await this.caches.open(database));
    } catch (error) {
      const problem = problemOf(error);
      // Whoever deletes a cache knows; the watcher takes it out of the list.
      if (problem.kind === 'missing' || problem.kind === 'closed') return [];
      this.report(error);
      return [{ kind: 'problem', database, place: placeOf(database, folder), problem }];
    }
  }

  private async roots(): Promise<Node[]> {
    this.short = false;
    const byFolder = await Promise.all(
      this.found.folders.map(async (folder) => ({ folder, nodes: await this.within(folder) })),
    );
    const nodes = byFolder.flatMap((folder) => folder.nodes);
    this.last = {
      apps: nodes.filter(({ kind }) => kind === 'app').length,
      problems: nodes.filter((node) => node.kind === 'problem'),
      settings: nodes.filter(({ kind }) => kind === 'setting').length,
      files: this.found.files.length,
    };
    // Where there is nothing to show but these, words of their own fill the view.
    if (stateOf(this.last) !== 'ready') return [];
    if (this.found.folders.length < 2) return nodes;
    return byFolder.filter((folder) => folder.nodes.length > 0).map(({ folder }) => folder);
  }

  private async within(folder: FolderNode): Promise<Node[]> {
    const here = ({ folder: of }: FoundPath) => of === folder.path;
    const read = await Promise.all(
      this.found.databases.filter(here).map((database) => this.readFound(database)),
    );
    const files = this.found.files.filter(here).map((found): Node => {
      const notebooks = path.dirname(path.dirname(found.path));
      return { kind: 'files', path: found.path, place: placeOf(notebooks, folder.path) };
    });
    const nodes = withFoldersApart(read.flat());
    return [
      ...this.settingsIn(folder),
      ...nodes.filter(({ kind }) => kind === 'problem'),
      ...nodes.filter(({ kind }) => kind !== 'problem'),
      ...files,
    ];
  }

  /** Those of its files, and in the first folder those that are in no folder. */
  private settingsIn(folder: FolderNode): Node[] {
    const { folders } = this.found;
    return this.refused().flatMap((setting): Node[] => {
      const { file } = setting;
      const own = file === undefined ? undefined : innermost(file, folders);
      if ((own ?? folders[0]?.path) !== folder.path) return [];
      const place = file === undefined ? undefined : placeOf(file, folder.path);
      return [{ kind: 'setting', setting, place }];
    });
  }

  private async readFound(database: FoundDatabase): Promise<Node[]> {
    const { path, folder } = database;
    const nodes = await this.ask(path, (loader) => this.apps(loader, database), folder);
    // What ails a database that several folders share is told in one of them.
    const first = this.found.databases.find((other) => other.path === path);
    return first === database ? nodes : nodes.filter(({ kind }) => kind !== 'problem');
  }

  private async apps(loader: SqliteLoader, database: FoundDatabase): Promise<Node[]> {
    const { folder } = database;
    // First: of a cache that is replaced meanwhile nothing that is listed may pass for what is there.
    const generation = await loader.generation();
    const apps = (await this.listed(loader)).filter(
      (app) => app.entries > 0 && belongs(app.notebook, database, this.found.folders),
    );
    return Promise.all(
      apps.map(async (app): Promise<AppNode> => ({
        kind: 'app',
        cache: this.caches.number(loader.path),
        generation,
        database: loader.path,
        app,
        place: placeOf(app.notebook, folder),
        apart: undefined,
        exists: await this.exists(app),
      })),
    );
  }

  private async exists(app: AppSummary): Promise<boolean> {
    const known = this.files.get(app.notebook);
    if (known !== undefined && isDeepStrictEqual(known.app, app)) return known.exists;
    const exists = await isFile(app.notebook);
    this.files.set(app.notebook, { app, exists });
    return exists;
  }

  private async listed(loader: SqliteLoader): Promise<AppSummary[]> {
    if (!this.inFull.has(loader.path)) {
      const apps = await loader.appsInShort();
      if (apps.reduce((sum, { entries }) => sum + entries, 0) > many) {
        this.short = true;
        return apps;
      }
    }
    return loader.apps(idleIn(this.openCells(this.caches.number(loader.path))));
  }
}

/** Whether a change of a database can show in what is below the node. */
function concerns(node: Node, cache: number): boolean {
  return !('cache' in node) || node.cache === cache;
}

/** By name; notebooks of the same name in different folders say which is which. */
function withFoldersApart(nodes: Node[]): Node[] {
  const names = new Map<string, number>();
  for (const node of nodes) {
    if (node.kind !== 'app') continue;
    const name = nameOf(node.place);
    names.set(name, (names.get(name) ?? 0) + 1);
  }
  return nodes
    .map((node) => {
      if (node.kind !== 'app' || (names.get(nameOf(node.place)) ?? 0) < 2) return node;
      const slash = node.place.lastIndexOf('/');
      return { ...node, apart: slash < 0 ? './' : node.place.slice(0, slash) };
    })
    .sort((a, b) => compareNames(sortKey(a), sortKey(b)));
}

function sortKey(node: Node): string {
  return 'place' in node ? (node.place ?? '') : '';
}

/** The path within a folder, or all of it where it is elsewhere; with forward slashes. */
function placeOf(file: string, folder: string): string {
  const relative = path.relative(folder, file);
  const outside = relative.startsWith('..') || path.isAbsolute(relative);
  const place = outside ? file : relative === '' ? '.' : relative;
  return place.split(path.sep).join('/');
}

async function isFile(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
