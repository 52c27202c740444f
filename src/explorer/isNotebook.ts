import type * as vscode from 'vscode';

/** Whether a document may be a marimo notebook; what it really holds, the server says. */
export function isNotebook(document: vscode.TextDocument): boolean {
  if (document.languageId !== 'python' || document.uri.scheme !== 'file') return false;
  const text = document.getText();
  return /^import[ \t]+marimo\b/m.test(text) && /\.[ \t]*App\(/.test(text);
}
