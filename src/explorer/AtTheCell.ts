import * as vscode from 'vscode';
import type { CellsResult } from '../protocol/cells';
import type { Caches } from '../store/Caches';
import type { Disposable } from '../store/Watcher';
import { CellGutter } from './CellGutter';
import { CellLenses } from './CellLenses';
import { CellStatus } from './CellStatus';
import { NotebookStatus } from './NotebookStatus';

/** What is shown of cells where they stand comes from here, and changes when this says so. */
export interface ShownCells {
  /** With the URI of a notebook's file. */
  readonly onDidChangeCells: vscode.Event<string>;
  /** @param uri of a notebook's file that is open as text, or of a cell of one that is open as cells */
  cells(uri: string): Promise<CellsResult | undefined>;
}

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
