import * as vscode from 'vscode';
import { collectionName } from '../../protocol/labels';
import { cellAt, type CellsResult, type Place } from '../../protocol/cells';
import {
  type DatabaseReference,
  type EntryReference,
  parseReference,
  type Reference,
} from '../../protocol/references';
import { languageOf } from '../../protocol/quantities';
import { inEditors, type OpenCells } from '../../protocol/standing';
import type { Caches } from '../../store/Caches';
import { isSameGeneration } from '../../store/database/generation';
import type { AppSummary, CellSummary } from '../../store/rows';
import type { SqliteLoader } from '../../store/SqliteLoader';
import { activeNotebook } from '../cell/activeNotebook';
import { databaseOfAnswer } from '../cell/databaseOfAnswer';
import type { Branch, CellTree } from '../tree/CellTree';
import type { CellTreeView } from '../tree/CellTreeView';
import type { Discovery } from '../tree/Discovery';
import { belongs } from '../tree/found';
import { nameOf } from '../tree/appRow';
import { cellAmounts, cellLabel } from '../tree/cellRow';
import { amounts } from '../tree/savings';
import { cellReferenceOf, referenceOf, shownCells } from '../tree/nodes';
import { pickOne } from '../pickOne';
import { tell } from '../Notices';

/** A cell of a cache, as commands act on it. */
export interface CellTarget extends DatabaseReference {
  readonly app: AppSummary;
  readonly cell: CellSummary;
}

export type AppTarget = Omit<CellTarget, 'cell'>;

/** Stands for a row of the view that is gone. */
const gone = Symbol('gone');

/**
 * What a command was given, of the arguments that it was called with. The menu of a row passes two, and
 * nothing as the first one where the row went while the menu was open: that is no call without a row.
 */
export function given(args: readonly unknown[]): [argument: unknown, others: unknown] {
  const [argument, others] = args;
  const isOfRow = args.length > 1;
  return [isOfRow ? (argument ?? gone) : argument, others];
}

/** What the language server knows of a document's cells; nothing where it does not run. */
export interface DocumentCells {
  /** @param uri of a notebook's file that is open as text, or of a cell of one that is open as cells */
  cells(uri: string): Promise<CellsResult | undefined>;
}

/**
 * What a command is meant for. It says so itself (a reference, or nodes of the tree); or else it is
 * what the user touched last, the cell under the cursor or the tree's selection; or else they choose
 * from a list. The toolbar of a cell in marimo's notebook editor passes that cell. `undefined` is a
 * list that was dismissed.
 */
export class Targets implements vscode.Disposable {
  private lastTouched: 'editor' | 'tree' = 'editor';
  private readonly disposables: vscode.Disposable[];

  constructor(
    private readonly caches: Caches,
    private readonly discovery: Discovery,
    private readonly tree: CellTree,
    private readonly view: CellTreeView,
    private readonly documents: DocumentCells,
    /** What open notebooks say of the cells of a cache, by its number. */
    private readonly openCells: (cache: number) => OpenCells,
  ) {
    this.disposables = [
      vscode.window.onDidChangeTextEditorSelection(() => {
        this.lastTouched = 'editor';
      }),
      vscode.window.onDidChangeNotebookEditorSelection(() => {
        this.lastTouched = 'editor';
      }),
      view.onDidChangeSelection(() => {
        this.lastTouched = 'tree';
      }),
    ];
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  /** The references a command was given, one or several, or the tree's selection where that was touched last. */
  references(argument: unknown, others: unknown, refer = referenceOf): Reference[] {
    const several: readonly unknown[] = Array.isArray(argument) ? argument : [argument];
    const references = several.flatMap((each) => parseReference(each) ?? []);
    if (references.length > 0) return references;
    // A node's menu passes the node, and the whole selection when the node is in it.
    const given = [argument, ...(Array.isArray(others) ? (others as unknown[]) : [])];
    const branches = given.filter((value): value is Branch => this.tree.has(value));
    if (branches.length === 0 && argument === undefined) branches.push(...this.selection);
    return [...new Set(branches)].flatMap(({ node }) => refer(node) ?? []);
  }

  /**
   * The results that a command was given, or that are selected, without those whose database is gone: `undefined`
   * when that leaves none, which is said; empty where it was meant for none.
   */
  async results(
    argument: unknown,
    others: unknown,
  ): Promise<readonly EntryReference[] | undefined> {
    const named = this.references(argument, others).flatMap((reference) =>
      reference.kind === 'entry' ? [reference] : [],
    );
    if (named.length === 0) return [];
    const there = await Promise.all(
      named.map(async (each) => ((await this.loaderOf(each)) ? each : undefined)),
    );
    return this.unlessGone(there, ({ cache, entryId, key }) => `${cache}:${entryId}:${key ?? ''}`);
  }

  /** The cells that a command is for; `undefined` when there are none or the list was dismissed. */
  async cells(
    argument: unknown,
    others: unknown,
    title: string,
  ): Promise<readonly CellTarget[] | undefined> {
    const shown = textOfCell(argument);
    if (shown !== undefined) {
      const cell = await this.cellAt(shown, 0);
      if (cell !== undefined) return [cell];
      void tell(vscode.l10n.t('Nothing is cached for that cell.'));
      return undefined;
    }
    if (this.isGone(argument)) return this.unlessGone([], () => '');
    const references = this.references(argument, others, cellReferenceOf);
    const [reference] = references;
    if (reference === undefined) {
      const cell = (await this.cellUnderCursor()) ?? (await this.pickCell(title));
      return cell && [cell];
    }
    if (references.every(({ kind }) => kind === 'app')) {
      const cell = await this.pickCell(title, reference);
      return cell && [cell];
    }
    return this.cellsOf(references);
  }

  /**
   * The cells that these are, or are in, and all of a notebook among them; `undefined` when they are gone,
   * which is said.
   */
  async cellsOf(references: readonly Reference[]): Promise<readonly CellTarget[] | undefined> {
    const cells = await Promise.all(
      references.map(async (each) => {
        if (each.kind !== 'app') return [await this.cellOf(each)];
        const app = await this.appOf(each);
        return app === undefined ? [] : this.cellsIn(app);
      }),
    );
    return this.unlessGone(cells.flat(), ({ cache, cell }) => `${cache}:${cell.cellId}`);
  }

  /** All cells of a notebook that something is kept of. */
  private async cellsIn(target: AppTarget): Promise<CellTarget[]> {
    const { cache, app } = target;
    const loader = await this.caches.get(cache);
    const open = inEditors(this.openCells(cache));
    const cells = (await loader?.cells(app.appId, open)) ?? [];
    return shownCells(cells).map((cell) => ({ ...target, cell }));
  }

  /** One cell: the first of several. */
  async cell(argument: unknown, others: unknown, title: string): Promise<CellTarget | undefined> {
    return (await this.cells(argument, others, title))?.[0];
  }

  /**
   * Where the cursor is, if a command that names nothing is meant for a cell there of which nothing is cached:
   * such a cell is in no list to choose from.
   */
  async uncachedAtCursor(argument: unknown): Promise<Place | undefined> {
    if (argument !== undefined || this.selection.length > 0) return undefined;
    const active = activeNotebook();
    const cells = active && (await this.documents.cells(active.uri))?.cells;
    const cell = cells && cellAt(cells, active.uri, active.line);
    if (active === undefined || cell === undefined || cell.entryId !== undefined) return undefined;
    const { uri, line } = active;
    return { uri, line };
  }

  /** The notebooks that a command is for; of a cell, the one it is in. */
  async apps(
    argument: unknown,
    others: unknown,
    title: string,
  ): Promise<readonly AppTarget[] | undefined> {
    if (this.isGone(argument)) return this.unlessGone([], () => '');
    const references = this.references(argument, others, cellReferenceOf);
    if (references.length === 0) {
      const app = (await this.appInEditor()) ?? (await this.pickApp(title));
      return app && [app];
    }
    const apps = await Promise.all(references.map((each) => this.appOf(each)));
    return this.unlessGone(apps, ({ cache, app }) => `${cache}:${app.appId}`);
  }

  /** The rows that are selected in the view, whatever was touched last. */
  get selected(): readonly Branch[] {
    return this.view.selection;
  }

  /** @returns puts the keyboard beside rows of the view once they are gone */
  placeBeside(rows: readonly Branch[]): () => Promise<void> {
    return this.view.placeBeside(rows);
  }

  /** Whether a command was called for a row that the view has no more. */
  private isGone(argument: unknown): boolean {
    if (argument === gone) return true;
    const isRow = typeof argument === 'object' && argument !== null && 'node' in argument;
    return isRow && !this.tree.has(argument);
  }

  /** What is selected in the tree, if the tree was touched last. */
  private get selection(): readonly Branch[] {
    return this.view.visible && this.lastTouched === 'tree' ? this.view.selection : [];
  }

  /**
   * Each once. A link or a node may be older than the last clear: then nothing else may be taken in
   * its place.
   */
  private unlessGone<T>(
    targets: readonly (T | undefined)[],
    key: (target: T) => string,
  ): T[] | undefined {
    const found = targets.filter((target) => target !== undefined);
    if (found.length > 0) return [...new Map(found.map((each) => [key(each), each])).values()];
    void tell(vscode.l10n.t('It is no longer in the cache.'));
    return undefined;
  }

  /** What reads the database that a reference is of; `undefined` where another is in its place. */
  private async loaderOf({
    cache,
    generation,
  }: DatabaseReference): Promise<SqliteLoader | undefined> {
    const loader = await this.caches.get(cache);
    if (loader === undefined) return undefined;
    return isSameGeneration(generation, await loader.generation()) ? loader : undefined;
  }

  /** The cell that something is, or is of; `undefined` of what is gone. */
  async cellOf(reference: Reference): Promise<CellTarget | undefined> {
    const { cache, generation } = reference;
    const loader = await this.loaderOf(reference);
    if (loader === undefined || reference.kind === 'app') return undefined;
    const cellId =
      reference.kind === 'cell'
        ? reference.cellId
        : (await loader.entry(reference.entryId))?.cellId;
    const cell = cellId === undefined ? undefined : await loader.cell(cellId);
    const app = cell === undefined ? undefined : await loader.app(cell.appId);
    return cell === undefined || app === undefined ? undefined : { cache, generation, app, cell };
  }

  private async appOf(reference: Reference): Promise<AppTarget | undefined> {
    if (reference.kind !== 'app') return this.cellOf(reference);
    const { cache, generation } = reference;
    const loader = await this.loaderOf(reference);
    if (loader === undefined) return undefined;
    const app = await loader.app(reference.appId);
    return app === undefined ? undefined : { cache, generation, app };
  }

  /** The cell of the active editor that the cursor is in, if anything is cached for it. */
  private async cellUnderCursor(): Promise<CellTarget | undefined> {
    // Something without a cell is selected in the tree, and meant: not what the cursor is in.
    if (this.selection.length > 0) return undefined;
    const active = activeNotebook();
    const target = active && (await this.cellAt(active.uri, active.line));
    return target !== undefined && target.cell.entries > 0 ? target : undefined;
  }

  /** @param uri of the text that the cell is in */
  private async cellAt(uri: string, line: number): Promise<CellTarget | undefined> {
    const result = await this.documents.cells(uri);
    const cell = result && cellAt(result.cells, uri, line);
    const database = result && databaseOfAnswer(result, this.caches);
    if (database === undefined || cell?.cellId === undefined) return undefined;
    return this.cellOf({ kind: 'cell', ...database, cellId: cell.cellId });
  }

  private async appInEditor(): Promise<AppTarget | undefined> {
    const open = activeNotebook()?.file.fsPath;
    return (await this.everyApp()).find(({ app }) => app.notebook === open);
  }

  private async pickApp(title: string): Promise<AppTarget | undefined> {
    const choices = this.everyApp().then((apps) =>
      apps.map((target) => ({
        label: wholeName(target.app),
        description: amounts(target.app, languageOf(vscode)),
        target,
      })),
    );
    const placeHolder = vscode.l10n.t('Choose a notebook');
    return (await pickOne(choices, { title, placeHolder }, nothingCached()))?.target;
  }

  /** @param within the notebook to choose from; all of them when absent */
  private async pickCell(title: string, within?: Reference): Promise<CellTarget | undefined> {
    type Choice = vscode.QuickPickItem & { readonly target?: CellTarget };
    const choices = async (): Promise<Choice[]> => {
      const apps =
        within === undefined
          ? await this.everyAppFromActive()
          : [(await this.appOf(within)) ?? []].flat();
      const all = await Promise.all(
        apps.map(async (of) => {
          const { cache, app } = of;
          const open = this.openCells(cache);
          const heading: Choice = {
            label: wholeName(app),
            kind: vscode.QuickPickItemKind.Separator,
          };
          const rows = (await this.cellsIn(of)).map((target): Choice => {
            const { cell } = target;
            return {
              label: cellLabel(cell),
              description: cellAmounts(cell, open, languageOf(vscode)),
              target,
            };
          });
          return [heading, ...rows];
        }),
      );
      return all.flat();
    };
    const placeHolder = vscode.l10n.t('Choose a cell');
    return (await pickOne(choices(), { title, placeHolder }, nothingCached()))?.target;
  }

  /** To choose from: what is worked on first. */
  private async everyAppFromActive(): Promise<AppTarget[]> {
    const open = activeNotebook()?.file.fsPath;
    const apps = await this.everyApp();
    const isOpen = ({ app }: AppTarget) => app.notebook === open;
    return [...apps.filter(isOpen), ...apps.filter((target) => !isOpen(target))];
  }

  /** The notebooks of the workspace with something in the cache, the largest first. */
  async everyApp(): Promise<AppTarget[]> {
    const { databases, folders } = await this.discovery.scan();
    const apps = await Promise.all(
      databases.map(async (database) => {
        try {
          const loader = await this.caches.open(database.path);
          const cache = this.caches.number(database.path);
          const generation = await loader.generation();
          return (await loader.apps(inEditors(this.openCells(cache))))
            .filter((app) => belongs(app.notebook, database, folders))
            .map((app) => ({ cache, generation, app }));
        } catch {
          // A database that cannot be read has a node of its own in the tree, which says why.
          return [];
        }
      }),
    );
    return apps
      .flat()
      .filter(({ app }) => app.entries > 0)
      .sort((a, b) => b.app.size - a.app.size);
  }
}

/** @returns the URI of the text of a cell in a notebook editor, if that is what a command was given */
function textOfCell(argument: unknown): string | undefined {
  if (typeof argument !== 'object' || argument === null) return undefined;
  const { notebook, document } = argument as Partial<vscode.NotebookCell>;
  return notebook === undefined ? undefined : document?.uri.toString();
}

/** A notebook as people call it where it is not to be taken for another one of the workspace. */
export function wholeName({ path, notebook }: AppSummary): string {
  return collectionName(path) ?? vscode.workspace.asRelativePath(notebook);
}

/** The same where it is known whose it is, and there is little room: without its folder. */
function briefName({ path, notebook }: AppSummary): string {
  return collectionName(path) ?? nameOf(notebook.replaceAll('\\', '/'));
}

/** A target as people call it. */
export function describe(
  { app, cell }: { app: AppSummary; cell?: CellSummary },
  length: 'brief' | 'whole' = 'brief',
): string {
  const notebook = length === 'brief' ? briefName(app) : wholeName(app);
  return cell === undefined ? notebook : vscode.l10n.t('{0} of {1}', cellLabel(cell), notebook);
}

/** That there is nothing to choose from. */
export function nothingCached(): string {
  return vscode.l10n.t('Nothing is cached in this workspace.');
}
