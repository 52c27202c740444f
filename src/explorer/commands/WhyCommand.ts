import * as vscode from 'vscode';
import { type Explanation, type ExplainParams, parsePlace } from '../../protocol/cells';
import type { Reference } from '../../protocol/references';
import type { Caches } from '../../store/Caches';
import { mainEntry } from '../tree/nodes';
import { type Notices, tell } from '../Notices';
import type { CellTarget } from './target';
import type { DocumentCells, Targets } from './Targets';

/** What the language server says of cells, and why. */
export interface CellExplanations extends DocumentCells {
  explain(params: ExplainParams): Promise<Explanation | undefined>;
}

/** Says why a cell stands as it does, and offers what can be done about it. */
export class WhyCommand {
  constructor(
    private readonly caches: Caches,
    private readonly targets: Targets,
    private readonly documents: CellExplanations,
    private readonly notices: Notices,
  ) {}

  async run(argument: unknown, others: unknown): Promise<void> {
    try {
      const uncached = parsePlace(argument) ?? (await this.targets.uncachedAtCursor(argument));
      if (uncached !== undefined) {
        const explanation = await this.documents.explain(uncached);
        if (explanation !== undefined) await show(explanation);
        return;
      }
      const target = await this.targets.cell(argument, others, vscode.l10n.t('Why?'));
      if (target !== undefined) await this.explain(target);
    } catch (error) {
      await this.notices.failed(vscode.l10n.t('The cell cannot be explained'), error);
    }
  }

  private async explain(target: CellTarget): Promise<void> {
    const { cache, generation, cell } = target;
    const uri = await this.documentOf(target);
    const explanation =
      uri === undefined ? undefined : await this.documents.explain({ uri, cellId: cell.cellId });
    if (explanation === undefined) {
      void tell(
        cell.retiredAt === undefined
          ? vscode.l10n.t('The notebook as it is now does not have that cell.')
          : vscode.l10n.t('That cell is gone from the notebook: its results are orphaned.'),
      );
      return;
    }
    const loader = await this.caches.get(cache);
    const entry = mainEntry((await loader?.entries(cell.cellId)) ?? []);
    const database = { cache, generation };
    if (entry === undefined) {
      await show(explanation);
      return;
    }
    const outdated = uri === undefined ? [] : await this.outdatedIn(uri);
    await show(explanation, {
      entry: { kind: 'entry', ...database, entryId: entry.entryId },
      cell: { kind: 'cell', ...database, cellId: cell.cellId },
      // Of one cell alone that is what *Clear* does.
      outdated: outdated.includes(cell.cellId)
        ? outdated.map((cellId) => ({ kind: 'cell', ...database, cellId }))
        : [],
    });
  }

  /** The cells of a document whose results files have changed since that they were made of. */
  private async outdatedIn(uri: string): Promise<readonly number[]> {
    const cells = (await this.documents.cells(uri))?.cells ?? [];
    return cells.flatMap(({ outdated, cellId }) => (outdated ? (cellId ?? []) : []));
  }

  /**
   * The notebook's document, as the server knows it. What is open goes first: a notebook may have been
   * renamed, which the cache learns when it runs.
   */
  private async documentOf({ cache, cell, app }: CellTarget): Promise<string | undefined> {
    const { visibleNotebookEditors, visibleTextEditors } = vscode.window;
    const open = [
      ...visibleNotebookEditors.flatMap(({ notebook }) => notebook.getCells().slice(0, 1)),
      ...visibleTextEditors,
    ].map(({ document }) => document);
    const there = async (document: vscode.TextDocument) => {
      const uri = document.uri.toString();
      const result = await this.documents.cells(uri);
      const isIts =
        result?.database === this.caches.path(cache) &&
        result?.cells.some(({ cellId }) => cellId === cell.cellId) === true;
      return isIts ? uri : undefined;
    };
    for (const document of open) {
      const uri = await there(document);
      if (uri !== undefined) return uri;
    }
    const document = await vscode.workspace.openTextDocument(app.notebook).then(
      (opened) => opened,
      () => undefined,
    );
    return document && there(document);
  }
}

/** What is cached of a cell that is explained, and all cells like it that changed files made out of date. */
interface Cached {
  readonly entry: Reference;
  readonly cell: Reference;
  readonly outdated: readonly Reference[];
}

/** Shows an explanation, and does what is chosen below it: about what is cached, or that nothing is. */
async function show({ title, detail, isOff }: Explanation, cached?: Cached): Promise<void> {
  const { executeCommand } = vscode.commands;
  const isAllowed = vscode.workspace.isTrusted;
  const choices = [
    ...(cached
      ? [
          {
            name: vscode.l10n.t('Preview'),
            run: () => executeCommand('cellar.preview', cached.entry),
          },
        ]
      : []),
    ...(isOff && isAllowed
      ? [
          {
            name: vscode.l10n.t('Turn On Cell Caching'),
            run: () => executeCommand('cellar.turnOnCellCaching'),
          },
        ]
      : []),
    ...(cached && isAllowed
      ? [
          {
            name: vscode.l10n.t('Clear'),
            run: () => executeCommand('cellar.clearCellCache', cached.cell),
          },
        ]
      : []),
    ...(cached && cached.outdated.length > 1 && isAllowed
      ? [
          {
            name: vscode.l10n.t('Clear {0} Cells of Changed Files', cached.outdated.length),
            run: () => executeCommand('cellar.clearCellCache', cached.outdated),
          },
        ]
      : []),
  ];
  const names = choices.map(({ name }) => name);
  const chosen = await vscode.window.showInformationMessage(
    title,
    { modal: true, detail },
    ...names,
  );
  await choices.find(({ name }) => name === chosen)?.run();
}
