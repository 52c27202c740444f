import * as vscode from 'vscode';
import { languageOf } from '../../protocol/quantities';
import { undoNotice } from './clearing';
import { type Notices, tell, warn } from '../Notices';
import { type RecentClear, RecentClears } from './RecentClears';

/** Undoes a clear: by a button on what is said of it, and by a command for the last one. */
export class UndoClear implements vscode.Disposable {
  readonly #recent: RecentClears;
  /** VS Code has no way to close a notice: one whose clear the command undid still has its button. */
  readonly #undone = new WeakSet<RecentClear>();
  readonly #command: vscode.Disposable;

  constructor(private readonly notices: Notices) {
    this.#recent = new RecentClears((any) => {
      void vscode.commands.executeCommand('setContext', 'cellar.canUndoClear', any);
    }, notices.report);
    this.#command = vscode.commands.registerCommand('cellar.undoClear', () =>
      this.#undo(this.#recent.last),
    );
  }

  dispose(): void {
    this.#command.dispose();
  }

  /** Has what was cleared forgotten. */
  close(): Promise<void> {
    return this.#recent.close();
  }

  /** Has the command undo a clear. */
  add(clear: RecentClear): void {
    this.#recent.add(clear);
  }

  /** Says what was cleared, and offers to undo it; resolves when that is answered, or was closed. */
  async offer(told: string, clear: RecentClear): Promise<void> {
    this.add(clear);
    const undo = vscode.l10n.t('Undo');
    const chosen = await tell(told, undo);
    if (chosen === undo) await this.#undo(clear);
  }

  async #undo(clear: RecentClear | undefined): Promise<void> {
    if (!(await this.notices.trusted())) return;
    const { t } = vscode.l10n;
    if (clear !== undefined && this.#undone.has(clear)) {
      void tell(t('This clear is undone already.'));
      return;
    }
    try {
      const done =
        clear &&
        (await vscode.window.withProgress(
          { location: vscode.ProgressLocation.Window, title: t('Bringing back results') },
          () => this.#recent.undo(clear),
        ));
      if (clear === undefined || done === undefined) {
        void tell(
          clear ? t('This clear can no longer be undone.') : t('There is no clear to undo.'),
        );
        return;
      }
      const { text, isWhole } = undoNotice(done, clear, languageOf(vscode));
      if (isWhole) this.#undone.add(clear);
      const show = isWhole ? tell : warn;
      void show(text);
    } catch (error) {
      await this.notices.failed(t('The clear was not undone'), error);
    }
  }
}
