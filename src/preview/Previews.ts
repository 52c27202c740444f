import * as vscode from 'vscode';
import { parseBookmark } from '../protocol/preview';
import type { EntryReference } from '../protocol/references';
import type { OpenCells } from '../protocol/standing';
import type { Caches } from '../store/Caches';
import { Bookmarks } from './Bookmarks';
import { EntryPanel } from './EntryPanel';
import type { Subject } from './EntryPanel';
import type { Decoder } from './EntryReader';
import { tabTitles } from './entryView';
import type { Identity } from './fate';
import { viewType } from './viewType';

export interface PreviewsOptions {
  readonly extensionUri: vscode.Uri;
  readonly caches: Caches;
  /** A decoder of its own for each panel; its thread starts when the first value is read. */
  readonly newDecoder: () => Decoder;
  readonly log: vscode.LogOutputChannel;
  /** What open notebooks say of the cells of a cache, by its number. */
  readonly openCells: (cache: number) => OpenCells;
  /** The workspace's, where previews find their databases again after a reload. */
  readonly memento: vscode.Memento;
}

/** The open previews: one panel for each entry. */
export class Previews implements vscode.Disposable, vscode.WebviewPanelSerializer {
  readonly #options: PreviewsOptions;
  readonly #bookmarks: Bookmarks;
  readonly #panels = new Map<string, EntryPanel>();
  readonly #visible = new Set<vscode.WebviewPanel>();
  readonly #onDidChangeVisible = new vscode.EventEmitter<boolean>();

  /** Whether any preview can be seen: while one can, the caches are asked for changes. */
  readonly onDidChangeVisible = this.#onDidChangeVisible.event;

  constructor(options: PreviewsOptions) {
    this.#options = options;
    this.#bookmarks = new Bookmarks(options.memento);
  }

  /** Whether any preview can be seen now. */
  get visible(): boolean {
    return this.#visible.size > 0;
  }

  /**
   * Shows an entry, with the value that the reference names selected. One that is shown already is brought
   * to the front. Whoever calls knows that its database is still there.
   */
  async show({ cache, entryId, key }: Omit<EntryReference, 'generation'>): Promise<void> {
    const subject = { cache, entryId };
    let shown = this.#panels.get(nameOf(subject));
    if (shown === undefined) {
      const panel = vscode.window.createWebviewPanel(viewType, 'Cellar', vscode.ViewColumn.Active);
      shown = this.#add(panel, subject);
    }
    await shown.reveal(key);
  }

  /** VS Code restores a panel of an earlier session. */
  deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const bookmark = parseBookmark(state);
    const database = bookmark && this.#bookmarks.databaseOf(bookmark.database);
    if (bookmark === undefined || database === undefined) {
      panel.dispose();
      return Promise.resolve();
    }
    const cache = this.#options.caches.number(database);
    this.#add(panel, { cache, entryId: bookmark.entryId }, bookmark);
    return Promise.resolve();
  }

  /** What open notebooks say of the cells of a cache, by its number, has changed. */
  refresh(cache: number): void {
    for (const panel of this.#panels.values()) panel.refreshIfOf(cache);
  }

  dispose(): void {
    for (const panel of [...this.#panels.values()]) panel.dispose();
    this.#onDidChangeVisible.dispose();
  }

  #add(panel: vscode.WebviewPanel, subject: Subject, expected?: Identity): EntryPanel {
    const { extensionUri, caches, newDecoder, log, openCells } = this.#options;
    const { cache } = subject;
    const services = {
      extensionUri,
      caches,
      newDecoder,
      log,
      bookmarks: this.#bookmarks,
      openCells: () => openCells(cache),
      onNamed: () => {
        this.#nameTabs();
      },
      show: (entryId: number) =>
        this.show({ kind: 'entry', cache, entryId }).catch((error: unknown) => {
          log.error(error instanceof Error ? error : String(error));
        }),
    };
    const made = new EntryPanel(panel, subject, services, expected);
    const name = nameOf(subject);
    this.#panels.set(name, made);
    this.#see(panel, panel.visible);
    panel.onDidChangeViewState(() => {
      this.#see(panel, panel.visible);
    });
    panel.onDidDispose(() => {
      if (this.#panels.get(name) === made) this.#panels.delete(name);
      this.#nameTabs();
      this.#see(panel, false);
    });
    return made;
  }

  /** A tab says its notebook for as long as there is another one to take it for. */
  #nameTabs(): void {
    const named = [...this.#panels.values()].flatMap((panel) => {
      const { name } = panel;
      return name === undefined ? [] : [{ panel, name }];
    });
    const titles = tabTitles(named.map(({ name }) => name));
    for (const [index, { panel, name }] of named.entries()) panel.tab = titles[index] ?? name.title;
  }

  #see(panel: vscode.WebviewPanel, visible: boolean): void {
    const before = this.visible;
    if (visible) this.#visible.add(panel);
    else this.#visible.delete(panel);
    if (before !== this.visible) this.#onDidChangeVisible.fire(this.visible);
  }
}

function nameOf({ cache, entryId }: Subject): string {
  return `${cache}/${entryId}`;
}
