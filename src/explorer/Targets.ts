import * as vscode from 'vscode';
import type { CellsResult } from '../protocol/cells';
import { formatBytes, formatDuration } from '../protocol/quantities';
import { type Reference, parseReference } from '../protocol/references';
import type { Caches } from '../store/Caches';
import type { AppSummary, CellSummary } from '../store/rows';
import type { Branch, CellTree } from './CellTree';
import type { CellTreeView } from './CellTreeView';
import type { Discovery } from './Discovery';
import { cellLabel, nameOf, referenceOf, shownCells } from './nodes';

/** A cell of a cache, as commands act on it. */
export interface CellTarget {
  readonly cache: number;
  readonly app: AppSummary;
  readonly cell: CellSummary;
}

export interface AppTarget {
  readonly cache: number;
  readonly app: AppSummary;
}

/** What the language server knows of a document's cells; nothing where it does not run. */
export interface DocumentCells {
  cells(uri: string): Promise<CellsResult | undefined>;
}

/**
 * What a command is meant for. It says so itself (a reference, or nodes of the tree); or else it is
 * what the user touched last, the cell under the cursor or the tree's selection; or else they choose
 * from a list. `undefined` is a list that was dismissed.
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
  ) {
    this.disposables = [
      vscode.window.onDidChangeTextEditorSelection(() => {
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

  /** The references a command was given, or the tree's selection where that was touched last. */
  references(argument: unknown, others: unknown): Reference[] {
    const branches = this.branchesOf(argument, others);
    if (branches !== undefined) return branches.flatMap(({ node }) => referenceOf(node) ?? []);
    const reference = parseReference(argument);
    return reference === undefined ? [] : [reference];
  }

  /** The branches of the tree that a command was given; `undefined` when it was given none. */
  private branchesOf(argument: unknown, others: unknown): readonly Branch[] | undefined {
    // A node's menu passes the node, and the whole selection when the node is in it.
    const given = [argument, ...(Array.isArray(others) ? (others as unknown[]) : [])];
    const branches = given.filter((value) => this.tree.has(value));
    if (branches.length > 0) return [...new Set(branches)];
    const selected = this.view.visible ? this.view.selection : [];
    const byTouch = argument === undefined && this.lastTouched === 'tree' && selected.length > 0;
    return byTouch ? selected : undefined;
  }

  async cells(
    argument: unknown,
    others: unknown,
    title: string,
  ): Promise<readonly CellTarget[] | undefined> {
    const references = this.references(argument, others);
    if (references.length > 0) {
      const cells = await Promise.all(references.map((reference) => this.cellOf(reference)));
      const found = unique(cells.filter((cell) => cell !== undefined));
      if (found.length > 0) return found;
    }
    const [reference] = references;
    if (reference?.kind === 'app') return this.pickCell(title, reference);
    const cell = (await this.cellUnderCursor()) ?? (await this.pickOne(title));
    return cell === undefined ? undefined : [cell];
  }

  /** One cell: the first of several. */
  async cell(argument: unknown, others: unknown, title: string): Promise<CellTarget | undefined> {
    return (await this.cells(argument, others, title))?.[0];
  }

  async apps(
    argument: unknown,
    others: unknown,
    title: string,
  ): Promise<readonly AppTarget[] | undefined> {
    const references = this.references(argument, others);
    if (references.length > 0) {
      const apps = await Promise.all(references.map((reference) => this.appOf(reference)));
      const found = new Map(
        apps.flatMap((app) =>
          app === undefined ? [] : [[`${app.cache}:${app.app.appId}`, app] as const],
        ),
      );
      if (found.size > 0) return [...found.values()];
    }
    const open = vscode.window.activeTextEditor?.document.uri.fsPath;
    const all = await this.everyApp();
    const here = all.find(({ app }) => app.notebook === open);
    if (here !== undefined) return [here];
    const chosen = await vscode.window.showQuickPick(
      all.map((target) => ({
        label: vscode.workspace.asRelativePath(target.app.notebook),
        description: this.amounts(target.app),
        target,
      })),
      { title, placeHolder: placeHolder(all.length, vscode.l10n.t('Choose a notebook')) },
    );
    return chosen === undefined ? undefined : [chosen.target];
  }

  private async cellOf(reference: Reference): Promise<CellTarget | undefined> {
    const { cache } = reference;
    const loader = await this.caches.get(cache);
    if (loader === undefined || reference.kind === 'app') return undefined;
    const cellId =
      reference.kind === 'cell'
        ? reference.cellId
        : (await loader.entry(reference.entryId))?.cellId;
    const cell = cellId === undefined ? undefined : await loader.cell(cellId);
    const app = cell === undefined ? undefined : await loader.app(cell.appId);
    return cell === undefined || app === undefined ? undefined : { cache, app, cell };
  }

  private async appOf(reference: Reference): Promise<AppTarget | undefined> {
    if (reference.kind !== 'app') return this.cellOf(reference);
    const loader = await this.caches.get(reference.cache);
    const app = await loader?.app(reference.appId);
    return app === undefined ? undefined : { cache: reference.cache, app };
  }

  private async cellUnderCursor(): Promise<CellTarget | undefined> {
    const editor = vscode.window.activeTextEditor;
    if (editor?.document.languageId !== 'python') return undefined;
    const result = await this.documents.cells(editor.document.uri.toString());
    const { line } = editor.selection.active;
    const cell = result?.cells.find(
      ({ range }) => range.start.line <= line && line <= range.end.line,
    );
    if (result?.database === undefined || cell?.cellId === undefined) return undefined;
    const cache = this.caches.number(result.database);
    const target = await this.cellOf({ kind: 'cell', cache, cellId: cell.cellId });
    return target !== undefined && target.cell.entries > 0 ? target : undefined;
  }

  private async pickOne(title: string): Promise<CellTarget | undefined> {
    return (await this.pickCell(title))?.[0];
  }

  private async pickCell(
    title: string,
    within?: { readonly cache: number; readonly appId: number },
  ): Promise<CellTarget[] | undefined> {
    const apps = (await this.everyApp()).filter(
      ({ cache, app }) =>
        within === undefined || (cache === within.cache && app.appId === within.appId),
    );
    type Choice = vscode.QuickPickItem & { readonly target?: CellTarget };
    const choices: Choice[] = [];
    for (const { cache, app } of apps) {
      const loader = await this.caches.get(cache);
      const cells = loader === undefined ? [] : shownCells(await loader.cells(app.appId));
      const label = vscode.workspace.asRelativePath(app.notebook);
      choices.push({ label, kind: vscode.QuickPickItemKind.Separator });
      for (const cell of cells) {
        choices.push({
          label: cellLabel(cell),
          description: this.amounts(cell),
          target: { cache, app, cell },
        });
      }
    }
    const chosen = await vscode.window.showQuickPick(choices, {
      title,
      placeHolder: placeHolder(choices.length, vscode.l10n.t('Choose a cell')),
      matchOnDescription: true,
    });
    return chosen?.target === undefined ? undefined : [chosen.target];
  }

  private async everyApp(): Promise<AppTarget[]> {
    const { databases } = await this.discovery.scan();
    const apps = await Promise.all(
      databases.map(async ({ path }) => {
        try {
          const loader = await this.caches.open(path);
          const cache = this.caches.number(path);
          return (await loader.apps()).map((app) => ({ cache, app }));
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

  private amounts({ size, saves }: { readonly size: number; readonly saves: number }): string {
    const locale = vscode.env.language;
    return vscode.l10n.t(
      '{0}, saves {1}',
      formatBytes(size, locale),
      formatDuration(saves, locale),
    );
  }
}

/** A target as people call it. */
export function describe({ app, cell }: { app: AppSummary; cell?: CellSummary }): string {
  const notebook = nameOf(app.notebook.replaceAll('\\', '/'));
  return cell === undefined ? notebook : vscode.l10n.t('{0} of {1}', cellLabel(cell), notebook);
}

function placeHolder(choices: number, text: string): string {
  return choices === 0 ? vscode.l10n.t('Nothing is cached in this workspace.') : text;
}

function unique(cells: readonly CellTarget[]): CellTarget[] {
  return [
    ...new Map(cells.map((target) => [`${target.cache}:${target.cell.cellId}`, target])).values(),
  ];
}
