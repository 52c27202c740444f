import * as vscode from 'vscode';
import { cellAt, type CellsResult, type Place } from '../../protocol/cells';
import { type EntryReference, parseReference, type Reference } from '../../protocol/references';
import type { Caches } from '../../store/Caches';
import { activeNotebook } from '../cell/activeNotebook';
import { databaseOfAnswer } from '../cell/databaseOfAnswer';
import type { Branch, CellTree } from '../tree/CellTree';
import type { CellTreeView } from '../tree/CellTreeView';
import { cellReferenceOf, referenceOf } from '../tree/nodes';
import { tell } from '../Notices';
import type { AppTarget, CellTarget } from './target';
import type { TargetPicker } from './TargetPicker';
import type { TargetReader } from './TargetReader';

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
    private readonly reader: TargetReader,
    private readonly picker: TargetPicker,
    private readonly tree: CellTree,
    private readonly view: CellTreeView,
    private readonly documents: DocumentCells,
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
    return this.rows(argument, others, this.selection).flatMap(({ node }) => refer(node) ?? []);
  }

  /**
   * The rows of the view that a command was given, those of them that are still there; where it was given
   * none, those that are selected, whatever was touched last.
   */
  rows(
    argument: unknown,
    others: unknown,
    otherwise: readonly Branch[] = this.view.selection,
  ): readonly Branch[] {
    // A row's menu passes the row, and the whole selection when the row is in it.
    const given = [argument, ...(Array.isArray(others) ? (others as unknown[]) : [])];
    const branches = given.filter((value): value is Branch => this.tree.has(value));
    return argument === undefined && branches.length === 0 ? otherwise : [...new Set(branches)];
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
      named.map(async (each) => ((await this.reader.loaderOf(each)) ? each : undefined)),
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
      const cell = (await this.cellUnderCursor()) ?? (await this.picker.cell(title));
      return cell && [cell];
    }
    if (references.length === 1 && reference.kind === 'app') {
      const cell = await this.picker.cell(title, reference);
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
        if (each.kind !== 'app') return [await this.reader.cellOf(each)];
        const app = await this.reader.appOf(each);
        return app === undefined ? [] : this.reader.cellsIn(app);
      }),
    );
    return this.unlessGone(cells.flat(), ({ cache, cell }) => `${cache}:${cell.cellId}`);
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
      const app = (await this.appInEditor()) ?? (await this.picker.app(title));
      return app && [app];
    }
    const apps = await Promise.all(references.map((each) => this.reader.appOf(each)));
    return this.unlessGone(apps, ({ cache, app }) => `${cache}:${app.appId}`);
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
    return this.reader.cellOf({ kind: 'cell', ...database, cellId: cell.cellId });
  }

  private async appInEditor(): Promise<AppTarget | undefined> {
    const open = activeNotebook()?.file.fsPath;
    return (await this.reader.everyApp()).find(({ app }) => app.notebook === open);
  }
}

/** @returns the URI of the text of a cell in a notebook editor, if that is what a command was given */
function textOfCell(argument: unknown): string | undefined {
  if (typeof argument !== 'object' || argument === null) return undefined;
  const { notebook, document } = argument as Partial<vscode.NotebookCell>;
  return notebook === undefined ? undefined : document?.uri.toString();
}
