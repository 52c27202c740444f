import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { callLabels } from '../../protocol/calls';
import { compareNames, inReadingOrder } from '../../protocol/labels';
import { doubtAbout, inEditors, isOrphaned, type OpenCells } from '../../protocol/standing';
import type { Caches } from '../../store/Caches';
import { findSetAside } from '../../store/checking/setAside';
import type { AppSummary } from '../../store/rows';
import type { SqliteLoader } from '../../store/SqliteLoader';
import {
  belongs,
  innermost,
  isThere,
  type Found,
  type FoundDatabase,
  type FoundPath,
} from './found';
import { nameOf } from './appRow';
import { type AppNode, type FolderNode, type Node, shownCells } from './nodes';
import { problemOf } from '../problems';
import type { RefusedSetting } from './refusedSettings';
import { type Contents, stateOf } from './state';

/** Of a cache of more entries the notebooks are shown before their entries are all looked at. */
const many = 20_000;

const nothingOpen: OpenCells = {
  orphaned: new Set(),
  returned: new Set(),
  earlier: new Set(),
  doubts: new Map(),
};

/** Reads the nodes of the explorer's tree from what was found in the workspace, and remembers none of them. */
export class NodeSource {
  private found: Found = { folders: [], databases: [], gone: [], files: [] };
  /** Whether each notebook's file was there, and for which amounts of it that was asked. */
  private readonly files = new Map<string, { app: AppSummary; exists: boolean }>();
  private last: Contents | undefined;
  /** Databases all of whose entries have been looked at, or are to be. */
  private readonly inFull = new Set<string>();
  private short = false;

  constructor(
    private readonly caches: Caches,
    private readonly report: (error: unknown) => void,
    /** What open notebooks say of the cells of a cache, by its number. */
    private readonly openCells: (cache: number) => OpenCells = () => nothingOpen,
    /** The settings that are not followed. */
    private readonly refused: () => readonly RefusedSetting[] = () => [],
  ) {}

  /** As of the last time that the roots were read; `undefined` before the first. */
  get contents(): Contents | undefined {
    return this.last;
  }

  /** Whether notebooks were listed in short, since all of their entries were not looked at. */
  get isShort(): boolean {
    return this.short;
  }

  /** Whether a file is that of a notebook that was read. */
  isNotebook(file: string): boolean {
    return this.files.has(file);
  }

  setFound(found: Found): void {
    this.found = found;
  }

  /** Has it asked anew which notebooks' files are there. */
  lookAtFilesAgain(): void {
    this.files.clear();
  }

  /** Has notebooks of what is found by now listed with what all of their entries come to. */
  lookInFull(): void {
    for (const { path } of this.found.databases) this.inFull.add(path);
  }

  /**
   * The children of a node, or the roots, as they are now. What ails a database is a node.
   */
  async below(parent: Node | undefined): Promise<Node[]> {
    if (parent === undefined) return this.roots();
    switch (parent.kind) {
      case 'folder':
        return this.within(parent);
      case 'app':
        return this.ask(parent.database, async (loader) => {
          const open = this.openCells(parent.cache);
          return shownCells(await loader.cells(parent.app.appId, inEditors(open))).map((cell) => ({
            ...parent,
            kind: 'cell',
            cell,
            orphaned: isOrphaned(cell, open),
            doubt: open.doubts.get(cell.cellId),
          }));
        });
      case 'cell':
        return this.ask(parent.database, async (loader) => {
          const open = inEditors(this.openCells(parent.cache));
          const entries = await loader.entries(parent.cell.cellId, open);
          const calls = callLabels(entries);
          return entries.map((entry) => ({
            ...parent,
            kind: 'entry',
            entry,
            called: calls.get(entry),
            doubt: doubtAbout(entry, parent.doubt),
          }));
        });
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
      case 'setAside':
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
      setAside: nodes.filter(({ kind }) => kind === 'setAside').length,
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
    const { gone } = this.found;
    const left = gone.filter(here).filter((one) => isFirst(one, gone));
    const aside = await Promise.all(left.map(({ path }) => setAsideFrom(path, folder.path, false)));
    const nodes = withFoldersApart([...read.flat(), ...aside.flat()]);
    const isAside = ({ kind }: Node) => kind === 'setAside';
    const isProblem = ({ kind }: Node) => kind === 'problem';
    return [
      ...this.settingsIn(folder),
      ...nodes.filter(isProblem),
      ...nodes.filter((node) => !isProblem(node) && !isAside(node)),
      ...nodes.filter(isAside),
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
    if (!isFirst(database, this.found.databases)) {
      return nodes.filter(({ kind }) => kind !== 'problem');
    }
    return [...nodes, ...(await setAsideFrom(path, folder, true))];
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
        exists: await this.exists(app, loader.path),
      })),
    );
  }

  private async exists(app: AppSummary, database: string): Promise<boolean> {
    const known = this.files.get(app.notebook);
    if (known !== undefined && isDeepStrictEqual(known.app, app)) return known.exists;
    const exists = await isThere(app.notebook, database);
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
    return loader.apps(inEditors(this.openCells(this.caches.number(loader.path))));
  }
}

/** Whether a database that several workspace folders may share is told of in this one. */
function isFirst(found: FoundPath, all: readonly FoundPath[]): boolean {
  return all.find(({ path }) => path === found.path) === found;
}

/** @param replaced whether there is a database in the place that they are set aside from */
async function setAsideFrom(database: string, folder: string, replaced: boolean): Promise<Node[]> {
  return (await findSetAside(database)).map((aside) => {
    return { kind: 'setAside', aside, replaced, place: placeOf(aside.path, folder) };
  });
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
    .sort((a, b) => {
      const [one, other] = [placeIn(a), placeIn(b)];
      // Rows begin with the name: sorted by folders alone they would not look sorted.
      return compareNames(nameOf(one), nameOf(other)) || compareNames(one, other);
    });
}

function placeIn(node: Node): string {
  return 'place' in node ? (node.place ?? '') : '';
}

/** The path within a folder, or all of it where it is elsewhere; with forward slashes. */
function placeOf(file: string, folder: string): string {
  const relative = path.relative(folder, file);
  const outside = relative.startsWith('..') || path.isAbsolute(relative);
  const place = outside ? file : relative === '' ? '.' : relative;
  return place.split(path.sep).join('/');
}
