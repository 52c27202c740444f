import * as vscode from 'vscode';
import { problemOf } from './problems';
import { withoutLinks } from './withoutLinks';

/**
 * Says something in a notification, as text: what a name in it looks like a link of is none.
 * @returns the choice that was taken
 */
export function tell(text: string, ...choices: string[]): Thenable<string | undefined> {
  return vscode.window.showInformationMessage(withoutLinks(text), ...choices);
}

/** The same as a warning. */
export function warn(text: string, ...choices: string[]): Thenable<string | undefined> {
  return vscode.window.showWarningMessage(withoutLinks(text), ...choices);
}

/** Tells people what went wrong and what they can do, and keeps the details in the log. */
export class Notices {
  constructor(private readonly log: vscode.LogOutputChannel) {}

  /** For faults of work that nobody waits for: they belong in the log alone. */
  readonly report = (error: unknown): void => {
    this.log.error(error instanceof Error ? error : String(error));
  };

  /** @param what the deed that failed, as a sentence without an end: "Clearing failed" */
  async failed(what: string, error: unknown): Promise<void> {
    this.report(error);
    const { message } = problemOf(error);
    const showLog = vscode.l10n.t('Show Log');
    const chosen = await vscode.window.showErrorMessage(
      withoutLinks(`${what}: ${message}`),
      showLog,
    );
    if (chosen === showLog) this.log.show();
  }

  /**
   * The commands that change something are greyed out in Restricted Mode; a link or a key binding
   * reaches them all the same.
   */
  async trusted(): Promise<boolean> {
    if (vscode.workspace.isTrusted) return true;
    const manage = vscode.l10n.t('Manage Workspace Trust');
    const chosen = await warn(
      vscode.l10n.t('In Restricted Mode Cellar changes nothing. Trust this workspace first.'),
      manage,
    );
    if (chosen === manage) await vscode.commands.executeCommand('workbench.trust.manage');
    return false;
  }
}
