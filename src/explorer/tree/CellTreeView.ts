import * as vscode from 'vscode';
import type { Caches } from '../../store/Caches';
import type { Disposable } from '../../store/database/Watcher';
import type { Branch, CellTree } from './CellTree';
import type { Discovery } from './Discovery';
import { referenceOf } from './nodes';
import { besideLabel, type Tooltip, tooltipMarkdown } from './row';
import { type State, stateOf } from './state';

/** Changes within this time are shown together; half a second is what a follower is promised. */
const gatherMs = 150;
/**
 * An empty view waits for a first cache. VS Code's watcher loses folders that appear while it starts,
 * and brings no news at all from network mounts and containers.
 */
const glanceMs = 2000;
/** Ages go stale: they are told in minutes. */
const ageMs = 20_000;
/** What nobody tells of, as another program that takes a notebook away. */
const lookMs = 60_000;

/**
 * The view `cellar.cells`. It reads only while it can be seen, and redraws only what changed, so that
 * a kernel that saves a hundred entries a second costs a few reads.
 */
export class CellTreeView implements vscode.TreeDataProvider<Branch>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<Branch | undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  readonly onDidChangeVisibility: vscode.Event<unknown>;
  readonly onDidChangeSelection: vscode.Event<unknown>;
  private readonly disposables: Disposable[] = [this.changed];

  /** What to look at again at the next opportunity: where the caches are, all of them, or some. */
  private readonly due = { scan: true, all: true, caches: new Set<number>() };
  private searched = false;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private glimpsed: string | undefined;
  private said: { readonly state: State; readonly message: string } | undefined;

  constructor(
    private readonly view: vscode.TreeView<Branch>,
    private readonly tree: CellTree,
    private readonly discovery: Discovery,
    private readonly caches: Caches,
    private readonly report: (error: unknown) => void,
  ) {
    this.onDidChangeVisibility = this.view.onDidChangeVisibility;
    this.onDidChangeSelection = this.view.onDidChangeSelection;
    const ageing = setInterval(() => {
      if (this.visible) for (const branch of this.tree.age()) this.changed.fire(branch);
    }, ageMs);
    const looking = setInterval(() => {
      if (this.visible) void this.refresh();
    }, lookMs);
    const glancing = setInterval(() => {
      if (this.visible && this.tree.contents?.apps === 0) void this.glance();
    }, glanceMs);
    const lookAtAll = () => {
      this.lookAtAll();
    };
    const notebooks = vscode.workspace.createFileSystemWatcher('**/*.py', false, true, false);
    const lookAtNotebook = ({ fsPath }: vscode.Uri) => {
      if (this.tree.isNotebook(fsPath)) this.lookAtAll();
    };
    this.disposables.push(
      // A notebook that is deleted or renamed is marked at once; by another program with its folder,
      // or outside of the workspace, within a minute.
      notebooks,
      notebooks.onDidCreate(lookAtNotebook),
      notebooks.onDidDelete(lookAtNotebook),
      vscode.workspace.onDidDeleteFiles(lookAtAll),
      vscode.workspace.onDidRenameFiles(lookAtAll),
      {
        dispose: () => {
          clearInterval(ageing);
          clearInterval(looking);
          clearInterval(glancing);
          clearTimeout(this.timer);
        },
      },
      this.view.onDidCollapseElement(({ element }) => {
        this.tree.forget(element);
      }),
      this.view.onDidChangeVisibility(() => {
        this.schedule();
      }),
      discovery.onDidChange(() => {
        this.due.scan = true;
        this.schedule();
      }),
      caches.onDidChange((cache, change) => {
        if (change === 'committed') this.due.caches.add(cache);
        else this.due.scan = true;
        this.schedule();
      }),
    );
  }

  get visible(): boolean {
    return this.view.visible;
  }

  /** What is selected, whether or not the view can be seen. */
  get selection(): readonly Branch[] {
    return this.view.selection;
  }

  /** Reads what is shown of a cache again, by its number, though nobody wrote to it. */
  lookAgain(cache: number): void {
    this.due.caches.add(cache);
    this.schedule();
  }

  /** Reads everything that is shown again: something beside the caches has changed. */
  lookAtAll(): void {
    this.due.all = true;
    this.schedule();
  }

  /** Looks for caches and reads them again, whatever is known of them. */
  async refresh(): Promise<void> {
    this.due.scan = this.due.all = true;
    await this.update();
  }

  async getChildren(parent?: Branch): Promise<Branch[]> {
    const children =
      parent === undefined && this.due.scan ? await this.first() : await this.tree.children(parent);
    if (parent === undefined) this.say();
    if (this.tree.isShort) {
      this.due.all = true;
      this.schedule();
    }
    return [...children];
  }

  /**
   * Opens the caches that lie at hand and reads them once, so that they are shown as soon as the view
   * is asked for: of that time most goes into opening a database, and into the first words.
   * @returns what can be shown before the workspace has been searched
   */
  async prepare(): Promise<readonly Branch[]> {
    const found = await this.discovery.glance();
    if (this.searched) return [];
    this.tree.setFound(found);
    return this.tree.children();
  }

  getParent(branch: Branch): Branch | undefined {
    return this.tree.parentOf(branch);
  }

  /** Shows the view with a notebook unfolded; without it where nothing of it is cached. */
  async reveal(notebook: string): Promise<void> {
    await vscode.commands.executeCommand('cellar.cells.focus');
    // What is redrawn behind a reveal would fold it again.
    await this.refresh();
    const branch = await this.tree.notebook(notebook);
    if (branch) await this.view.reveal(branch, { select: true, focus: true, expand: true });
  }

  /**
   * @param cleared rows that are about to go
   * @returns puts the keyboard on the row beside them: once theirs is gone, VS Code begins again at the top
   */
  placeBeside(cleared: readonly Branch[]): () => Promise<void> {
    const beside = this.tree.beside(cleared);
    return async () => {
      if (!this.visible || !this.tree.has(beside)) return;
      await this.view.reveal(beside, { select: true, focus: true });
    };
  }

  getTreeItem(branch: Branch): vscode.TreeItem {
    const { node, row } = branch;
    const item = new vscode.TreeItem(
      row.label,
      row.expandable
        ? node.kind === 'folder'
          ? vscode.TreeItemCollapsibleState.Expanded
          : vscode.TreeItemCollapsibleState.Collapsed
        : vscode.TreeItemCollapsibleState.None,
    );
    item.id = row.id;
    item.description = besideLabel(row);
    item.contextValue = row.context;
    item.accessibilityInformation = { label: row.spoken };
    item.iconPath = new vscode.ThemeIcon(
      row.icon.name,
      row.icon.color === undefined ? undefined : new vscode.ThemeColor(row.icon.color),
    );
    if (node.kind === 'item') {
      item.command = {
        command: 'cellar.preview',
        title: vscode.l10n.t('Preview'),
        arguments: [referenceOf(node)],
      };
    } else if (['problem', 'setAside', 'setting'].includes(node.kind)) {
      item.command = {
        command: 'cellar.explainProblem',
        title: vscode.l10n.t('What Can I Do?'),
        arguments: [branch],
      };
    }
    return item;
  }

  /** VS Code looks through a tooltip's Markdown as it takes it: only the one that is to be read is made. */
  resolveTreeItem(item: vscode.TreeItem, { row }: Branch): vscode.TreeItem {
    item.tooltip = markdown(row.tooltip);
    return item;
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  /** Where nothing is at hand the search is waited for: the view must not say that there is nothing. */
  private async first(): Promise<readonly Branch[]> {
    const atHand = await this.prepare();
    if (atHand.length === 0) {
      await this.scan();
      return this.tree.children();
    }
    this.schedule();
    return atHand;
  }

  private schedule(): void {
    if (!this.visible || this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.update();
    }, gatherMs);
  }

  private async glance(): Promise<void> {
    const seen = await this.discovery.glimpse();
    if (seen === this.glimpsed) return;
    this.glimpsed = seen;
    this.due.scan = this.due.all = true;
    this.schedule();
  }

  /** One update at a time; what becomes due meanwhile is for the next. */
  private update(): Promise<void> {
    this.running = this.running.then(async () => {
      try {
        await this.readWhatIsDue();
      } catch (error) {
        this.report(error);
      }
    });
    return this.running;
  }

  private async readWhatIsDue(): Promise<void> {
    const { scan, all } = this.due;
    const caches = [...this.due.caches];
    this.due.all = false;
    this.due.caches.clear();
    if (scan) await this.scan();
    const changed = new Set<Branch | undefined>();
    for (const cache of scan || all ? [undefined] : caches) {
      for (const branch of await this.tree.refresh(cache)) changed.add(branch);
    }
    this.say();
    if (changed.has(undefined)) this.changed.fire(undefined);
    else for (const branch of changed) this.changed.fire(branch);
  }

  private async scan(): Promise<void> {
    this.due.scan = false;
    this.searched = true;
    // VS Code takes its time to search the workspace: most often what it finds is open by then.
    this.openLikely().catch(this.report);
    this.tree.setFound(await this.discovery.scan());
  }

  private async openLikely(): Promise<void> {
    const opened = (await this.discovery.likely()).map((database) =>
      this.caches.existing(database),
    );
    // What ails one that does not open is told by its node in the tree.
    await Promise.allSettled(opened);
  }

  /** The words of an empty view: VS Code shows those of the manifest by this key. */
  private say(): void {
    const { contents } = this.tree;
    if (contents === undefined) return;
    const state = stateOf(contents);
    const unsupported = contents.problems.find(({ problem }) => problem.kind === 'unsupported');
    // The manifest's words are shown only while there is no message.
    const message =
      unsupported === undefined
        ? ''
        : vscode.l10n.t(
            '{0}, so the caches of this workspace cannot be read. Install the build of Cellar for this platform. The log has the details.',
            unsupported.problem.title,
          );
    // Each of them is a message to the window, whether or not it tells it anything.
    if (this.said?.state !== state) {
      void vscode.commands.executeCommand('setContext', 'cellar.state', state);
    }
    if (this.said?.message !== message) this.view.message = message;
    this.said = { state, message };
  }
}

function markdown(tooltip: Tooltip): vscode.MarkdownString {
  // Neither trusted nor with HTML: titles and code come from files.
  const text = new vscode.MarkdownString(tooltipMarkdown(tooltip));
  if (tooltip.code !== undefined) text.appendCodeblock(tooltip.code, 'python');
  return text;
}
