import * as vscode from 'vscode';
import { languageOf } from '../../protocol/quantities';
import type { OpenCells } from '../../protocol/standing';
import type { Caches } from '../../store/Caches';
import { type Notices, tell } from '../Notices';
import type { Discovery } from '../tree/Discovery';
import { chooseResult } from './ResultList';
import type { ResultLine } from './resultLines';
import { ResultSearch } from './ResultSearch';
import { nothingCached, wholeName } from './target';

/** `Go to Result...`: searches what all caches of the workspace keep, and shows what is chosen. */
export class GoToResult {
  constructor(
    private readonly caches: Caches,
    private readonly discovery: Discovery,
    /** What open notebooks say of the cells of a cache, by its number. */
    private readonly openCells: (cache: number) => OpenCells,
    private readonly notices: Notices,
  ) {}

  async run(): Promise<void> {
    const { t } = vscode.l10n;
    const { executeCommand } = vscode.commands;
    const search = new ResultSearch(this.caches, {
      found: this.discovery.scan(),
      openCells: this.openCells,
      nameOf: wholeName,
      reader: () => ({ locale: languageOf(vscode), now: Date.now() / 1000 }),
    });
    /** The list may have stood for long. */
    const isThere = async ({ entry }: ResultLine) => {
      if (await search.isThere(entry)) return true;
      void tell(t('It is no longer in the cache.'));
      return false;
    };
    const deeds = {
      find: (text: string, signal: AbortSignal) => search.find(text, signal),
      pin: async (line: ResultLine, pinned: boolean) => {
        if (!(await isThere(line))) return;
        await executeCommand(pinned ? 'cellar.pin' : 'cellar.unpin', line.entry);
      },
      failed: (what: string, error: unknown) => this.notices.failed(what, error),
    };
    const choice = await chooseResult(deeds, vscode.workspace.isTrusted);
    try {
      switch (choice.kind) {
        case 'preview':
          if (await isThere(choice.line)) await executeCommand('cellar.preview', choice.line.entry);
          return;
        case 'cell':
          if (await isThere(choice.line))
            await executeCommand('cellar.revealCell', choice.line.cell);
          return;
        case 'fault':
          await this.notices.failed(t('One of the caches is left out'), choice.fault);
          return;
        case 'nothingThere':
          void tell(nothingCached());
          return;
        case 'dismissed':
      }
    } catch (error) {
      await this.notices.failed(t('The result cannot be shown'), error);
    }
  }
}
