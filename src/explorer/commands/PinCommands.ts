import * as vscode from 'vscode';
import { formatCount, languageOf } from '../../protocol/quantities';
import type { Caches } from '../../store/Caches';
import type { Notices } from '../Notices';
import type { CellTarget } from './target';
import { given, type Targets } from './Targets';

/** Pins what is cached for cells, so that it is never evicted, and lets it go again. */
export class PinCommands implements vscode.Disposable {
  private readonly disposables: readonly vscode.Disposable[];

  constructor(
    private readonly caches: Caches,
    private readonly targets: Targets,
    private readonly notices: Notices,
  ) {
    const { registerCommand } = vscode.commands;
    this.disposables = [
      registerCommand('cellar.pin', (...args: unknown[]) => this.pin(...given(args), true)),
      registerCommand('cellar.unpin', (...args: unknown[]) => this.pin(...given(args), false)),
    ];
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private async pin(argument: unknown, others: unknown, pinned: boolean): Promise<void> {
    if (!(await this.notices.trusted())) return;
    const title = pinned ? vscode.l10n.t('Pin') : vscode.l10n.t('Unpin');
    try {
      const entries = await this.targets.results(argument, others);
      if (entries === undefined) return;
      const cells = await this.cells(argument, others, title, entries.length > 0);
      if (cells === undefined) return;
      let changed = 0;
      for (const { cache, generation, entryId } of entries) {
        const loader = await this.caches.get(cache);
        changed += (await loader?.pin({ kind: 'entry', entryId }, pinned, generation)) ?? 0;
      }
      for (const { cache, generation, cell } of cells) {
        const loader = await this.caches.get(cache);
        const { cellId } = cell;
        changed += (await loader?.pin({ kind: 'cell', cellId }, pinned, generation)) ?? 0;
      }
      vscode.window.setStatusBarMessage(notice(changed, pinned, languageOf(vscode)), 5000);
    } catch (error) {
      await this.notices.failed(vscode.l10n.t('Pinning failed'), error);
    }
  }

  /** @param isBeside whether single results are meant as well: then only what is named beside them is */
  private async cells(
    argument: unknown,
    others: unknown,
    title: string,
    isBeside: boolean,
  ): Promise<readonly CellTarget[] | undefined> {
    if (!isBeside) return this.targets.cells(argument, others, title);
    const named = this.targets.references(argument, others).filter(({ kind }) => kind !== 'entry');
    return named.length === 0 ? [] : this.targets.cellsOf(named);
  }
}

function notice(changed: number, pinned: boolean, locale: string): string {
  if (changed === 0) {
    return pinned
      ? vscode.l10n.t('It is pinned already, or nothing is cached.')
      : vscode.l10n.t('Nothing of it is pinned.');
  }
  if (!pinned) return vscode.l10n.t('No longer pinned.');
  return changed === 1
    ? vscode.l10n.t('Pinned: it stays in the cache until you clear it.')
    : vscode.l10n.t(
        '{0} results pinned: they stay in the cache until you clear them.',
        formatCount(changed, locale),
      );
}
