import * as vscode from 'vscode';
import { isCellNotebook } from './isNotebook';

/** The notebook that the user works on, or what may be one. */
export interface ActiveNotebook {
  /** Its file. */
  readonly file: vscode.Uri;
  /** The text that the cursor is in: the file's, or that of the cell that is selected. */
  readonly uri: string;
  readonly line: number;
}

/** @returns `undefined` where no editor is active, or one that is none for notebooks of marimo */
export function activeNotebook(): ActiveNotebook | undefined {
  const { activeNotebookEditor, activeTextEditor } = vscode.window;
  if (activeNotebookEditor) {
    const { notebook, selection } = activeNotebookEditor;
    if (!isCellNotebook(notebook) || notebook.cellCount === 0) return undefined;
    const { document } = notebook.cellAt(selection.start);
    return { file: notebook.uri, uri: document.uri.toString(), line: 0 };
  }
  if (activeTextEditor?.document.languageId !== 'python') return undefined;
  const { uri } = activeTextEditor.document;
  return { file: uri, uri: uri.toString(), line: activeTextEditor.selection.active.line };
}
