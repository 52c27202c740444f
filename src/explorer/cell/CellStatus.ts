import * as vscode from 'vscode';
import { marimoNotebookType } from '../../protocol/cells';
import type { Caches } from '../../store/Caches';
import type { Disposable } from '../../store/database/Watcher';
import { signOf } from '../signs';
import { aboutCell } from './aboutCell';
import { databaseOfAnswer } from './databaseOfAnswer';
import { LabelChanges } from './LabelChanges';
import type { ShownCells } from './ShownCells';

/** How a cell stands, below each cell of a notebook that is open in marimo's editor; a click says why. */
export class CellStatus implements vscode.NotebookCellStatusBarItemProvider, vscode.Disposable {
  private readonly labels: LabelChanges;
  readonly onDidChangeCellStatusBarItems: vscode.Event<void>;
  private readonly disposables: readonly Disposable[];

  constructor(
    private readonly shown: ShownCells,
    private readonly caches: Caches,
  ) {
    this.labels = new LabelChanges(shown);
    this.onDidChangeCellStatusBarItems = this.labels.onDidChange;
    this.disposables = [
      this.labels,
      vscode.notebooks.registerNotebookCellStatusBarItemProvider(marimoNotebookType, this),
    ];
  }

  async provideCellStatusBarItems({
    document,
  }: vscode.NotebookCell): Promise<vscode.NotebookCellStatusBarItem[]> {
    if (!this.labels.areShown) return [];
    const uri = document.uri.toString();
    const result = await this.shown.cells(uri);
    const cell = result?.cells.find((each) => each.uri === uri);
    const database = result && databaseOfAnswer(result, this.caches);
    // Below a notebook that was never cached they would say the same everywhere.
    if (!cell || !database || result.cells.every((each) => each.cellId === undefined)) {
      return [];
    }
    const item = new vscode.NotebookCellStatusBarItem(
      `$(${signOf(cell)}) ${cell.label}`,
      vscode.NotebookCellStatusBarAlignment.Left,
    );
    item.tooltip = cell.reason;
    item.accessibilityInformation = { label: `Cellar: ${cell.label}. ${cell.reason}` };
    const about = aboutCell(cell, database, { uri, line: 0 });
    item.command = { command: 'cellar.why', title: vscode.l10n.t('Why?'), arguments: [about] };
    return [item];
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }
}
