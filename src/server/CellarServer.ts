import * as l10n from '@vscode/l10n';
import {
  type Connection,
  DidChangeConfigurationNotification,
  DidChangeWatchedFilesNotification,
  ErrorCodes,
  type Hover,
  type InitializeParams,
  type InitializeResult,
  MarkupKind,
  ResponseError,
  TextDocuments,
  TextDocumentSyncKind,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import {
  cellsRequest,
  type CellsResult,
  didChangeCellsNotification,
  explainRequest,
  type Explanation,
  type DidChangeCellsParams,
  type HoverMode,
  marimoNotebookType,
  parseCellsParams,
  parseExplainParams,
  parseServerOptions,
} from '../protocol/cells';
import { type Answer, linesOf } from './Answer';
import { Databases } from './Databases';
import { DocumentCells } from './DocumentCells';
import { explainCell } from './explanation';
import { FileWatch } from './FileWatch';
import { cellTitle, hoverLines } from './hover';
import { escapeMarkdown, plainText } from '../protocol/markdown';
import { NotebookDocuments } from './NotebookDocuments';
import { type LocatedCell, OpenNotebooks } from './OpenNotebooks';
import { parseHoverParams, parseHoverSetting } from './params';
import { describeSaved } from './saved';

/** Milliseconds of quiet after which an edited document is announced. */
const settle = 150;

/** Connects the protocol with the cells: parses what comes in, words what goes out. */
export class CellarServer {
  readonly #documents = new TextDocuments(TextDocument);
  readonly #notebooks = new NotebookDocuments((uri) => {
    this.#follow(uri);
  });
  readonly #open = new OpenNotebooks();
  readonly #files = new FileWatch((uri) => {
    this.#announce(uri);
  });
  readonly #databases: Databases;
  readonly #cells: DocumentCells;
  readonly #announcements = new Map<string, NodeJS.Timeout>();
  #hover: HoverMode = 'header';
  #locale = 'en';
  #markdown = true;

  constructor(private readonly connection: Connection) {
    this.#databases = new Databases((error) => {
      connection.console.error(error instanceof Error ? error.message : String(error));
    });
    this.#cells = new DocumentCells(this.#databases, this.#open);

    let client: InitializeParams['capabilities'] = {};
    connection.onInitialize((params) => {
      client = params.capabilities;
      return this.#initialize(params);
    });
    connection.onInitialized(() => {
      void this.#register(client);
    });
    connection.onDidChangeConfiguration(({ settings }: { settings: unknown }) => {
      this.#hover = parseHoverSetting(settings) ?? this.#hover;
    });
    connection.onDidChangeWatchedFiles(({ changes }) => {
      this.#databases.hint(changes.map(({ uri }) => uri));
    });
    connection.onRequest(cellsRequest, (params: unknown) => this.#answerCells(params));
    connection.onRequest(explainRequest, (params: unknown) => this.#answerExplain(params));
    connection.onHover((params: unknown) => this.#answerHover(params));
    connection.onShutdown(() => this.#close());

    this.#documents.onDidChangeContent(({ document }) => {
      this.#follow(document.uri);
    });
    this.#documents.onDidClose(({ document }) => {
      this.#follow(document.uri);
    });
    this.#databases.onDidChange((uri) => {
      this.#announce(uri);
    });
  }

  listen(): void {
    this.#documents.listen(this.connection);
    this.#notebooks.listen(this.connection);
    this.connection.listen();
  }

  #initialize(params: InitializeParams): InitializeResult {
    const options = parseServerOptions(params.initializationOptions);
    l10n.config({ contents: options.strings });
    this.#hover = options.hover;
    // Quantities are in the language of the words around them, which without translations is English.
    const translated = Object.keys(options.strings).length > 0;
    this.#locale = translated ? knownLocale(params.locale) : 'en';
    const formats = params.capabilities.textDocument?.hover?.contentFormat;
    this.#markdown = formats?.includes(MarkupKind.Markdown) ?? false;
    return {
      capabilities: {
        textDocumentSync: TextDocumentSyncKind.Incremental,
        notebookDocumentSync: { notebookSelector: [{ notebook: marimoNotebookType }], save: true },
        hoverProvider: true,
      },
      serverInfo: { name: 'cellar' },
    };
  }

  /** Asks for file events and settings where the client offers them; it works without, too. */
  async #register({ workspace }: InitializeParams['capabilities']): Promise<void> {
    const { client } = this.connection;
    try {
      if (workspace?.didChangeWatchedFiles?.dynamicRegistration === true) {
        const watchers = [{ globPattern: '**/__marimo__/cache/cache.db*' }];
        await client.register(DidChangeWatchedFilesNotification.type, { watchers });
      }
      if (workspace?.didChangeConfiguration?.dynamicRegistration === true) {
        await client.register(DidChangeConfigurationNotification.type, { section: 'cellar' });
      }
    } catch (error) {
      this.connection.console.warn(`The editor registered nothing: ${String(error)}`);
    }
  }

  async #answerCells(value: unknown): Promise<CellsResult | ResponseError> {
    const params = parseCellsParams(value);
    if (!params) return invalid('cellar/cells takes { uri: string }.');
    const answer = await this.#judge(params.uri);
    if (!answer) return { cells: [], orphaned: [], returned: [], earlier: [] };
    const { uri, cache, generation, orphaned, returned, earlier } = answer;
    // Watched from now on, so that nothing changes unseen while it is looked at.
    const files = await this.#cells.filesOf(answer);
    if (this.#isOpen(uri)) this.#files.watch(uri, files);
    const named = {
      ...(cache.kind === 'open' ? { database: cache.path } : {}),
      ...(generation === undefined ? {} : { generation }),
      ...(answer.caching.on === undefined ? {} : { caching: answer.caching.on }),
    };
    const cells = await this.#cells.describe(answer, this.#locale);
    return { ...named, cells, orphaned, returned, earlier };
  }

  async #answerExplain(value: unknown): Promise<Explanation | ResponseError | null> {
    const params = parseExplainParams(value);
    if (!params) return invalid('cellar/explain takes { uri: string, cellId or line: number }.');
    const answer = await this.#judge(params.uri);
    const cell = answer?.cells.find(({ judgement, place }) =>
      'cellId' in params
        ? judgement.cellId === params.cellId
        : place.text.uri === params.uri &&
          place.firstLine <= params.line &&
          params.line <= place.lastLine,
    );
    if (!answer || !cell) return null;
    const facts = await this.#cells.facts(cell, answer);
    const style = { locale: this.#locale, now: Date.now() / 1000, escape: plainText };
    return explainCell(cellTitle(cell.place.cell), facts, style);
  }

  async #answerHover(value: unknown): Promise<Hover | ResponseError | null> {
    const params = parseHoverParams(value);
    if (!params) return invalid('textDocument/hover takes a document and a position.');
    if (this.#hover === 'off') return null;
    const answer = await this.#judge(params.uri);
    const { line } = params.position;
    const cell = answer?.cells.find(({ place }) => {
      const isIn = place.text.uri === params.uri && place.firstLine <= line;
      return isIn && line <= this.#hoverEnd(place);
    });
    if (!answer || !cell) return null;
    const [facts, ofAll] = await Promise.all([
      this.#cells.facts(cell, answer),
      this.#cells.saved(cell, answer),
    ]);
    const lines = hoverLines(facts, {
      locale: this.#locale,
      now: Date.now() / 1000,
      escape: this.#markdown ? escapeMarkdown : plainText,
    });
    const saved = describeSaved(ofAll, this.#locale);
    if (saved !== undefined) lines.push(saved);
    return {
      contents: this.#markdown
        ? { kind: MarkupKind.Markdown, value: lines.join('  \n') }
        : { kind: MarkupKind.PlainText, value: lines.join('\n') },
      range: linesOf(cell.place, this.#hoverEnd(cell.place)),
    };
  }

  /** The last line of a cell on which a hover answers. */
  #hoverEnd({ lastLine, headerEnd }: LocatedCell): number {
    return this.#hover === 'cell' ? lastLine : headerEnd;
  }

  /** @param uri of a text: a notebook's file, or a cell */
  async #judge(uri: string): Promise<Answer | undefined> {
    const text = this.#documents.get(uri);
    const cells = this.#notebooks.ofCell(uri);
    if (text) return this.#cells.judge({ kind: 'text', uri, text });
    return cells && this.#cells.judge({ kind: 'cells', ...cells });
  }

  /** After a notebook was opened, edited, saved or closed, in whichever form. */
  #follow(uri: string): void {
    const text = this.#documents.get(uri);
    const cells = this.#notebooks.get(uri);
    if (!text) this.#cells.forget({ kind: 'text', uri });
    if (!cells) this.#cells.forget({ kind: 'cells', uri });
    const isOpen = cells !== undefined || (text && this.#open.parse(text)) !== undefined;
    this.#databases.watch(uri, isOpen);
    if (!isOpen) this.#files.watch(uri, []);
    this.#announceSoon(uri);
  }

  /** @param uri of a notebook's file */
  #isOpen(uri: string): boolean {
    return this.#documents.get(uri) !== undefined || this.#notebooks.get(uri) !== undefined;
  }

  #announceSoon(uri: string): void {
    clearTimeout(this.#announcements.get(uri));
    const announce = () => {
      this.#announcements.delete(uri);
      this.#announce(uri);
    };
    this.#announcements.set(uri, setTimeout(announce, settle));
  }

  #announce(uri: string): void {
    if (!this.#isOpen(uri)) return;
    const params: DidChangeCellsParams = { uri };
    void this.connection.sendNotification(didChangeCellsNotification, params);
  }

  async #close(): Promise<void> {
    for (const timer of this.#announcements.values()) clearTimeout(timer);
    await Promise.all([this.#files.close(), this.#databases.close()]);
  }
}

function invalid(message: string): ResponseError {
  return new ResponseError(ErrorCodes.InvalidParams, message);
}

/** Editors send what they like; numbers are worded by what `Intl` knows. */
function knownLocale(locale: string | undefined): string {
  try {
    return Intl.getCanonicalLocales(locale)[0] ?? 'en';
  } catch {
    return 'en';
  }
}
