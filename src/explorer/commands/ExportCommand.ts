import path from 'node:path';
import * as vscode from 'vscode';
import { languageOf } from '../../protocol/quantities';
import type { Caches } from '../../store/Caches';
import { type Exported, exportFiles } from '../../store/stock/exporting';
import { thisSystem, usualFolder } from '../../store/settings/place';
import type { AppSummary } from '../../store/rows';
import { summary } from './exportReport';
import { type Notices, tell, warn } from '../Notices';
import { revealFolder } from '../revealFolder';
import { amounts } from '../tree/savings';
import { type AppTarget, wholeName } from './target';
import type { TargetReader } from './TargetReader';
import type { Targets } from './Targets';
import { withSteps } from './progress';

interface Choice extends vscode.QuickPickItem {
  readonly apps: readonly AppTarget[];
}

/** Where the files go: beside each notebook, where marimo reads them, or into one folder. */
type Destination = 'beside' | vscode.Uri;

/**
 * `Export to marimo's File Cache...`: writes what is kept as marimo's own files, which a marimo without
 * Cellar reads.
 */
export class ExportCommand {
  constructor(
    private readonly caches: Caches,
    private readonly targets: Targets,
    private readonly reader: TargetReader,
    private readonly notices: Notices,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** @param argument what it was run on in the tree, with all that is selected there */
  async run(argument?: unknown, others?: unknown): Promise<void> {
    const { t } = vscode.l10n;
    try {
      if (!(await this.notices.trusted())) return;
      const apps = await this.apps(argument, others);
      if (apps === undefined) return;
      const destination = await chooseDestination(apps);
      if (destination === undefined) return;
      const folders = apps.map(({ app }) =>
        destination === 'beside' ? besideOf(app) : destination.fsPath,
      );
      await this.tell(await this.exportAll(apps, folders), [...new Set(folders)]);
    } catch (error) {
      await this.notices.failed(t('Not all was exported'), error);
    }
  }

  private async apps(
    argument: unknown,
    others: unknown,
  ): Promise<readonly AppTarget[] | undefined> {
    const { t } = vscode.l10n;
    const title = t('Export to marimo’s File Cache');
    if (this.targets.references(argument, others).length > 0) {
      return this.targets.apps(argument, others, title);
    }
    const all = await this.reader.everyApp();
    const [only] = all;
    if (only === undefined) {
      void tell(t('Nothing is cached in this workspace.'));
      return undefined;
    }
    if (all.length === 1) return all;
    const choices: Choice[] = [
      { label: t('All {0} notebooks', all.length), apps: all },
      ...all.map((target) => ({
        label: wholeName(target.app),
        description: amounts(target.app, languageOf(vscode)),
        apps: [target],
      })),
    ];
    const placeHolder = t('Whose results to write as files');
    return (await vscode.window.showQuickPick(choices, { title, placeHolder }))?.apps;
  }

  /** What was written before it was cancelled stays, and is told. */
  private exportAll(
    apps: readonly AppTarget[],
    folders: readonly string[],
  ): Thenable<readonly Exported[]> {
    const { t } = vscode.l10n;
    const caches = [...new Set(apps.map(({ cache }) => cache))];
    const title = t('Exporting to marimo’s file cache');
    return withSteps(title, caches.length, async (signal, stepsOf) => {
      const reports: Exported[] = [];
      for (const cache of caches) {
        const loader = await this.caches.get(cache);
        if (loader === undefined || signal.aborted) continue;
        const step = stepsOf((done, total) => t('{0} of {1}', done, total));
        const here = apps.flatMap(({ cache: of, app: { appId } }, at) =>
          of === cache ? [{ appId, destination: folders[at] ?? '' }] : [],
        );
        const report = await exportFiles(loader, here, { signal, step });
        reports.push(report);
        for (const key of report.damaged) this.log.warn(`Not exported: ${key} of ${loader.path}`);
      }
      return reports;
    });
  }

  private async tell(reports: readonly Exported[], folders: readonly string[]): Promise<void> {
    const { t } = vscode.l10n;
    const reveal = t('Reveal');
    const copyPath = t('Copy Path');
    const showLog = t('Show Log');
    const damaged = reports.some((report) => report.damaged.length > 0);
    const [folder] = folders;
    const told = summary(reports, languageOf(vscode));
    const message =
      folders.length === 1 && folder !== undefined
        ? t('{0} They are in {1}.', told, vscode.workspace.asRelativePath(folder))
        : told;
    const show = damaged ? warn : tell;
    const chosen = await show(message, reveal, copyPath, ...(damaged ? [showLog] : []));
    if (chosen === reveal && folder !== undefined) await revealFolder(folder);
    if (chosen === copyPath) await vscode.env.clipboard.writeText(folders.join('\n'));
    if (chosen === showLog) this.log.show();
  }
}

/** @returns `undefined` when that was dismissed */
async function chooseDestination(apps: readonly AppTarget[]): Promise<Destination | undefined> {
  const { t } = vscode.l10n;
  const [first] = apps;
  const beside = {
    label: apps.length === 1 ? t('Beside the notebook') : t('Beside each notebook'),
    description: path.join('__marimo__', 'cache'),
    detail: t('Where marimo looks for them: the way back to marimo without Cellar'),
  };
  const elsewhere = {
    label: t('Another folder...'),
    detail: t('A copy that marimo can read from there'),
  };
  const title = t('Export to marimo’s File Cache');
  const placeHolder = t('Where to write the files');
  const chosen = await vscode.window.showQuickPick([beside, elsewhere], { title, placeHolder });
  if (chosen === beside) return 'beside';
  if (chosen === undefined || first === undefined) return undefined;
  const [folder] =
    (await vscode.window.showOpenDialog({
      title,
      openLabel: t('Export Here'),
      canSelectFiles: false,
      canSelectFolders: true,
      defaultUri: vscode.Uri.file(path.dirname(first.app.notebook)),
    })) ?? [];
  return folder;
}

/** marimo's own cache folder of a notebook. */
function besideOf({ path: relative, notebook }: AppSummary): string {
  // One without a file is kept for the folder that this cache is the usual one of.
  const folder =
    relative === 'unsaved' ? path.join(notebook, '..', '..', '..') : path.join(notebook, '..');
  return usualFolder(folder, thisSystem());
}
