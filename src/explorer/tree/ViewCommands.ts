import path from 'node:path';
import * as vscode from 'vscode';
import type { CellTree } from './CellTree';
import type { CellTreeView } from './CellTreeView';
import type { Node, SetAsideNode } from './nodes';
import { setAsideSentence } from './noticeRow';
import type { RefusedSetting } from './refusedSettings';
import { removeSetAside } from '../../store/checking/setAside';
import type { Notices } from '../Notices';
import { revealFolder } from '../revealFolder';

/** The commands of the view itself, and what to do about a cache that cannot be read. */
export class ViewCommands implements vscode.Disposable {
  private readonly disposables: readonly vscode.Disposable[];

  constructor(
    private readonly tree: CellTree,
    private readonly view: CellTreeView,
    private readonly showSetting: (setting: RefusedSetting) => Promise<void>,
    private readonly log: vscode.LogOutputChannel,
    private readonly notices: Notices,
  ) {
    const { registerCommand } = vscode.commands;
    this.disposables = [
      registerCommand('cellar.refresh', () => this.view.refresh()),
      registerCommand('cellar.showLog', () => {
        log.show();
      }),
      registerCommand('cellar.explainProblem', (branch: unknown) => this.explain(branch)),
      registerCommand('cellar.revealCacheFolder', (branch: unknown) => this.revealFolder(branch)),
    ];
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private async explain(branch: unknown): Promise<void> {
    const node = this.tree.has(branch) ? branch.node : undefined;
    if (node?.kind === 'setting') await this.showSetting(node.setting);
    if (node?.kind === 'setAside') await this.explainSetAside(node);
    if (node?.kind !== 'problem') return;
    const reveal = vscode.l10n.t('Reveal Cache Folder');
    const showLog = vscode.l10n.t('Show Log');
    const chosen = await vscode.window.showWarningMessage(
      node.problem.title,
      { modal: true, detail: node.problem.message },
      reveal,
      showLog,
    );
    if (chosen === reveal) await this.revealFolder(branch);
    if (chosen === showLog) this.log.show();
  }

  private async explainSetAside({ aside, replaced }: SetAsideNode): Promise<void> {
    const { t } = vscode.l10n;
    const [remove, reveal] = [t('Delete'), t('Reveal Cache Folder')];
    const chosen = await vscode.window.showWarningMessage(
      t('A damaged cache was set aside'),
      { modal: true, detail: `${aside.path}\n\n${setAsideSentence(replaced)}` },
      reveal,
      ...(vscode.workspace.isTrusted ? [remove] : []),
    );
    if (chosen === reveal) await revealFolder(path.dirname(aside.path));
    if (chosen !== remove) return;
    try {
      await removeSetAside(aside);
    } catch (error) {
      await this.notices.failed(t('The damaged cache cannot be deleted'), error);
    }
    await this.view.refresh();
  }

  private async revealFolder(branch: unknown): Promise<void> {
    const folder = this.tree.has(branch) ? folderOf(branch.node) : undefined;
    if (folder !== undefined) await revealFolder(folder);
  }
}

function folderOf(node: Node): string | undefined {
  switch (node.kind) {
    case 'folder':
    case 'files':
      return node.path;
    case 'setAside':
      return path.dirname(node.aside.path);
    case 'setting':
      return undefined;
    case 'problem':
    case 'app':
    case 'cell':
    case 'entry':
    case 'item':
      return path.dirname(node.database);
  }
}
