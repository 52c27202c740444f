import * as vscode from 'vscode';
import type { Caches } from '../../store/Caches';
import type { Disposable } from '../../store/database/Watcher';
import { CellGutter } from './CellGutter';
import { CellLenses } from './CellLenses';
import { CellStatus } from './CellStatus';
import { NotebookStatus } from './NotebookStatus';
import type { ShownCells } from './ShownCells';

/**
 * Lenses, gutter marks, the status of cells and that of the open notebook. Nothing of it is made before the language
 * server has something to say, which is when a notebook is opened.
 */
export class AtTheCell implements vscode.Disposable {
  private readonly disposables: Disposable[] = [];

  constructor(shown: ShownCells, caches: Caches, reveal: (notebook: string) => Promise<void>) {
    const first = shown.onDidChangeCells(() => {
      first.dispose();
      this.disposables.push(
        new CellLenses(shown, caches),
        new CellStatus(shown, caches),
        new CellGutter(shown),
        new NotebookStatus(shown, reveal),
      );
    });
    this.disposables.push(first);
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }
}
