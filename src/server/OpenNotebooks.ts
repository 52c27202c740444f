import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { type Cell, readCode } from '../notebook/cell';
import { Notebook, type PlacedCell } from '../notebook/notebook';
import { codesOf, type Projected } from '../notebook/projection';
import type { CellDocument, NotebookDocument } from './NotebookDocuments';
import { fields } from './params';

/** A notebook that is open: as the text of its file, or as cells with a text each. */
export type OpenNotebook =
  | { readonly kind: 'text'; readonly uri: string; readonly text: TextDocument }
  | ({ readonly kind: 'cells' } & NotebookDocument);

/** A cell at its place in the text that the client shows it in. */
export interface LocatedCell extends PlacedCell {
  readonly text: TextDocument;
}

/** Tells an open notebook from all others: its file may be open in both forms. */
export type Form = Pick<OpenNotebook, 'kind' | 'uri'>;

export function keyOf({ kind, uri }: Form): string {
  return `${kind} ${uri}`;
}

/** What came of a notebook that is open as cells. */
interface Reading {
  /** What it was read from. */
  readonly from: readonly unknown[];
  /** The cells by name, code and whether they are disabled. */
  readonly read: ReadonlyMap<string, Cell>;
  readonly cells: readonly LocatedCell[];
}

/** Reads open notebooks to cells, and again only what changed. */
export class OpenNotebooks {
  /** A text that is opened again begins with version 1, as the one before it did. */
  readonly #parsed = new Map<
    string,
    { text: TextDocument; version: number; notebook: Notebook | undefined }
  >();
  readonly #located = new WeakMap<Notebook, readonly LocatedCell[]>();
  readonly #read = new Map<string, Reading>();
  /** The codes in the files of such notebooks, with what the file looked like. */
  readonly #files = new Map<string, { mark: string; codes: readonly string[] }>();

  /** @returns `undefined` when the text is not that of a marimo notebook */
  parse(text: TextDocument): Notebook | undefined {
    const known = this.#parsed.get(text.uri);
    if (known?.text === text && known.version === text.version) return known.notebook;
    const notebook = Notebook.parse(text.getText(), known?.notebook);
    this.#parsed.set(text.uri, { text, version: text.version, notebook });
    return notebook;
  }

  /** Reads the file of a notebook whose cells do not all show their code. */
  async readFile(open: OpenNotebook): Promise<void> {
    if (open.kind === 'text' || !open.cells.some((cell) => projectedIn(cell))) return;
    try {
      const file = fileURLToPath(open.uri);
      const { mtimeMs, size } = await stat(file);
      const mark = `${mtimeMs} ${size}`;
      if (this.#files.get(open.uri)?.mark === mark) return;
      const notebook = Notebook.parse(await readFile(file, 'utf8'));
      this.#files.set(open.uri, {
        mark,
        codes: notebook?.cells.map(({ cell }) => cell.code) ?? [],
      });
    } catch {
      // It was never saved, or is no file: its cells are taken for what they show.
      this.#files.delete(open.uri);
    }
  }

  /** @returns the same array as long as nothing changes; `undefined` when it is no marimo notebook */
  cells(open: OpenNotebook): readonly LocatedCell[] | undefined {
    return open.kind === 'cells' ? this.#readCells(open) : this.#locate(open.text);
  }

  forget({ kind, uri }: Form): void {
    if (kind === 'text') {
      this.#parsed.delete(uri);
    } else {
      this.#read.delete(uri);
      this.#files.delete(uri);
    }
  }

  #locate(text: TextDocument): readonly LocatedCell[] | undefined {
    const notebook = this.parse(text);
    if (!notebook) return undefined;
    const located =
      this.#located.get(notebook) ?? notebook.cells.map((place) => ({ ...place, text }));
    this.#located.set(notebook, located);
    return located;
  }

  #readCells({ uri, cells }: NotebookDocument): readonly LocatedCell[] {
    const codes = this.#files.get(uri)?.codes;
    const from = [
      codes,
      ...cells.flatMap((one) => [one.text, one.text.version, nameOf(one), isDisabled(one)]),
    ];
    const known = this.#read.get(uri);
    if (known?.from.length === from.length && from.every((each, at) => each === known.from[at])) {
      return known.cells;
    }
    const shown = cells.map(projectedIn);
    const hidden = codesOf(
      shown.filter((one) => one !== undefined),
      codes ?? [],
    );
    const read = new Map<string, Cell>();
    const located = cells.map((one, index): LocatedCell => {
      const { text } = one;
      const code = shown[index] === undefined ? text.getText() : (hidden.shift() ?? '');
      const name = nameOf(one);
      const disabled = isDisabled(one);
      const key = `${name} ${disabled} ${code}`;
      const cell = read.get(key) ?? known?.read.get(key) ?? readCode(code, name, { disabled });
      read.set(key, cell);
      return { cell, text, firstLine: 0, headerEnd: 0, lastLine: text.lineCount - 1 };
    });
    this.#read.set(uri, { from, read, cells: located });
    return located;
  }
}

/** As marimo's editor keeps it with the cell. */
function nameOf({ cell }: CellDocument): string {
  const { name } = fields(fields(cell.metadata).marimo);
  return typeof name === 'string' ? name : '_';
}

function isDisabled({ cell }: CellDocument): boolean {
  return fields(fields(fields(cell.metadata).marimo).options).disabled === true;
}

/** What a cell shows in place of its code; `undefined` where it shows the code. */
function projectedIn({ cell, text }: CellDocument): Projected | undefined {
  const { languageId } = text;
  if (languageId !== 'markdown' && languageId !== 'sql') return undefined;
  const { marimo } = fields(cell.metadata);
  const { dataframeName } = fields(fields(fields(marimo).sourceProjections).sql);
  return {
    language: languageId,
    text: text.getText(),
    result: typeof dataframeName === 'string' ? dataframeName : undefined,
  };
}
