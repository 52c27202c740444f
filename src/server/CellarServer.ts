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
  parseCellsParams,
  parseExplainParams,
  parseServerOptions,
} from '../protocol/cells';
import { Databases } from './Databases';
import { DocumentCells } from './DocumentCells';
import { explainCell } from './explanation';
import { cellTitle, describeCell } from './hover';
import { escapeMarkdown, plainText } from './markdown';
import { parseHoverParams, parseHoverSetting } from './params';
import { describeSaved } from './saved';

/** Milliseconds of quiet after which an edited document is announced. */
const settle = 150;

/** Connects the protocol with the cells: parses what comes in, words what goes out. */
export class CellarServer {
  readonly #documents = new TextDocuments(TextDocument);
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
    this.#cells = new DocumentCells(this.#databases);

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
      this.#databases.watch(document.uri, this.#cells.notebook(document) !== undefined);
      this.#announceSoon(document.uri);
    });
    this.#documents.onDidClose(({ document }) => {
      this.#databases.watch(document.uri, false);
      this.#cells.forget(document.uri);
    });
    this.#databases.onDidChange((uri) => {
      this.#announce(uri);
    });
  }

  listen(): void {
    this.#documents.listen(this.connection);
    this.connection.listen();
  }

  #initialize(params: InitializeParams): InitializeResult {
    const options = parseServerOptions(params.initializationOptions);
    l10n.config({ contents: options.strings });
    this.#hover = options.hover;
    this.#locale = knownLocale(params.locale);
    const formats = params.capabilities.textDocument?.hover?.contentFormat;
    this.#markdown = formats?.includes(MarkupKind.Markdown) ?? false;
    return {
      capabilities: { textDocumentSync: TextDocumentSyncKind.Incremental, hoverProvider: true },
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
    const document = this.#documents.get(params.uri);
    const answer = document && (await this.#cells.judge(document));
    if (!answer) return { cells: [], orphaned: [] };
    const { cells, cache, orphaned } = answer;
    const database = cache.kind === 'open' ? { database: cache.path } : {};
    const described = cells.map((cell) => this.#cells.describe(cell, answer, this.#locale));
    return { ...database, cells: described, orphaned };
  }

  async #answerExplain(value: unknown): Promise<Explanation | ResponseError | null> {
    const params = parseExplainParams(value);
    if (!params) return invalid('cellar/explain takes { uri: string, cellId: number }.');
    const document = this.#documents.get(params.uri);
    const answer = document && (await this.#cells.judge(document));
    const cell = answer?.cells.find(({ judgement }) => judgement.cellId === params.cellId);
    if (!answer || !cell) return null;
    const facts = await this.#cells.facts(cell, answer);
    const style = { locale: this.#locale, now: Date.now() / 1000, escape: plainText };
    return explainCell(cellTitle(cell.place.cell), facts, style);
  }

  async #answerHover(value: unknown): Promise<Hover | ResponseError | null> {
    const params = parseHoverParams(value);
    if (!params) return invalid('textDocument/hover takes a document and a position.');
    const document = this.#documents.get(params.uri);
    if (!document || this.#hover === 'off') return null;
    const { line } = params.position;
    const place = this.#cells.notebook(document)?.cells.find((cell) => {
      const last = this.#hover === 'cell' ? cell.lastLine : cell.headerEnd;
      return cell.firstLine <= line && line <= last;
    });
    if (!place) return null;
    const answer = await this.#cells.judge(document);
    const cell = answer?.cells.find((other) => other.place === place);
    if (!answer || !cell) return null;
    const facts = await this.#cells.facts(cell, answer);
    const lines = describeCell(facts, {
      locale: this.#locale,
      now: Date.now() / 1000,
      escape: this.#markdown ? escapeMarkdown : plainText,
    });
    const saved = describeSaved(await this.#cells.saved(cell, answer), this.#locale);
    if (saved !== undefined) lines.push(saved);
    return {
      contents: this.#markdown
        ? { kind: MarkupKind.Markdown, value: lines.join('  \n') }
        : { kind: MarkupKind.PlainText, value: lines.join('\n') },
      range: this.#cells.describe(cell, answer, this.#locale)[
        this.#hover === 'cell' ? 'range' : 'header'
      ],
    };
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
    if (this.#documents.get(uri) === undefined) return;
    const params: DidChangeCellsParams = { uri };
    void this.connection.sendNotification(didChangeCellsNotification, params);
  }

  async #close(): Promise<void> {
    for (const timer of this.#announcements.values()) clearTimeout(timer);
    await this.#databases.close();
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
