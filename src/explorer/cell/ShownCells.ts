import type * as vscode from 'vscode';
import type { CellsResult } from '../../protocol/cells';

/** What is shown of cells where they stand comes from here, and changes when this says so. */
export interface ShownCells {
  /** With the URI of a notebook's file. */
  readonly onDidChangeCells: vscode.Event<string>;
  /** @param uri of a notebook's file that is open as text, or of a cell of one that is open as cells */
  cells(uri: string): Promise<CellsResult | undefined>;
}
