import path from 'node:path';
import * as vscode from 'vscode';
import type { DatabaseReference, EntryReference } from '../../protocol/references';
import { numberSetting } from '../../protocol/settings';
import { languageOf } from '../../protocol/quantities';
import type { Caches } from '../../store/Caches';
import type { ClearTarget } from '../../store/rows';
import type { SqliteLoader } from '../../store/SqliteLoader';
import { needsConfirmation, notice, question, stakeOf, sum, sumPlans } from './clearing';
import { findCode } from './findCode';
import { isCellNotebook } from '../cell/isNotebook';
import { cellLabel } from '../tree/nodeRow';
import { mainEntry, referenceOf } from '../tree/nodes';
import { type Notices, tell, warn } from '../Notices';
import type { RecentClear } from './RecentClears';
import {
  type AppTarget,
  type CellTarget,
  type DocumentCells,
  type Targets,
  describe,
  given,
} from './Targets';
import type { UndoClear } from './UndoClear';

/** What shows a cached result; the preview, as this room knows it. */
export interface Preview {
  show(reference: EntryReference): unknown;
}

/** What is to be cleared, as people call it. */
interface Cleared extends DatabaseReference {
  readonly name: string;
  readonly target: ClearTarget;
}

/** The commands on what is cached: clear it, look at it, go to where it comes from. */
export class CacheCommands implements vscode.Disposable {
  private readonly disposables: readonly vscode.Disposable[];

  constructor(
    private readonly caches: Caches,
    private readonly targets: Targets,
    private readonly documents: DocumentCells,
    private readonly preview: Preview,
    private readonly notices: Notices,
    private readonly undoClear: UndoClear,
  ) {
    const { t } = vscode.l10n;
    const register = (
      command: string,
      failure: string,
      run: (argument: unknown, others: unknown) => Promise<void>,
    ) =>
      vscode.commands.registerCommand(command, async (...args: unknown[]) => {
        try {
          await run(...given(args));
        } catch (error) {
          await this.notices.failed(failure, error);
        }
      });
    this.disposables = [
      register('cellar.clearCellCache', t('Clearing failed'), (argument, others) =>
        this.clearCells(argument, others),
      ),
      register('cellar.clearAppCache', t('Clearing failed'), (argument, others) =>
        this.clearApps(argument, others),
      ),
      register('cellar.clearSelected', t('Clearing failed'), () => this.clearSelected()),
      register('cellar.preview', t('The preview cannot be shown'), (argument, others) =>
        this.show(argument, others),
      ),
      register('cellar.openNotebook', t('The notebook cannot be opened'), (argument, others) =>
        this.openNotebook(argument, others),
      ),
      register('cellar.revealCell', t('The cell cannot be shown'), (argument, others) =>
        this.reveal(argument, others),
      ),
    ];
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private async clearCells(argument: unknown, others: unknown): Promise<void> {
    if (!(await this.notices.trusted())) return;
    const cells = await this.targets.cells(argument, others, vscode.l10n.t('Clear Cell Cache'));
    if (cells !== undefined) await this.clear(cells.map(ofCell));
  }

  private async clearApps(argument: unknown, others: unknown): Promise<void> {
    if (!(await this.notices.trusted())) return;
    const apps = await this.targets.apps(argument, others, vscode.l10n.t('Clear App Cache'));
    if (apps !== undefined) await this.clear(apps.map(ofApp));
  }

  /**
   * What the Delete key does in the view. The arrow keys move on without selecting, and VS Code tells what is
   * selected, not where they are: so that nobody clears another row than they look at, this always asks.
   */
  private async clearSelected(): Promise<void> {
    if (!(await this.notices.trusted())) return;
    const rows = this.targets.selected.filter(({ node }) => referenceOf(node) !== undefined);
    const whole = rows.filter(({ node }) => node.kind === 'app');
    const parts = rows.filter(({ node }) => node.kind !== 'app');
    const apps = whole.length > 0 ? ((await this.targets.apps(whole[0], whole, '')) ?? []) : [];
    const cells = parts.length > 0 ? ((await this.targets.cells(parts[0], parts, '')) ?? []) : [];
    const others = cells.filter(
      (cell) =>
        !apps.some(({ cache, app }) => cache === cell.cache && app.appId === cell.app.appId),
    );
    const all = [...apps.map(ofApp), ...others.map(ofCell)];
    if (all.length === 0) return;
    const goBeside = this.targets.placeBeside(rows);
    if (await this.clear(all, 'always')) await goBeside();
  }

  /** @returns whether it was done */
  private async clear(
    targets: readonly Cleared[],
    ask: 'where it costs' | 'always' = 'where it costs',
  ): Promise<boolean> {
    const names = targets.map(({ name }) => name);
    const each = async <T>(
      act: (
        loader: SqliteLoader,
        targets: readonly ClearTarget[],
        generation: string,
      ) => Promise<T>,
    ): Promise<T[]> => {
      const done: T[] = [];
      const keyOf = ({ cache, generation }: DatabaseReference) => `${cache} ${generation}`;
      const databases = new Map(targets.map((target) => [keyOf(target), target]));
      for (const [key, { cache, generation }] of databases) {
        const loader = await this.caches.get(cache);
        if (loader === undefined) continue;
        const here = targets.filter((target) => keyOf(target) === key);
        const of = here.map(({ target }) => target);
        done.push(await act(loader, of, generation));
      }
      return done;
    };
    const locale = languageOf(vscode);
    const stake = stakeOf(await each((loader, here) => loader.stake(here)));
    if (stake.entries === 0) {
      void tell(vscode.l10n.t('Nothing is cached for {0}.', names.join(', ')));
      return false;
    }
    const settings = vscode.workspace.getConfiguration('cellar');
    const limit = numberSetting(settings.get<unknown>('confirmClearAbove'), 0, 10);
    if (ask === 'always' || needsConfirmation(stake, limit)) {
      const plan = sumPlans(await each((loader, here) => loader.planClear(here)));
      const { title, detail, yes } = question(plan, names, locale);
      const answer = await vscode.window.showWarningMessage(title, { modal: true, detail }, yes);
      if (answer !== yes) return false;
    }
    const undos: RecentClear['undos'][number][] = [];
    const clear = async (
      loader: SqliteLoader,
      here: readonly ClearTarget[],
      generation: string,
    ) => {
      // Its ids may be another cell's where the cache was replaced while the question stood.
      const { clearance, undo } = await loader.clearUndoably(here, generation);
      if (undo !== undefined) undos.push(undo);
      return { clearance, isKept: undo !== undefined };
    };
    try {
      const done = await vscode.window.withProgress(
        {
          location: vscode.ProgressLocation.Window,
          title: vscode.l10n.t('Clearing cached results'),
        },
        () => each(clear),
      );
      const clearance = sum(done.map((each) => each.clearance));
      const told = notice(clearance, names, locale);
      if (done.every(({ isKept }) => isKept)) {
        void this.undoClear.offer(told, { names, cells: clearance.cells, undos });
      } else {
        void tell(told);
        // Half of it back is no undo.
        for (const undo of undos) await undo.forget();
      }
      return true;
    } catch (error) {
      // The first of several databases are cleared.
      if (undos.length > 0) this.undoClear.add({ names, cells: stake.cells, undos });
      throw error;
    }
  }

  private async show(argument: unknown, others: unknown): Promise<void> {
    const results = await this.targets.results(argument, others);
    if (results === undefined) return;
    const [result] = results;
    if (result !== undefined) {
      await this.preview.show(result);
      return;
    }
    const target = await this.targets.cell(argument, others, vscode.l10n.t('Preview'));
    if (target === undefined) return;
    const loader = await this.caches.get(target.cache);
    const entry = mainEntry((await loader?.entries(target.cell.cellId)) ?? []);
    if (entry === undefined) {
      void tell(vscode.l10n.t('Nothing is cached for {0}.', describe(target)));
      return;
    }
    const { cache, generation } = target;
    await this.preview.show({ kind: 'entry', cache, generation, entryId: entry.entryId });
  }

  private async openNotebook(argument: unknown, others: unknown): Promise<void> {
    const title = vscode.l10n.t('Open Notebook');
    const [target] = (await this.targets.apps(argument, others, title)) ?? [];
    if (target !== undefined) await this.open(target.app.notebook);
  }

  private async reveal(argument: unknown, others: unknown): Promise<void> {
    const title = vscode.l10n.t('Reveal Cell in Notebook');
    const target = await this.targets.cell(argument, others, title);
    if (target === undefined) return;
    if (await this.revealInNotebook(target)) return;
    const editor = await this.open(target.app.notebook);
    if (editor === undefined) return;
    const range = await this.place(target, editor.document);
    if (range === undefined) {
      void tell(vscode.l10n.t('{0} is no longer in the notebook.', cellLabel(target.cell)));
      return;
    }
    editor.selection = new vscode.Selection(range.start, range.start);
    editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  }

  /** @returns whether the notebook is shown in marimo's own editor, and has the cell */
  private async revealInNotebook({ cache, cell, app }: CellTarget): Promise<boolean> {
    const shown = vscode.window.visibleNotebookEditors.find(
      ({ notebook }) => isCellNotebook(notebook) && notebook.uri.fsPath === app.notebook,
    );
    if (!shown || shown.notebook.cellCount === 0) return false;
    const { notebook } = shown;
    const result = await this.documents.cells(notebook.cellAt(0).document.uri.toString());
    if (result?.database !== this.caches.path(cache)) return false;
    const text = result?.cells.find(({ cellId }) => cellId === cell.cellId)?.uri;
    const index = notebook.getCells().findIndex(({ document }) => document.uri.toString() === text);
    if (index === -1) return false;
    const range = new vscode.NotebookRange(index, index + 1);
    const viewColumn = shown.viewColumn ?? vscode.ViewColumn.Active;
    const editor = await vscode.window.showNotebookDocument(notebook, {
      viewColumn,
      selections: [range],
    });
    editor.revealRange(range, vscode.NotebookEditorRevealType.InCenterIfOutsideViewport);
    return true;
  }

  /** Where a cell stands: as the server says, or else where its code is as it was saved. */
  private async place(
    { cell, cache }: CellTarget,
    document: vscode.TextDocument,
  ): Promise<vscode.Range | undefined> {
    const result = await this.documents.cells(document.uri.toString());
    if (result?.database !== undefined && result.database === this.caches.path(cache)) {
      const found = result.cells.find(({ cellId }) => cellId === cell.cellId);
      if (found !== undefined) {
        const { start, end } = found.range;
        return new vscode.Range(start.line, start.character, end.line, end.character);
      }
    }
    const line = findCode(document.getText(), cell.code);
    return line === undefined ? undefined : document.lineAt(line).range;
  }

  private async open(notebook: string): Promise<vscode.TextEditor | undefined> {
    const uri = vscode.Uri.file(notebook);
    try {
      await vscode.workspace.fs.stat(uri);
    } catch {
      void warn(
        vscode.l10n.t(
          '{0} is gone, or renamed. Its cache stays until cleared.',
          path.basename(notebook),
        ),
      );
      return undefined;
    }
    return vscode.window.showTextDocument(uri);
  }
}

function ofCell(target: CellTarget): Cleared {
  const { cache, generation, cell } = target;
  return {
    cache,
    generation,
    name: describe(target),
    target: { kind: 'cell', cellId: cell.cellId },
  };
}

function ofApp({ cache, generation, app }: AppTarget): Cleared {
  return { cache, generation, name: describe({ app }), target: { kind: 'app', appId: app.appId } };
}
