import { stat } from 'node:fs/promises';
import * as vscode from 'vscode';
import { thisSystem, userFile } from '../../store/settings/place';

/**
 * Opens the user's own settings, where the budget is set. A file that is not there is proposed, and
 * made when the user saves it.
 */
export async function openBudgetFile(): Promise<void> {
  const uri = vscode.Uri.file(userFile(thisSystem()));
  const there = await stat(uri.fsPath).catch(() => undefined);
  if (there !== undefined) {
    await vscode.window.showTextDocument(uri);
    return;
  }
  const proposed = await vscode.workspace.openTextDocument(uri.with({ scheme: 'untitled' }));
  const editor = await vscode.window.showTextDocument(proposed);
  if (proposed.getText() !== '') return;
  const what = vscode.l10n.t('How much each cache may keep, for all notebooks of yours.');
  await editor.edit((edit) => {
    edit.insert(new vscode.Position(0, 0), `# ${what}\nbudget = "5 GB"\n`);
  });
}
