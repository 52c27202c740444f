import * as vscode from 'vscode';
import { type OverviewCommand, parseFromOverview, type ToOverview } from '../protocol/overview';
import { languageOf } from '../protocol/quantities';
import { type Budget, budgetOf } from '../store/settings/budget';
import type { Caches } from '../store/Caches';
import { type CacheFigures, overviewView } from './overviewView';
import { problemOf } from './problemOf';
import { showPage } from './showPage';

/** What the overview needs to know of the workspace. */
export interface OverviewSources {
  readonly extensionUri: vscode.Uri;
  readonly caches: Caches;
  /** Absolute paths of the databases that are shown. */
  readonly databases: () => Promise<readonly string[]>;
  /** A database as people know it. */
  readonly nameOf: (database: string) => string;
  /** Opens the file that a budget is set in. */
  readonly openSettings: () => Promise<void>;
  readonly report: (error: unknown) => void;
}

/** Changes within this time are shown together. */
const gatherMs = 1000;
/** Ages are told to the minute. */
const refreshMs = 60_000;

/** `Show Cache Overview`: one panel that tells what the caches take, save and give up. */
export class Overview implements vscode.Disposable {
  readonly #sources: OverviewSources;
  readonly #onDidChangeVisible = new vscode.EventEmitter<boolean>();
  /** While it can be seen, the caches are asked for changes. */
  readonly onDidChangeVisible = this.#onDidChangeVisible.event;
  #panel: vscode.WebviewPanel | undefined;
  #timer: NodeJS.Timeout | undefined;
  #updating: Promise<void> | undefined;

  constructor(sources: OverviewSources) {
    this.#sources = sources;
  }

  get visible(): boolean {
    return this.#panel?.visible === true;
  }

  /** Opens the panel, or brings it to the front. */
  show(): void {
    if (this.#panel !== undefined) {
      this.#panel.reveal();
      return;
    }
    const { extensionUri, caches } = this.#sources;
    const panel = vscode.window.createWebviewPanel(
      'cellar.overview',
      vscode.l10n.t('Cache Overview'),
      vscode.ViewColumn.Active,
    );
    this.#panel = panel;
    const ageing = setInterval(() => {
      this.#schedule();
    }, refreshMs);
    const disposables: { dispose(): unknown }[] = [
      caches.onDidChange(() => {
        this.#schedule();
      }),
      panel.onDidChangeViewState(() => {
        this.#onDidChangeVisible.fire(panel.visible);
        this.#schedule();
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => {
        this.#schedule();
      }),
      panel.webview.onDidReceiveMessage((message: unknown) => {
        this.#hear(message);
      }),
    ];
    panel.onDidDispose(() => {
      clearInterval(ageing);
      clearTimeout(this.#timer);
      this.#timer = undefined;
      for (const disposable of disposables) disposable.dispose();
      this.#panel = undefined;
      this.#onDidChangeVisible.fire(false);
    });
    showPage(panel, extensionUri, 'overview');
    this.#onDidChangeVisible.fire(true);
  }

  dispose(): void {
    this.#panel?.dispose();
    this.#onDidChangeVisible.dispose();
  }

  #hear(message: unknown): void {
    try {
      const parsed = parseFromOverview(message);
      if (parsed.type === 'ready') void this.#update();
      else this.#run(parsed.command);
    } catch (error) {
      this.#sources.report(error);
    }
  }

  #run(command: OverviewCommand): void {
    const { executeCommand } = vscode.commands;
    switch (command) {
      case 'prune':
        void executeCommand('cellar.pruneCache');
        break;
      case 'settings':
        this.#sources.openSettings().catch(this.#sources.report);
        break;
      case 'refresh':
        void this.#update();
    }
  }

  #schedule(): void {
    if (!this.visible || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#update();
    }, gatherMs);
  }

  /** One at a time; what changes meanwhile is for the next. */
  #update(): Promise<void> {
    this.#updating = (this.#updating ?? Promise.resolve()).then(() =>
      this.#read().catch(this.#sources.report),
    );
    return this.#updating;
  }

  async #read(): Promise<void> {
    const { caches, databases, nameOf, report } = this.#sources;
    const read: CacheFigures[] = [];
    const problems: string[] = [];
    const now = Date.now() / 1000;
    for (const database of await databases()) {
      try {
        const loader = await caches.existing(database);
        if (loader === undefined) continue;
        let budget: Budget = { size: undefined, setting: undefined, refusals: [] };
        const figures = await loader.figures({
          now,
          budget: async (used) => {
            budget = await budgetOf(database, used);
            return budget.size;
          },
        });
        read.push({ name: nameOf(database), figures, budget });
      } catch (error) {
        report(error);
        problems.push(problemOf(error, database).message);
      }
    }
    const view = overviewView(read, problems, {
      locale: languageOf(vscode),
      now,
      trusted: vscode.workspace.isTrusted,
      nameOf: (notebook) => vscode.workspace.asRelativePath(notebook),
    });
    await this.#panel?.webview.postMessage({ type: 'show', view } satisfies ToOverview);
  }
}
