import * as vscode from 'vscode';
import type { Disposable } from '../../store/database/Watcher';
import type { ShownCells } from './ShownCells';

/** When what is said at each cell in a few words, as a lens or a status, may be something else. */
export class LabelChanges implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  private readonly disposables: readonly Disposable[];

  constructor(shown: ShownCells) {
    this.disposables = [
      this.changed,
      shown.onDidChangeCells(() => {
        this.changed.fire();
      }),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('cellar.codeLens')) this.changed.fire();
      }),
    ];
  }

  /** Whether the user wants it said: a status below a cell is what the lens is to a text. */
  get areShown(): boolean {
    return vscode.workspace.getConfiguration('cellar').get<boolean>('codeLens', true);
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }
}
