import type {
  Connection,
  DidChangeNotebookDocumentParams,
  NotebookCell,
  TextDocumentItem,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';

/** A notebook that the client holds as cells, each of which is a text document. */
export interface NotebookDocument {
  /** Of the notebook's file. */
  readonly uri: string;
  readonly cells: readonly CellDocument[];
}

export interface CellDocument {
  readonly cell: NotebookCell;
  readonly text: TextDocument;
}

/**
 * The notebook documents of the client. The library's class of this name does not tell of cells that
 * changed places, and fails on news of a cell that is gone.
 */
export class NotebookDocuments {
  readonly #cells = new Map<string, NotebookCell[]>();
  /** Of all cells, by URI. */
  readonly #texts = new Map<string, TextDocument>();
  /** By URI of the cell's text. */
  readonly #notebooks = new Map<string, string>();

  /** @param changed is called with the URI of a notebook that was opened, changed, saved or closed */
  constructor(private readonly changed: (uri: string) => void) {}

  listen({ notebooks: { synchronization } }: Connection): void {
    synchronization.onDidOpenNotebookDocument(({ notebookDocument, cellTextDocuments }) => {
      const { uri, cells } = notebookDocument;
      this.#open(cellTextDocuments);
      this.#replace(uri, cells);
    });
    synchronization.onDidChangeNotebookDocument((params) => {
      this.#change(params);
    });
    synchronization.onDidSaveNotebookDocument(({ notebookDocument }) => {
      this.changed(notebookDocument.uri);
    });
    synchronization.onDidCloseNotebookDocument(({ notebookDocument, cellTextDocuments }) => {
      this.#close(cellTextDocuments);
      this.#cells.delete(notebookDocument.uri);
      this.changed(notebookDocument.uri);
    });
  }

  /** @returns `undefined` for a notebook that is not open */
  get(uri: string): NotebookDocument | undefined {
    const cells = this.#cells.get(uri);
    if (!cells) return undefined;
    const found = cells.flatMap((cell) => {
      const text = this.#texts.get(cell.document);
      return text ? [{ cell, text }] : [];
    });
    return { uri, cells: found };
  }

  /** @param uri of a cell's text */
  ofCell(uri: string): NotebookDocument | undefined {
    const notebook = this.#notebooks.get(uri);
    return notebook === undefined ? undefined : this.get(notebook);
  }

  #change({ notebookDocument: { uri }, change }: DidChangeNotebookDocumentParams): void {
    const cells = this.#cells.get(uri);
    if (!cells) return;
    const { structure, data = [], textContent = [] } = change.cells ?? {};
    if (structure) {
      const { start, deleteCount, cells: inserted = [] } = structure.array;
      cells.splice(start, deleteCount, ...inserted);
      this.#close(structure.didClose ?? []);
      this.#open(structure.didOpen ?? []);
    }
    const renewed = new Map(data.map((cell) => [cell.document, cell]));
    for (const { document, changes } of textContent) {
      const text = this.#texts.get(document.uri);
      if (text) this.#texts.set(text.uri, TextDocument.update(text, changes, document.version));
    }
    this.#replace(
      uri,
      cells.map((cell) => renewed.get(cell.document) ?? cell),
    );
  }

  #replace(uri: string, cells: NotebookCell[]): void {
    this.#cells.set(uri, cells);
    for (const { document } of cells) this.#notebooks.set(document, uri);
    this.changed(uri);
  }

  #open(texts: readonly TextDocumentItem[]): void {
    for (const { uri, languageId, version, text } of texts) {
      this.#texts.set(uri, TextDocument.create(uri, languageId, version, text));
    }
  }

  #close(texts: readonly { readonly uri: string }[]): void {
    for (const { uri } of texts) {
      this.#texts.delete(uri);
      this.#notebooks.delete(uri);
    }
  }
}
