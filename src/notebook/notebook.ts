/**
 * The cells of a marimo notebook, read from the text of its Python file. A notebook is
 *
 *     comments, docstring
 *     import marimo
 *     app = marimo.App(...)
 *     with app.setup: ...
 *     @app.cell / @app.function / @app.class_definition / app._unparsable_cell(...)
 *     if __name__ == "__main__": app.run()
 */

import { type Cell, readCell } from './cell';
import { cutIntoPieces } from './pieces';

/** A cell at its place in a document. Lines count from 0; the ends are the last lines. */
export interface PlacedCell {
  readonly cell: Cell;
  readonly firstLine: number;
  readonly headerEnd: number;
  readonly lastLine: number;
}

export class Notebook {
  private constructor(
    readonly cells: readonly PlacedCell[],
    private readonly read: ReadonlyMap<string, Cell | undefined>,
    /** Texts of pieces that end where they were cut, whatever comes after them. */
    private readonly closed: ReadonlySet<string>,
  ) {}

  /**
   * @param previous the same document before an edit: cells whose text is the same are not read
   * again, and are the same objects
   * @returns `undefined` when the text is not that of a marimo notebook
   */
  static parse(text: string, previous?: Notebook): Notebook | undefined {
    if (!text.includes('marimo')) return undefined;
    // Lines stay what they are for an editor, which ends them as Python does.
    const ended = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
    const source = ended.replace(/^\ufeff/, '').trimEnd();
    const pieces = cutIntoPieces(source, (piece) => previous?.closed.has(piece) ?? false);
    const [preamble, ...rest] = pieces;
    if (!preamble || !makesApp(preamble.text)) return undefined;

    const read = new Map<string, Cell | undefined>();
    const cells: PlacedCell[] = [];
    for (const [index, piece] of rest.entries()) {
      const cell = previous?.read.get(piece.text) ?? readCell(piece.text);
      read.set(piece.text, cell);
      // A setup block is marimo's only in front of all other cells.
      if (!cell || (cell.kind === 'setup' && index > 0)) continue;
      cells.push({
        cell,
        firstLine: piece.line,
        headerEnd: piece.line + cell.headerLines - 1,
        lastLine: piece.line + cell.lines - 1,
      });
    }
    const closed = new Set(pieces.flatMap(({ text, open }) => (open ? [] : [text])));
    return new Notebook(cells, read, closed);
  }
}

/** Whether `app` is made from marimo, under whatever name that is imported. */
function makesApp(preamble: string): boolean {
  const imported = /^import[ \t]+marimo\b(?![ \t]*\.)(?:[ \t]+as[ \t]+(\w+))?/mu.exec(preamble);
  if (!imported) return false;
  const name = imported[1] ?? 'marimo';
  return new RegExp(`^app[ \\t]*=[ \\t]*${name}[ \\t]*\\.[ \\t]*App\\b`, 'mu').test(preamble);
}
