import * as vscode from 'vscode';
import { doubtAt, type OpenCells } from '../../protocol/standing';
import type { Caches } from '../../store/Caches';
import type { Disposable } from '../../store/database/Watcher';
import { textsOf } from './isNotebook';
import { type Said, SaidOfCells } from './SaidOfCells';
import type { ShownCells } from './ShownCells';

/**
 * The cells of each cache as open notebooks have them, as the language server says. The cache learns of
 * what is gone or changed only when a kernel runs the notebook, and of what is disabled never.
 */
export class CellsOfEditors implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<number>();
  /** Fires with the number of the cache of which something else is said now. */
  readonly onDidChange = this.changed.event;
  private readonly said = new SaidOfCells();
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
    return this.said.in(cache);
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private async update(notebook: string): Promise<void> {
    for (const cache of await this.said.take(notebook, this.ask(notebook))) {
      this.changed.fire(cache);
    }
  }

  private async ask(notebook: string): Promise<Said | undefined> {
    const found = await Promise.all(textsOf(notebook).map((uri) => this.shown.cells(uri)));
    const answer = found.find((each) => each?.database !== undefined);
    if (answer?.database === undefined) return undefined;
    const doubts = answer.cells.flatMap((cell) => {
      const doubt = doubtAt(cell);
      return cell.cellId === undefined || doubt === undefined
        ? []
        : [[cell.cellId, doubt] as const];
    });
    const { orphaned, returned, earlier } = answer;
    if ([orphaned, returned, earlier, doubts].every((said) => said.length === 0)) return undefined;
    return { cache: this.caches.number(answer.database), orphaned, returned, earlier, doubts };
  }
}
