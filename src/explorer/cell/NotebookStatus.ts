import * as vscode from 'vscode';
import type { DocumentCell } from '../../protocol/cells';
import { formatWorth } from '../../protocol/saving';
import { languageOf } from '../../protocol/quantities';
import type { Disposable } from '../../store/database/Watcher';
import { activeNotebook } from './activeNotebook';
import type { ShownCells } from './ShownCells';

/** "18 of 23 cells cached, saves 4 min", for the notebook in the active editor. */
export class NotebookStatus implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;
  private readonly disposables: readonly Disposable[];

  /** @param reveal shows a notebook, by its path, in the view */
  constructor(
    private readonly shown: ShownCells,
    reveal: (notebook: string) => Promise<void>,
  ) {
    this.item = vscode.window.createStatusBarItem(
      'cellar.notebook',
      vscode.StatusBarAlignment.Right,
      100,
    );
    this.item.name = vscode.l10n.t('Cells in the cache');
    this.disposables = [
      this.item,
      vscode.commands.registerCommand('cellar.revealNotebook', async () => {
        const active = activeNotebook();
        if (active) await reveal(active.file.fsPath);
      }),
      vscode.window.onDidChangeActiveTextEditor(() => {
        void this.update();
      }),
      vscode.window.onDidChangeActiveNotebookEditor(() => {
        void this.update();
      }),
      shown.onDidChangeCells((uri) => {
        if (uri === activeNotebook()?.file.toString()) void this.update();
      }),
    ];
    void this.update();
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private async update(): Promise<void> {
    const active = activeNotebook();
    const result = active && (await this.shown.cells(active.uri));
    if (active?.file.toString() !== activeNotebook()?.file.toString()) return;
    if (result?.database === undefined || result.cells.length === 0) {
      this.item.hide();
      return;
    }
    const isOff = result.cells.some(isIdle);
    const text = describeNotebook(result.cells, languageOf(vscode));
    this.item.text = `$(database) ${text}`;
    // Where they are of no use, the next thing to do is another.
    this.item.command = isOff ? 'cellar.turnOnCellCaching' : 'cellar.revealNotebook';
    this.item.tooltip = isOff
      ? vscode.l10n.t('{0}. Turn it on.', text)
      : vscode.l10n.t('{0}. Show them in the view Cell Cache.', text);
    this.item.accessibilityInformation = { label: `Cellar: ${text}`, role: 'button' };
    this.item.show();
  }
}

/** Whether it would be served if cell caching were on. */
function isIdle({ state }: DocumentCell): boolean {
  return state === 'off';
}

function describeNotebook(cells: readonly DocumentCell[], locale: string): string {
  const idle = cells.filter(isIdle).length;
  if (idle > 0) {
    return vscode.l10n.t('{0} of {1} cells cached, but caching is off', idle, cells.length);
  }
  const cached = cells.filter(({ state }) => state === 'fresh');
  const seconds = cached.reduce((sum, { saves = 0 }) => sum + saves, 0);
  const paid = cached.reduce((sum, { amount = 0 }) => sum + amount, 0);
  const saves = formatWorth({ seconds, amount: paid > 0 ? paid : undefined }, 1, locale);
  return saves === undefined
    ? vscode.l10n.t('{0} of {1} cells cached', cached.length, cells.length)
    : vscode.l10n.t('{0} of {1} cells cached, saves {2}', cached.length, cells.length, saves);
}
