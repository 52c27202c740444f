import path from 'node:path';
import * as vscode from 'vscode';
import type { EntryReference } from '../../protocol/references';
import type { Caches } from '../../store/Caches';
import { findCode } from './findCode';
import { isCellNotebook } from '../cell/isNotebook';
import { cellLabel } from '../tree/cellRow';
import { mainEntry } from '../tree/nodes';
import { type Notices, tell, warn } from '../Notices';
import { type CellTarget, describe } from './target';
import { type DocumentCells, given, type Targets } from './Targets';

/** What shows a cached result; the preview, as this room knows it. */
export interface Preview {
  show(reference: EntryReference): unknown;
}

/** The commands that show what is cached, and where it comes from. */
export class CacheCommands implements vscode.Disposable {
  private readonly disposables: readonly vscode.Disposable[];

  constructor(
    private readonly caches: Caches,
    private readonly targets: Targets,
    private readonly documents: DocumentCells,
    private readonly preview: Preview,
    private readonly notices: Notices,
  ) {
    const { t } = vscode.l10n;
    const register = (
      command: string,
      failure: string,
      run: (argument: unknown, others: unknown) => Promise<void>,
    ) =>
      vscode.commands.registerCommand(command, async (...args: unknown[]) => {
        try {
          await run(...given(args));
        } catch (error) {
          await this.notices.failed(failure, error);
        }
      });
    this.disposables = [
      register('cellar.preview', t('The preview cannot be shown'), (argument, others) =>
        this.show(argument, others),
      ),
      register('cellar.openNotebook', t('The notebook cannot be opened'), (argument, others) =>
        this.openNotebook(argument, others),
      ),
      register('cellar.revealCell', t('The cell cannot be shown'), (argument, others) =>
        this.reveal(argument, others),
      ),
    ];
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private async show(argument: unknown, others: unknown): Promise<void> {
    const results = await this.targets.results(argument, others);
    if (results === undefined) return;
    const [result] = results;
    if (result !== undefined) {
      await this.preview.show(result);
      return;
    }
    const target = await this.targets.cell(argument, others, vscode.l10n.t('Preview'));
    if (target === undefined) return;
    const loader = await this.caches.get(target.cache);
    const entry = mainEntry((await loader?.entries(target.cell.cellId)) ?? []);
    if (entry === undefined) {
      void tell(vscode.l10n.t('Nothing is cached for {0}.', describe(target)));
      return;
    }
    const { cache, generation } = target;
    await this.preview.show({ kind: 'entry', cache, generation, entryId: entry.entryId });
  }

  private async openNotebook(argument: unknown, others: unknown): Promise<void> {
    const title = vscode.l10n.t('Open Notebook');
    const [target] = (await this.targets.apps(argument, others, title)) ?? [];
    if (target !== undefined) await this.open(target.app.notebook);
  }

  private async reveal(argument: unknown, others: unknown): Promise<void> {
    const title = vscode.l10n.t('Reveal Cell in Notebook');
    const target = await this.targets.cell(argument, others, title);
    if (target === undefined) return;
    if (await this.revealInNotebook(target)) return;
    const editor = await this.open(target.app.notebook);
    if (editor === undefined) return;
    const range = await this.place(target, editor.document);
    if (range === undefined) {
      void tell(
        vscode.l10n.t('The notebook as it is now does not have {0}.', cellLabel(target.cell)),
      );
      return;
    }
    editor.selection = new vscode.Selection(range.start, range.start);
    editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  }

  /** @returns whether the notebook is shown in marimo's own editor, and has the cell */
  private async revealInNotebook({ cache, cell, app }: CellTarget): Promise<boolean> {
    const shown = vscode.window.visibleNotebookEditors.find(
      ({ notebook }) => isCellNotebook(notebook) && notebook.uri.fsPath === app.notebook,
    );
    if (!shown || shown.notebook.cellCount === 0) return false;
    const { notebook } = shown;
    const result = await this.documents.cells(notebook.cellAt(0).document.uri.toString());
    if (result?.database !== this.caches.path(cache)) return false;
    const text = result?.cells.find(({ cellId }) => cellId === cell.cellId)?.uri;
    const index = notebook.getCells().findIndex(({ document }) => document.uri.toString() === text);
    if (index === -1) return false;
    const range = new vscode.NotebookRange(index, index + 1);
    const viewColumn = shown.viewColumn ?? vscode.ViewColumn.Active;
    const editor = await vscode.window.showNotebookDocument(notebook, {
      viewColumn,
      selections: [range],
    });
    editor.revealRange(range, vscode.NotebookEditorRevealType.InCenterIfOutsideViewport);
    return true;
  }

  /** Where a cell stands: as the server says, or else where its code is as it was saved. */
  private async place(
    { cell, cache }: CellTarget,
    document: vscode.TextDocument,
  ): Promise<vscode.Range | undefined> {
    const result = await this.documents.cells(document.uri.toString());
    if (result?.database !== undefined && result.database === this.caches.path(cache)) {
      const found = result.cells.find(({ cellId }) => cellId === cell.cellId);
      if (found !== undefined) {
        const { start, end } = found.range;
        return new vscode.Range(start.line, start.character, end.line, end.character);
      }
    }
    const line = findCode(document.getText(), cell.code);
    return line === undefined ? undefined : document.lineAt(line).range;
  }

  private async open(notebook: string): Promise<vscode.TextEditor | undefined> {
    const uri = vscode.Uri.file(notebook);
    try {
      await vscode.workspace.fs.stat(uri);
    } catch {
      void warn(
        vscode.l10n.t(
          '{0} is gone, or renamed. Its cache stays until cleared.',
          path.basename(notebook),
        ),
      );
      return undefined;
    }
    return vscode.window.showTextDocument(uri);
  }
}
