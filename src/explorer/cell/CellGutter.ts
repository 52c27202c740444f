import path from 'node:path';
import * as vscode from 'vscode';
import type { DocumentCell } from '../../protocol/cells';
import { notebookOfCell } from './isNotebook';
import type { ShownCells } from './ShownCells';

/** The marks, by the names of their pictures in `media`. Each has a shape of its own, as well as a colour. */
const marks = ['fresh', 'changed', 'upstream', 'refused'] as const;
type Mark = (typeof marks)[number];

/** A mark beside the first line of each cell of which something is cached. */
export class CellGutter implements vscode.Disposable {
  /** How often each editor was to be marked: an answer that comes after a later one is out of date. */
  private readonly asked = new WeakMap<vscode.TextEditor, number>();
  private readonly types: ReadonlyMap<Mark, vscode.TextEditorDecorationType>;
  private readonly disposables: readonly vscode.Disposable[];

  constructor(private readonly shown: ShownCells) {
    this.types = new Map(
      marks.map((mark) => [
        mark,
        vscode.window.createTextEditorDecorationType({
          // High contrast themes take the one of their own brightness.
          light: { gutterIconPath: picture(mark, 'light'), gutterIconSize: 'contain' },
          dark: { gutterIconPath: picture(mark, 'dark'), gutterIconSize: 'contain' },
        }),
      ]),
    );
    const all = () => {
      for (const editor of vscode.window.visibleTextEditors) void this.mark(editor);
    };
    this.disposables = [
      ...this.types.values(),
      vscode.window.onDidChangeVisibleTextEditors(all),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('cellar.gutter')) all();
      }),
      shown.onDidChangeCells((uri) => {
        for (const editor of vscode.window.visibleTextEditors) {
          const text = editor.document.uri.toString();
          const file = notebookOfCell(text)?.uri.toString() ?? text;
          if (file === uri) void this.mark(editor);
        }
      }),
    ];
    all();
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private async mark(editor: vscode.TextEditor): Promise<void> {
    const isOn = vscode.workspace.getConfiguration('cellar').get<boolean>('gutter', true);
    const uri = editor.document.uri.toString();
    const asked = (this.asked.get(editor) ?? 0) + 1;
    this.asked.set(editor, asked);
    const { cells = [] } = (await this.shown.cells(uri)) ?? {};
    if (this.asked.get(editor) !== asked) return;
    const own = isOn ? cells.filter((cell) => cell.uri === uri) : [];
    for (const [mark, type] of this.types) {
      const lines = own.filter((cell) => markOf(cell) === mark);
      editor.setDecorations(
        type,
        lines.map(({ range: { start } }) => new vscode.Range(start.line, 0, start.line, 0)),
      );
    }
  }
}

function markOf({ state, outdated }: DocumentCell): Mark | undefined {
  switch (state) {
    case 'fresh':
      return outdated ? 'upstream' : 'fresh';
    case 'changedHere':
    case 'obsolete':
      return 'changed';
    case 'changedUpstream':
    case 'changedModule':
    case 'changedFile':
      return 'upstream';
    case 'off':
    case 'again':
    case 'notCacheable':
    case 'unfinished':
    case 'noRoom':
      return 'refused';
    case 'disabled':
    case 'unknown':
    case 'neverCached':
      return undefined;
  }
}

function picture(mark: Mark, theme: 'light' | 'dark'): vscode.Uri {
  return vscode.Uri.file(path.join(__dirname, '..', 'media', `gutter-${mark}-${theme}.svg`));
}
