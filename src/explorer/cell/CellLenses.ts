import * as vscode from 'vscode';
import type { Caches } from '../../store/Caches';
import type { Disposable } from '../../store/database/Watcher';
import { aboutCell } from './aboutCell';
import { databaseOfAnswer } from './databaseOfAnswer';
import { LabelChanges } from './LabelChanges';
import type { ShownCells } from './ShownCells';

/** A line of a few words above each cell of a notebook that is open as text; a click says why. */
export class CellLenses implements vscode.CodeLensProvider, vscode.Disposable {
  private readonly labels: LabelChanges;
  readonly onDidChangeCodeLenses: vscode.Event<void>;
  private readonly disposables: readonly Disposable[];

  constructor(
    private readonly shown: ShownCells,
    private readonly caches: Caches,
  ) {
    this.labels = new LabelChanges(shown);
    this.onDidChangeCodeLenses = this.labels.onDidChange;
    this.disposables = [
      this.labels,
      vscode.languages.registerCodeLensProvider({ scheme: 'file', language: 'python' }, this),
    ];
  }

  async provideCodeLenses({ uri }: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    if (!this.labels.areShown) return [];
    const result = await this.shown.cells(uri.toString());
    const database = result && databaseOfAnswer(result, this.caches);
    // Above a notebook that was never cached they would say the same everywhere.
    if (!result || !database || result.cells.every(isUnknown)) return [];
    return result.cells.map((cell) => {
      const { label, reason, range } = cell;
      const { line } = range.start;
      const at = new vscode.Range(line, 0, line, 0);
      const words = { title: label, tooltip: reason };
      const about = aboutCell(cell, database, { uri: uri.toString(), line });
      return new vscode.CodeLens(at, { ...words, command: 'cellar.why', arguments: [about] });
    });
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }
}

function isUnknown({ cellId }: { readonly cellId?: number }): boolean {
  return cellId === undefined;
}
