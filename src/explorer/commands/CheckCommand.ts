import path from 'node:path';
import * as vscode from 'vscode';
import { languageOf } from '../../protocol/quantities';
import type { Caches } from '../../store/Caches';
import { canMend, type Mended } from '../../store/checking/mending';
import type { Disposable } from '../../store/database/Watcher';
import { type Checked, faultsOf, notice, question, reportText, summary } from './checkReport';
import type { Discovery } from '../tree/Discovery';
import { type Notices, tell, warn } from '../Notices';
import { problemOf } from '../problems';
import { withSteps } from './progress';

/** The scheme of the report's document, which only this file fills. */
const scheme = 'cellar-check';

/** `Check Cache`: compares rows, bytes and files of all caches, shows a report, offers to mend. */
export class CheckCommand implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly disposables: readonly Disposable[];
  private text = '';

  constructor(
    private readonly caches: Caches,
    private readonly discovery: Discovery,
    private readonly notices: Notices,
  ) {
    this.disposables = [
      this.changed,
      vscode.workspace.registerTextDocumentContentProvider(scheme, {
        onDidChange: this.changed.event,
        provideTextDocumentContent: () => this.text,
      }),
    ];
  }

  /** Checks every cache that the view shows. */
  async run(): Promise<void> {
    const { t } = vscode.l10n;
    try {
      const { databases } = await this.discovery.scan();
      if (databases.length === 0) {
        void tell(t('Nothing is cached here yet.'));
        return;
      }
      const checked = await this.check(databases.map((database) => database.path));
      if (checked === undefined) return;
      await this.tell(checked);
    } catch (error) {
      await this.notices.failed(t('The check failed'), error);
    }
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  /** `undefined` when it was cancelled. */
  private async check(paths: readonly string[]): Promise<Checked[] | undefined> {
    const title = vscode.l10n.t('Checking what is cached');
    return withSteps(title, paths.length, async (signal, stepsOf) => {
      try {
        const checkOne = async (database: string): Promise<Checked> => {
          const name = vscode.workspace.asRelativePath(path.dirname(database));
          const step = stepsOf(() => name);
          try {
            const loader = await this.caches.open(database);
            const generation = await loader.generation();
            const report = await loader.check({ signal, step });
            return { name, path: database, generation, report };
          } catch (error) {
            if (signal.aborted) throw error;
            this.notices.report(error);
            return { name, path: database, failure: problemOf(error).message };
          }
        };
        const checked: Checked[] = [];
        for (const database of paths) checked.push(await checkOne(database));
        return checked;
      } catch (error) {
        if (signal.aborted) return undefined;
        throw error;
      }
    });
  }

  private async tell(checked: readonly Checked[]): Promise<void> {
    const { t } = vscode.l10n;
    this.text = textOf(checked);
    const showReport = t('Show Report');
    const putRight = t('Put Right...');
    const manageTrust = t('Manage Workspace Trust');
    if (checked.every((each) => 'report' in each && each.report.faults.length === 0)) {
      const chosen = await tell(summary(checked, languageOf(vscode)), showReport);
      if (chosen === showReport) await this.show();
      return;
    }
    await this.show();
    const way = vscode.workspace.isTrusted ? putRight : manageTrust;
    const ways = checked.flatMap(faultsOf).some(canMend) ? [way] : [];
    const chosen = await warn(summary(checked, languageOf(vscode)), ...ways);
    if (chosen === putRight) await this.mend(checked);
    if (chosen === manageTrust) await vscode.commands.executeCommand('workbench.trust.manage');
  }

  private async mend(checked: readonly Checked[]): Promise<void> {
    if (!(await this.notices.trusted())) return;
    const read = checked.flatMap((each) => ('report' in each ? [each] : []));
    const faulty = read.filter(({ report }) => report.faults.some(canMend));
    const { title, detail, yes } = question(
      faulty.flatMap(({ report }) => report.faults),
      languageOf(vscode),
    );
    const answer = await vscode.window.showWarningMessage(title, { modal: true, detail }, yes);
    if (answer !== yes) return;
    const done: Mended[] = [];
    for (const { path: database, generation, report } of faulty) {
      const loader = await this.caches.open(database);
      // A kernel may have set a damaged database aside while the question stood.
      done.push(await loader.mend(report.faults.filter(canMend), generation));
    }
    void tell(notice(done, languageOf(vscode)));
    const after = await this.check(checked.map((each) => each.path));
    if (after === undefined) return;
    this.text = textOf(after);
    await this.show();
  }

  private async show(): Promise<void> {
    const uri = vscode.Uri.from({ scheme, path: vscode.l10n.t('Cache Check') });
    this.changed.fire(uri);
    await vscode.window.showTextDocument(uri, { preview: true, preserveFocus: true });
  }
}

function textOf(checked: readonly Checked[]): string {
  return reportText(checked, {
    locale: languageOf(vscode),
    trusted: vscode.workspace.isTrusted,
  });
}
