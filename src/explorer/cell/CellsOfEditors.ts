import * as vscode from 'vscode';
import type { OpenCells } from '../../protocol/standing';
import type { Caches } from '../../store/Caches';
import type { Disposable } from '../../store/database/Watcher';
import { textsOf } from './isNotebook';
import type { ShownCells } from './ShownCells';

/**
 * The cells of each cache as open notebooks have them, as the language server says. The cache learns of
 * what is gone only when a kernel runs the notebook, and of what is disabled never.
 */
export class CellsOfEditors implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<number>();
  /** Fires with the number of the cache of which something else is said now. */
  readonly onDidChange = this.changed.event;
  /** By URI of the notebook's file. */
  private readonly known = new Map<
    string,
    {
      readonly cache: number;
      readonly orphaned: readonly number[];
      readonly disabled: readonly (readonly [number, string])[];
    }
  >();
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
  in(cache: number): OpenCells {
    const known = [...this.known.values()].filter((each) => each.cache === cache);
    return {
      orphaned: new Set(known.flatMap(({ orphaned }) => orphaned)),
      disabled: new Map(known.flatMap(({ disabled }) => disabled)),
    };
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private async update(notebook: string): Promise<void> {
    const before = this.known.get(notebook);
    const found = await Promise.all(textsOf(notebook).map((uri) => this.shown.cells(uri)));
    const [answer] = found.filter((each) => each?.database !== undefined);
    const disabled = (answer?.cells ?? []).flatMap(({ cellId, state, reason }) =>
      state === 'disabled' && cellId !== undefined ? [[cellId, reason] as const] : [],
    );
    if (answer?.database === undefined || (answer.orphaned.length === 0 && disabled.length === 0)) {
      this.known.delete(notebook);
      if (before) this.changed.fire(before.cache);
      return;
    }
    const cache = this.caches.number(answer.database);
    const now = { cache, orphaned: answer.orphaned, disabled };
    if (JSON.stringify(before) === JSON.stringify(now)) return;
    this.known.set(notebook, now);
    this.changed.fire(cache);
  }
}
