import type * as vscode from 'vscode';

/** What a workspace served when its last window was closed. */
export const wishKey = 'cellar.serving';
/** Kept for all windows: a configuration in which a line may stand that nobody took back. */
export const fileKey = 'cellar.lineWrittenIn';

/** Whether an earlier window left something to go on with, or to take back. */
export function isLeftServed({
  workspaceState,
  globalState,
}: Pick<vscode.ExtensionContext, 'workspaceState' | 'globalState'>): boolean {
  return workspaceState.get(wishKey) !== undefined || typeof globalState.get(fileKey) === 'string';
}
