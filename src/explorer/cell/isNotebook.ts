import * as vscode from 'vscode';
import { marimoNotebookType } from '../../protocol/cells';

/** Whether a document may be a marimo notebook; what it really holds, the server says. */
export function isNotebook(document: vscode.TextDocument): boolean {
  if (document.languageId !== 'python' || document.uri.scheme !== 'file') return false;
  return isNotebookText(document.getText());
}

export function isNotebookText(text: string): boolean {
  return /^import[ \t]+marimo\b/m.test(text) && /\.[ \t]*App\(/.test(text);
}

/** Whether a notebook document is one of marimo's: each of its cells is a text of its own. */
export function isCellNotebook({ notebookType }: vscode.NotebookDocument): boolean {
  return notebookType === marimoNotebookType;
}

/**
 * @param file URI of a notebook's file
 * @returns the texts by which its cells can be asked for, one of each form that it is open in
 */
export function textsOf(file: string): string[] {
  const { textDocuments, notebookDocuments } = vscode.workspace;
  const cells = notebookDocuments
    .filter((notebook) => isCellNotebook(notebook) && notebook.uri.toString() === file)
    .flatMap((notebook) => notebook.getCells().slice(0, 1));
  return [...cells.map(({ document }) => document), ...textDocuments]
    .map(({ uri }) => uri.toString())
    .filter((uri, index) => index < cells.length || uri === file);
}

/** @returns the marimo notebook that is open as cells of which one has this text */
export function notebookOfCell(uri: string): vscode.NotebookDocument | undefined {
  return vscode.workspace.notebookDocuments.find(
    (notebook) =>
      isCellNotebook(notebook) &&
      notebook.getCells().some(({ document }) => document.uri.toString() === uri),
  );
}
