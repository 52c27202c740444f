import path from 'node:path';
import * as vscode from 'vscode';
import type { Branch } from './explorer/tree/CellTree';
import { isCellNotebook, isNotebook } from './explorer/cell/isNotebook';
import { isLeftServed } from './explorer/setup/leftServed';
import { PythonPackage } from './explorer/setup/PythonPackage';
import { TerminalPath } from './explorer/setup/TerminalPath';
import { usualDatabases } from './explorer/tree/usualDatabases';
import type { Extension } from './extension';
import { viewType } from './preview/viewType';

let extension: Promise<Extension> | undefined;

/**
 * What VS Code has to know of from the start, and no more: every window pays for it, also those
 * without a notebook. The rest is loaded by whoever comes through one of these doors first.
 */
export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Cellar', { log: true });
  const report = (error: unknown) => {
    log.error(error instanceof Error ? error : String(error));
  };
  const dist = path.join(context.extensionUri.fsPath, 'dist');
  const python = new PythonPackage(
    path.join(dist, 'python'),
    path.join(dist, 'wheel'),
    context.globalStorageUri.fsPath,
  );
  const terminals = new TerminalPath(context.environmentVariableCollection, python, report);

  const doors: vscode.Disposable[] = [];
  const enter = (): Promise<Extension> => {
    extension ??= import('./extension').then(
      ({ start }) => {
        // In the same turn the parts register for themselves what stood for them until now. Once that
        // has failed it is not tried again, since some of them are registered.
        for (const door of doors) door.dispose();
        const started = start({ context, log, tree, python, terminals });
        started.cells.onDidChangeTreeData((branch) => {
          changed.fire(branch);
        });
        return started;
      },
      (error: unknown) => {
        // Whoever waits is told what went wrong, and the next one tries again.
        extension = undefined;
        throw error;
      },
    );
    return extension;
  };
  const enterFor = (reason: boolean) => {
    if (reason) enter().catch(report);
  };

  const changed = new vscode.EventEmitter<Branch | undefined>();
  const tree = vscode.window.createTreeView<Branch>('cellar.cells', {
    treeDataProvider: {
      onDidChangeTreeData: changed.event,
      getChildren: async (parent) => (await enter()).cells.getChildren(parent),
      getParent: async (branch) => (await enter()).cells.getParent(branch),
      getTreeItem: async (branch) => (await enter()).cells.getTreeItem(branch),
      resolveTreeItem: async (item, branch) => (await enter()).cells.resolveTreeItem(item, branch),
    },
    showCollapseAll: true,
    canSelectMany: true,
  });
  const previews = vscode.window.registerWebviewPanelSerializer(viewType, {
    deserializeWebviewPanel: async (panel, state) =>
      (await enter()).previews.deserializeWebviewPanel(panel, state),
  });
  doors.push(
    ...commandsOf(context.extension).map((command) =>
      vscode.commands.registerCommand(command, async (...given: unknown[]) => {
        await enter();
        return vscode.commands.executeCommand(command, ...given);
      }),
    ),
    vscode.workspace.onDidOpenTextDocument((document) => {
      enterFor(isNotebook(document));
    }),
    vscode.workspace.onDidSaveTextDocument((document) => {
      enterFor(isNotebook(document));
    }),
    vscode.workspace.onDidOpenNotebookDocument((notebook) => {
      enterFor(isCellNotebook(notebook));
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => {
      enterFor(isLeftServed(context));
    }),
  );
  context.subscriptions.push(log, terminals, changed, tree, previews, ...doors);
  const { textDocuments, notebookDocuments } = vscode.workspace;
  enterFor(
    isLeftServed(context) ||
      textDocuments.some(isNotebook) ||
      notebookDocuments.some(isCellNotebook),
  );
  void terminals.update();
  const prepare = async () => {
    const folders = (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath);
    if ((await usualDatabases(folders)).length > 0) await (await enter()).cells.prepare();
  };
  // Whoever has a cache here will look at it: by then it is at hand. A stranger's is not opened unasked.
  if (vscode.workspace.isTrusted) prepare().catch(report);
  // VS Code's own mark comes after whatever other extensions do in the same turn: see bench/host.
  performance.mark('cellar/didActivate');
}

/** VS Code waits for it. */
export async function deactivate(): Promise<void> {
  await (await extension)?.close();
}

/** The commands that our own manifest declares. */
function commandsOf({ packageJSON }: vscode.Extension<unknown>): string[] {
  // Its shape is that of package.json, which a test compares with the code.
  const { contributes } = packageJSON as { contributes: { commands: { command: string }[] } };
  return contributes.commands.map(({ command }) => command);
}
