import * as l10n from '@vscode/l10n';
import * as vscode from 'vscode';
import { CellTree } from './explorer/CellTree';
import { CellTreeView } from './explorer/CellTreeView';
import { Discovery } from './explorer/Discovery';
import { WorkspaceWatcher } from './explorer/WorkspaceWatcher';
import { Caches } from './store/Caches';

let caches: Caches | undefined;

/** The composition root: makes the parts and connects them, and decides nothing. */
export function activate(context: vscode.ExtensionContext): void {
  if (vscode.l10n.bundle !== undefined) l10n.config({ contents: vscode.l10n.bundle });
  const log = vscode.window.createOutputChannel('Cellar', { log: true });
  const report = (error: unknown) => {
    log.error(error instanceof Error ? error : String(error));
  };
  const watcher = new WorkspaceWatcher();
  caches = new Caches({ watcher, report });
  const discovery = new Discovery(watcher.onDidChangeDatabases);
  const reader = () => ({ locale: vscode.env.language, now: Date.now() / 1000 });
  const view = new CellTreeView(new CellTree(caches, reader, report), discovery, caches, report);
  context.subscriptions.push(log, watcher, discovery, view);
}

/** VS Code waits for it: what is being written is written, and the databases are closed. */
export async function deactivate(): Promise<void> {
  await caches?.close();
}
