import * as vscode from 'vscode';
import { parseToHost } from '../protocol/preview';
import type { Clearing, Command, ToHost, ToPage } from '../protocol/preview';
import { numberSetting } from '../protocol/settings';
import { inEditors, type OpenCells } from '../protocol/standing';
import { languageOf } from '../protocol/quantities';
import type { Caches } from '../store/Caches';
import type { Bookmarks } from './Bookmarks';
import { EntryReader, Unshowable } from './EntryReader';
import type { Decoder } from './EntryReader';
import { entryView, notebookName, type PreviewName, tabTitle } from './entryView';
import type { Identity } from './fate';
import { problemOf } from './problemOf';
import { showPage } from './showPage';
import { ShownEntry } from './ShownEntry';
import { noClearing, pageStrings, problems, waysOut } from './strings';

export interface PanelServices {
  readonly extensionUri: vscode.Uri;
  readonly caches: Caches;
  readonly newDecoder: () => Decoder;
  readonly log: vscode.LogOutputChannel;
  readonly bookmarks: Bookmarks;
  /** What open notebooks say of the cells of the cache. */
  readonly openCells: () => OpenCells;
  /** The panel has another name than before. */
  readonly onNamed: () => void;
  /** Shows another entry of the same cache. Its faults are reported there. */
  readonly show: (entryId: number) => Promise<void>;
}

/** Which entry a panel shows. */
export interface Subject {
  readonly cache: number;
  readonly entryId: number;
}

/** Ages are told to the minute. */
const refreshMs = 60_000;

/** A panel with one entry: tells the page what to show, and does what the page asks for. */
export class EntryPanel implements vscode.Disposable {
  readonly #panel: vscode.WebviewPanel;
  readonly #subject: Subject;
  readonly #services: PanelServices;
  readonly #requests = new Map<number, AbortController>();
  #expected: Identity | undefined;
  readonly #disposables: { dispose(): unknown }[] = [];
  #shown: ShownEntry | undefined;
  #ready = false;
  /** The value that the page is to select, until it says that it did: VS Code may have ended it just then. */
  #select: string | undefined;
  #refreshing: Promise<void> | undefined;
  #refreshAgain = false;
  #disposed = false;
  #name: PreviewName | undefined;

  /** @param expected where the subject was named in an earlier session */
  constructor(
    panel: vscode.WebviewPanel,
    subject: Subject,
    services: PanelServices,
    expected?: Identity,
  ) {
    this.#expected = expected;
    this.#panel = panel;
    this.#subject = subject;
    this.#services = services;
    const timer = setInterval(() => {
      this.refresh();
    }, refreshMs);
    this.#disposables.push(
      panel.webview.onDidReceiveMessage((message: unknown) => {
        this.#onMessage(message);
      }),
      panel.onDidDispose(() => {
        this.dispose();
      }),
      panel.onDidChangeViewState(() => {
        if (panel.visible) this.refresh();
        else this.#leave();
      }),
      services.caches.onDidChange((cache) => {
        this.refreshIfOf(cache);
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => {
        this.refresh();
      }),
      new vscode.Disposable(() => {
        clearInterval(timer);
      }),
    );
    showPage(panel, services.extensionUri, 'webview');
  }

  /** Brings the panel to the front, with the value `key` selected where one is given. */
  async reveal(key: string | undefined): Promise<void> {
    this.#panel.reveal();
    this.#expected = undefined;
    this.#select = key;
    const isNew = await this.#renew();
    // A page that is yet to come asks for all of this itself.
    if (!this.#ready) return;
    if (isNew) {
      this.#select = key;
      this.#begin();
    } else if (key !== undefined) {
      this.#post({ type: 'select', key });
    }
  }

  /** @returns whether the id belongs to another entry by now, or nothing could be shown before */
  async #renew(): Promise<boolean> {
    const shown = this.#shown;
    await shown?.refresh();
    if (shown !== undefined && !shown.isSupplanted) return false;
    this.#shown = undefined;
    await shown?.reader.close();
    return true;
  }

  /** `undefined` before anything could be shown. */
  get name(): PreviewName | undefined {
    return this.#name;
  }

  /** What stands in the panel's tab. */
  set tab(title: string) {
    if (this.#panel.title !== title) this.#panel.title = title;
  }

  /** Tells the page what has changed. Calls that come together are answered together. */
  refresh(): void {
    if (!this.#ready || this.#disposed) return;
    if (this.#refreshing !== undefined) {
      this.#refreshAgain = true;
      return;
    }
    this.#refreshing = this.#refresh().finally(() => {
      this.#refreshing = undefined;
      if (!this.#refreshAgain) return;
      this.#refreshAgain = false;
      this.refresh();
    });
  }

  /** @param cache the number of the database of which something is to be told anew */
  refreshIfOf(cache: number): void {
    if (cache === this.#subject.cache) this.refresh();
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#abortAll();
    for (const each of this.#disposables) each.dispose();
    void this.#shown?.reader.close();
    this.#panel.dispose();
  }

  #onMessage(received: unknown): void {
    let message: ToHost;
    try {
      message = parseToHost(received);
    } catch (error) {
      this.#report(error);
      return;
    }
    switch (message.type) {
      case 'ready':
        this.#begin();
        break;
      case 'page':
        void this.#page(message);
        break;
      case 'cancel':
        this.#requests.get(message.request)?.abort();
        break;
      case 'selected':
        if (message.key === this.#select) this.#select = undefined;
        break;
      case 'command':
        void this.#command(message.command);
        break;
      default:
        message satisfies never;
    }
  }

  /**
   * VS Code ends the page of a panel that nobody sees, and makes a new one when somebody does. What is
   * sent meanwhile it would keep until then, however much that is.
   */
  #leave(): void {
    this.#ready = false;
    this.#abortAll();
  }

  /** The page is new, or is to show another entry: nothing that the one before asked for counts. */
  #begin(): void {
    this.#ready = true;
    this.#abortAll();
    this.#post({ type: 'begin', locale: languageOf(vscode), strings: pageStrings() });
    if (this.#select !== undefined) this.#post({ type: 'select', key: this.#select });
    this.refresh();
  }

  async #refresh(): Promise<void> {
    try {
      const before = this.#shown;
      await before?.refresh();
      const shown = before ?? (await this.#find());
      if (this.#disposed || this.#shown !== before) {
        // Closed or begun anew meanwhile: what was found is nobody's.
        if (shown !== before) await shown?.reader.close();
        return;
      }
      if (shown === undefined) {
        const problem = { message: problems.entryGone(), wayOut: waysOut.runTheCell() };
        this.#post({ type: 'unavailable', problem: { ...problem, file: this.#path } });
      } else {
        this.#shown = shown;
        this.#tell(shown);
      }
    } catch (error) {
      this.#report(error);
      // What is already shown stays: the next change of the cache refreshes it.
      if (this.#shown === undefined) {
        this.#post({ type: 'unavailable', problem: problemOf(error, this.#path) });
      }
    }
  }

  get #path(): string | undefined {
    return this.#services.caches.path(this.#subject.cache);
  }

  async #find(): Promise<ShownEntry | undefined> {
    const { caches, newDecoder } = this.#services;
    const { cache, entryId } = this.#subject;
    const loader = await caches.get(cache);
    if (loader === undefined) return undefined;
    const newReader = (): EntryReader => {
      const reader = new EntryReader(loader, entryId, newDecoder(), {
        maxBatchSize,
        mayQuarantine: () => vscode.workspace.isTrusted,
        onCheck: () => {
          if (this.#shown?.reader === reader) this.#tell(this.#shown);
        },
        report: (error) => {
          this.#report(error);
        },
      });
      return reader;
    };
    return ShownEntry.find(loader, entryId, newReader, {
      expected: this.#expected,
      open: () => inEditors(this.#services.openCells()),
    });
  }

  #tell(shown: ShownEntry): void {
    const { entry, cell, app, items, siblings, fate } = shown;
    const { hash, createdAt, entryId } = entry;
    const database = this.#services.bookmarks.numberOf(shown.database);
    const bookmark = { database, entryId, hash, createdAt };
    const { checks } = shown.reader;
    const openCells = this.#services.openCells();
    const reader = {
      locale: languageOf(vscode),
      now: Date.now() / 1000,
      nameOf: (notebook: string) => vscode.workspace.asRelativePath(notebook),
    };
    const view = entryView(
      {
        ...{ entry, cell, app, items, siblings, checks, fate, bookmark, openCells },
        clearing: clearing(),
      },
      reader,
    );
    this.#name = {
      title: tabTitle(view, entry.current),
      notebook: app && notebookName(app, reader),
    };
    this.#services.onNamed();
    this.#post({ type: 'entry', entry: view });
  }

  async #page({ request, ...wanted }: Extract<ToHost, { type: 'page' }>): Promise<void> {
    const asked = new AbortController();
    this.#requests.set(request, asked);
    try {
      if (this.#shown === undefined) {
        const problem = { message: problems.entryGone(), wayOut: waysOut.runTheCell() };
        throw new Unshowable({ ...problem, file: this.#path });
      }
      const page = await this.#shown.reader.page(wanted, asked.signal);
      this.#post({ type: 'page', request, page });
    } catch (error) {
      if (asked.signal.aborted) this.#post({ type: 'cancelled', request });
      else {
        const problem = error instanceof Unshowable ? error.problem : problemOf(error, this.#path);
        this.#post({ type: 'failed', request, problem });
      }
    } finally {
      if (this.#requests.get(request) === asked) this.#requests.delete(request);
    }
  }

  async #command(command: Command): Promise<void> {
    if (command === 'showLog') return this.#execute('cellar.showLog');
    if (command === 'manageTrust') return this.#execute('workbench.trust.manage');
    if (this.#shown === undefined) return;
    const shown = this.#shown;
    if (!(await this.#isCellThere(shown))) {
      void vscode.window.showInformationMessage(vscode.l10n.t('It is no longer in the cache.'));
      return;
    }
    const { cache } = this.#subject;
    const { entry, cell, newer, generation } = shown;
    const ofCell = { kind: 'cell', cache, generation, cellId: cell.cellId } as const;
    switch (command) {
      case 'clearResult': {
        const { entryId, hash } = entry;
        return this.#execute('cellar.clearResult', {
          kind: 'entry',
          cache,
          generation,
          entryId,
          hash,
        });
      }
      case 'clearCell':
        return this.#execute('cellar.clearCellCache', ofCell);
      case 'clearApp':
        return this.#execute('cellar.clearAppCache', {
          kind: 'app',
          cache,
          generation,
          appId: cell.appId,
        });
      case 'revealCell':
        return this.#execute('cellar.revealCell', ofCell);
      case 'showNewer':
        if (newer === undefined) return;
        await this.#services.show(newer.entryId);
        // It takes this panel's place. One that was given the id of ours is shown in this very panel.
        if (newer.entryId !== entry.entryId) this.dispose();
    }
  }

  /** Where the cache was replaced since, the id would be another cell's. */
  async #isCellThere(shown: ShownEntry): Promise<boolean> {
    try {
      await shown.refresh();
      return shown.isCellThere;
    } catch (error) {
      this.#report(error);
      return false;
    }
  }

  async #execute(command: string, ...values: unknown[]): Promise<void> {
    try {
      await vscode.commands.executeCommand(command, ...values);
    } catch (error) {
      this.#report(error);
    }
  }

  #abortAll(): void {
    for (const asked of this.#requests.values()) asked.abort();
    this.#requests.clear();
  }

  #post(message: ToPage): void {
    if (this.#ready && !this.#disposed) void this.#panel.webview.postMessage(message);
  }

  #report(error: unknown): void {
    this.#services.log.error(error instanceof Error ? error : String(error));
  }
}

function maxBatchSize(): number {
  const settings = vscode.workspace.getConfiguration('cellar');
  return numberSetting(settings.get<unknown>('preview.maxBatchSize'), 1, 64) * 1e6;
}

function clearing(): Clearing {
  return vscode.workspace.isTrusted
    ? { kind: 'allowed' }
    : { kind: 'restricted', reason: noClearing() };
}
