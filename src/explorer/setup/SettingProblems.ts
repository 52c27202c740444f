import { isDeepStrictEqual } from 'node:util';
import * as vscode from 'vscode';
import { findRefusals } from '../../store/settings/refusals';
import type { Disposable } from '../../store/database/Watcher';
import type { Discovery } from '../tree/Discovery';
import { type Place, placed, type RefusedSetting } from '../tree/refusedSettings';

/** Several files may change at once, as with a checkout. */
const gatherMs = 200;
/** At the start the view goes first, which searches the workspace, too. */
const startMs = 1000;

/**
 * Settings of Cellar, in a project's file or the user's own, that are not followed: they are told at
 * their line, in VS Code's list of problems, and by a row of the view.
 */
export class SettingProblems implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  /** Fires when {@link all} has changed. */
  readonly onDidChange = this.changed.event;
  private readonly told = vscode.languages.createDiagnosticCollection('cellar');
  private readonly disposables: readonly Disposable[];
  private readonly logged = new Set<string>();
  private found: readonly RefusedSetting[] = [];
  private timer: NodeJS.Timeout | undefined;
  /** One look at a time: what a later one finds is newer. */
  private looking: Promise<void> = Promise.resolve();

  constructor(
    private readonly discovery: Discovery,
    private readonly report: (problem: unknown) => void,
  ) {
    this.disposables = [
      this.changed,
      this.told,
      discovery.onDidChange(() => {
        this.lookIn(gatherMs);
      }),
      {
        dispose: () => {
          clearTimeout(this.timer);
        },
      },
    ];
    this.lookIn(startMs);
  }

  /** As of the last look. */
  get all(): readonly RefusedSetting[] {
    return this.found;
  }

  /** Says what is wrong with a setting: where it stands, if it stands in a file. */
  async show({ file, place, message }: RefusedSetting): Promise<void> {
    if (file === undefined) {
      await vscode.window.showWarningMessage(message, { modal: true });
      return;
    }
    const editor = await vscode.window.showTextDocument(vscode.Uri.file(file));
    const range = rangeOf(place);
    editor.selection = new vscode.Selection(range.start, range.end);
    editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private lookIn(wait: number): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.looking = this.looking.then(() => this.look());
    }, wait);
  }

  private async look(): Promise<void> {
    try {
      const folders = await this.discovery.settingFolders();
      const each = await Promise.all(folders.map((folder) => findRefusals(folder)));
      const refusals = new Map(each.flat().map((refusal) => [refusal.message, refusal]));
      for (const message of refusals.keys()) {
        if (!this.logged.has(message)) this.report(message);
        this.logged.add(message);
      }
      const all = await Promise.all([...refusals.values()].map(placed));
      const found = all.filter((each) => each !== undefined);
      if (isDeepStrictEqual(found, this.found)) return;
      this.found = found;
      this.tell();
      this.changed.fire();
    } catch (error) {
      this.report(error);
    }
  }

  private tell(): void {
    const diagnosticOf = ({ place, message }: RefusedSetting) => {
      const severity = vscode.DiagnosticSeverity.Warning;
      const diagnostic = new vscode.Diagnostic(rangeOf(place), message, severity);
      diagnostic.source = 'Cellar';
      return diagnostic;
    };
    this.told.clear();
    for (const file of new Set(this.found.flatMap((each) => each.file ?? []))) {
      const here = this.found.filter((each) => each.file === file);
      this.told.set(vscode.Uri.file(file), here.map(diagnosticOf));
    }
  }
}

function rangeOf({ line, start, end }: Place): vscode.Range {
  return new vscode.Range(line, start, line, end);
}
