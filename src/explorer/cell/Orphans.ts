import * as vscode from 'vscode';
import type { Caches } from '../../store/Caches';
import type { Disposable } from '../../store/database/Watcher';
import { textsOf } from './isNotebook';
import type { ShownCells } from './ShownCells';

/**
 * The cells with results that open notebooks have no more, as the language server says. The cache
 * learns of them only when a kernel runs the notebook.
 */
export class Orphans implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<number>();
  /** Fires with the number of the cache whose orphans are others now. */
  readonly onDidChange = this.changed.event;
  /** By URI of the notebook's file. */
  private readonly known = new Map<string, { cache: number; cells: readonly number[] }>();
  private readonly disposables: readonly Disposable[];

  constructor(
    private readonly shown: ShownCells,
    private readonly caches: Caches,
  ) {
    this.disposables = [
      this.changed,
      shown.onDidChangeCells((uri) => void this.update(uri)),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => void this.update(uri.toString())),
      vscode.workspace.onDidCloseNotebookDocument(({ uri }) => void this.update(uri.toString())),
    ];
  }

  /** @param cache the number of a database */
  in(cache: number): ReadonlySet<number> {
    const known = [...this.known.values()].filter((each) => each.cache === cache);
    return new Set(known.flatMap(({ cells }) => cells));
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private async update(notebook: string): Promise<void> {
    const before = this.known.get(notebook);
    const found = await Promise.all(textsOf(notebook).map((uri) => this.shown.cells(uri)));
    const [answer] = found.filter((each) => each?.database !== undefined);
    if (answer?.database === undefined || answer.orphaned.length === 0) {
      this.known.delete(notebook);
      if (before) this.changed.fire(before.cache);
      return;
    }
    const now = { cache: this.caches.number(answer.database), cells: answer.orphaned };
    if (JSON.stringify(before) === JSON.stringify(now)) return;
    this.known.set(notebook, now);
    this.changed.fire(now.cache);
  }
}
