import * as vscode from 'vscode';

/** Shows a folder, by its absolute path, in the system's own window, or in VS Code's where there is none. */
export async function revealFolder(folder: string): Promise<void> {
  // A remote or a browser has no window of the system to show a folder in.
  const local = vscode.env.remoteName === undefined && vscode.env.uiKind === vscode.UIKind.Desktop;
  await vscode.commands.executeCommand(
    local ? 'revealFileInOS' : 'revealInExplorer',
    vscode.Uri.file(folder),
  );
}
