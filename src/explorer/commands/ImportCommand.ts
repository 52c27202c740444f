import path from 'node:path';
import * as vscode from 'vscode';
import { languageOf } from '../../protocol/quantities';
import type { Caches } from '../../store/Caches';
import {
  type Import,
  type Imported,
  importFiles,
  removeFiles,
  sizeOfFiles,
} from '../../store/stock/importing';
import { databaseIn, findPlace } from '../../store/settings/place';
import type { CellTree } from '../tree/CellTree';
import type { Discovery } from '../tree/Discovery';
import { notice, question, summary } from './importReport';
import { type Notices, tell, warn } from '../Notices';
import { withSteps } from './progress';

interface Done {
  readonly place: Import;
  readonly report: Imported;
}

/**
 * `Import marimo's File Cache`: takes what marimo cached in files into the database, where kernels look
 * for it, and removes the files when told to.
 */
export class ImportCommand {
  constructor(
    private readonly caches: Caches,
    private readonly discovery: Discovery,
    private readonly tree: CellTree,
    private readonly notices: Notices,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** @param argument a node of the tree that stands for such a folder, if it was run there */
  async run(argument?: unknown): Promise<void> {
    const { t } = vscode.l10n;
    try {
      if (!(await this.notices.trusted())) return;
      const folders = await this.folders(argument);
      if (folders === undefined || folders.length === 0) return;
      await this.tell(await this.importAll(folders));
    } catch (error) {
      await this.notices.failed(t('What marimo had cached was not all imported'), error);
    }
  }

  /** `undefined` when the list was dismissed. */
  private async folders(argument: unknown): Promise<readonly string[] | undefined> {
    const { t } = vscode.l10n;
    if (this.tree.has(argument) && argument.node.kind === 'files') return [argument.node.path];
    const found = await this.discovery.fileCaches();
    if (found.length === 0) {
      void tell(t('marimo has cached nothing in files in this workspace.'));
      return undefined;
    }
    if (found.length === 1) return found;
    const chosen = await vscode.window.showQuickPick(
      found.map((folder) => ({ label: nameOf(folder), picked: true, folder })),
      {
        title: t('Import marimo’s File Cache'),
        placeHolder: t('Whose files to take into the database'),
        canPickMany: true,
      },
    );
    return chosen?.map(({ folder }) => folder);
  }

  /** What was done before it was cancelled is kept, and told. */
  private importAll(folders: readonly string[]): Thenable<Done[]> {
    const title = vscode.l10n.t('Importing what marimo had cached');
    return withSteps(title, folders.length, async (signal, stepsOf) => {
      const all: Done[] = [];
      for (const stock of folders) {
        const place = await placeOf(stock);
        const step = stepsOf((done, total) =>
          vscode.l10n.t('{0}: {1} of {2}', nameOf(stock), done, total),
        );
        const report = await importFiles(this.caches, place, { signal, step });
        all.push({ place, report });
        for (const { key, why } of report.damaged) {
          this.log.warn(`Damaged: ${path.join(stock, key)} (${why})`);
        }
        if (report.stopped) break;
      }
      return all;
    });
  }

  private async tell(all: readonly Done[]): Promise<void> {
    const { t } = vscode.l10n;
    const removeThem = t('Remove the Files');
    const showLog = t('Show Log');
    const reports = all.map(({ report }) => report);
    const damaged = reports.some((report) => report.damaged.length > 0);
    const buttons = [
      ...(reports.some(({ done }) => done.length > 0) ? [removeThem] : []),
      ...(damaged ? [showLog] : []),
    ];
    const show = damaged ? warn : tell;
    const chosen = await show(summary(reports, languageOf(vscode)), ...buttons);
    if (chosen === showLog) this.log.show();
    if (chosen === removeThem) await this.remove(all);
  }

  private async remove(all: readonly Done[]): Promise<void> {
    const sizes = all.map(({ place, report }) => sizeOfFiles(place.stock, report.done));
    const size = (await Promise.all(sizes)).reduce((sum, each) => sum + each, 0);
    const results = all.reduce((sum, { report }) => sum + report.done.length, 0);
    const { title, detail, yes } = question(results, size, languageOf(vscode));
    const answer = await vscode.window.showWarningMessage(title, { modal: true, detail }, yes);
    if (answer !== yes) return;
    let removed = 0;
    for (const { place, report } of all) {
      removed += await removeFiles(this.caches, place, report.done);
    }
    void tell(notice(removed, languageOf(vscode)));
  }
}

/** @param stock absolute path of marimo's cache folder, `__marimo__/cache` beside the notebooks */
async function placeOf(stock: string): Promise<Import> {
  const notebooks = path.dirname(path.dirname(stock));
  return { notebooks, stock, database: databaseIn(await findPlace(notebooks)) };
}

function nameOf(stock: string): string {
  return vscode.workspace.asRelativePath(stock);
}
