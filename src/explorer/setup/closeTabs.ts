import * as vscode from 'vscode';

/** Closes the editors of a file that goes; one with text that is not saved yet stays. */
export async function closeTabs(uri: vscode.Uri): Promise<void> {
  const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
  const its = ({ input, isDirty }: vscode.Tab) =>
    input instanceof vscode.TabInputText && input.uri.toString() === uri.toString() && !isDirty;
  await vscode.window.tabGroups.close(tabs.filter(its));
}
