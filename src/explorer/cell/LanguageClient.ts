import * as vscode from 'vscode';
import type {
  CloseHandlerResult,
  LanguageClient as Client,
  LanguageClientOptions,
} from 'vscode-languageclient/node';
import {
  cellAt,
  cellsRequest,
  type CellsResult,
  didChangeCellsNotification,
  type DidChangeCellsParams,
  type ExplainParams,
  explainRequest,
  type Explanation,
  marimoNotebookType,
  parseHoverMode,
  type ServerOptions,
} from '../../protocol/cells';
import type { Caches } from '../../store/Caches';
import { databaseOfAnswer } from './databaseOfAnswer';
import { hoverCommands, hoverLinks } from './hoverLinks';
import { isCellNotebook, isNotebook, notebookOfCell } from './isNotebook';
import { Started } from './Started';
import { warn } from '../Notices';

/** A server that ends this often within this many milliseconds is left alone. */
const mostRestarts = 4;
const restartsWithin = 180_000;

/**
 * The language server's client. It starts the server, and loads the library that talks to it, when
 * the first marimo notebook is opened, as text or as cells, and tells the server of no other document.
 */
export class LanguageClient implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<string>();
  private readonly disposables: { dispose(): void }[] = [this.changed];
  /** URIs of notebooks' texts that the server was told of. */
  private readonly known = new Set<string>();
  /** Answers by {@link keyOf}, until the notebook or its cache changes. */
  private readonly answers = new Map<string, Promise<CellsResult | undefined>>();
  private ends: number[] = [];
  private readonly client = new Started<Client>(
    () => this.start(),
    (error) => {
      this.log.error(`The language server did not start: ${String(error)}`);
    },
  );
  private disposed = false;

  /** Fires with the URI of a notebook's file when `cells` may answer differently. */
  readonly onDidChangeCells = this.changed.event;

  /** @param serverModule absolute path of the server's program */
  constructor(
    private readonly serverModule: string,
    private readonly caches: Caches,
    private readonly log: vscode.LogOutputChannel,
  ) {
    const open = (document: vscode.TextDocument) => {
      this.open(document);
    };
    this.disposables.push(
      vscode.workspace.onDidOpenTextDocument(open),
      // A file becomes a notebook while it is edited; looking at every keystroke would cost others.
      vscode.workspace.onDidSaveTextDocument(open),
    );
    vscode.workspace.textDocuments.forEach(open);
    const openCells = (notebook: vscode.NotebookDocument) => {
      if (!this.disposed && isCellNotebook(notebook)) this.client.begin();
    };
    this.disposables.push(vscode.workspace.onDidOpenNotebookDocument(openCells));
    vscode.workspace.notebookDocuments.forEach(openCells);
  }

  /**
   * What the server knows of a notebook's cells.
   * @param uri of the notebook's file, for its text, or of one of its cells where these are open
   * @returns `undefined` where the server has no say
   */
  async cells(uri: string): Promise<CellsResult | undefined> {
    const client = await this.client.value;
    const key = this.keyOf(uri);
    if (!client || key === undefined) return undefined;
    const asked = this.answers.get(key);
    if (asked) return asked;
    const answer = client
      .sendRequest<CellsResult>(cellsRequest, { uri })
      .catch((error: unknown) => {
        // A server that is going down: the next one will answer.
        this.log.warn(`The language server gave no cells: ${String(error)}`);
        // What was asked after a change since then is another answer.
        if (this.answers.get(key) === answer) this.answers.delete(key);
        return undefined;
      });
    this.answers.set(key, answer);
    return answer;
  }

  /** Why a cell stands as it does; `undefined` where the server has no say. */
  async explain(params: ExplainParams): Promise<Explanation | undefined> {
    const client = await this.client.value;
    if (!client || this.keyOf(params.uri) === undefined) return undefined;
    return (await client.sendRequest<Explanation | null>(explainRequest, params)) ?? undefined;
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    for (const disposable of this.disposables) disposable.dispose();
    void this.stop();
  }

  /** Ends the server. @returns when it has ended */
  async stop(): Promise<void> {
    this.disposed = true;
    const client = await this.client.value;
    // The server may have ended by itself, or not have begun.
    await client?.dispose().catch((error: unknown) => {
      this.log.debug(`The language server was not stopped: ${String(error)}`);
    });
  }

  /** @returns what the answer about this text is kept under; `undefined` where there is none */
  private keyOf(uri: string): string | undefined {
    if (this.known.has(uri)) return uri;
    const notebook = notebookOfCell(uri);
    return notebook && keyOfCells(notebook.uri.toString());
  }

  private open(document: vscode.TextDocument): void {
    if (this.disposed || !isNotebook(document)) return;
    if (this.client.value === undefined) {
      // Which tells the server of all that is open.
      this.client.begin();
      return;
    }
    if (!this.known.has(document.uri.toString())) void this.tell(document);
  }

  /** Tells a running server of a document that was no notebook when it was opened. */
  private async tell(document: vscode.TextDocument): Promise<void> {
    const client = await this.client.value;
    const uri = document.uri.toString();
    if (!client?.isRunning() || this.known.has(uri) || document.isClosed) return;
    this.known.add(uri);
    const params = client.code2ProtocolConverter.asOpenTextDocumentParams(document);
    await client.sendNotification('textDocument/didOpen', params);
  }

  private async start(): Promise<Client> {
    // Loaded here, so that whoever opens no notebook does not wait for it.
    const library = await import('./languageLibrary');
    const { CloseAction, ErrorAction, RevealOutputChannelOn, TransportKind } = library;
    const server = { module: this.serverModule, transport: TransportKind.ipc };
    const options: LanguageClientOptions = {
      documentSelector: [{ scheme: 'file', language: 'python' }, { notebook: marimoNotebookType }],
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationOptions: serverOptions(),
      initializationFailedHandler: () => false,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => this.ended(CloseAction.Restart, CloseAction.DoNotRestart),
      },
      middleware: {
        didOpen: async (document, next) => {
          if (!isNotebook(document)) return;
          this.known.add(document.uri.toString());
          await next(document);
        },
        didChange: async (event, next) => {
          const uri = event.document.uri.toString();
          this.answers.delete(uri);
          if (this.known.has(uri)) await next(event);
        },
        didSave: async (document, next) => {
          if (this.known.has(document.uri.toString())) await next(document);
        },
        didClose: async (document, next) => {
          const uri = document.uri.toString();
          this.answers.delete(uri);
          if (this.known.delete(uri)) await next(document);
        },
        notebooks: {
          didChange: async (event, next) => {
            this.answers.delete(keyOfCells(event.notebook.uri.toString()));
            await next(event);
          },
        },
        provideHover: async (document, position, token, next) => {
          if (this.keyOf(document.uri.toString()) === undefined) return undefined;
          const hover = await next(document, position, token);
          return hover && this.withLinks(hover, document, position);
        },
      },
    };
    const client = new library.LanguageClient(
      'cellar',
      'Cellar',
      { run: server, debug: server },
      options,
    );
    client.onNotification(didChangeCellsNotification, ({ uri }: DidChangeCellsParams) => {
      this.answers.delete(uri);
      this.answers.delete(keyOfCells(uri));
      this.changed.fire(uri);
    });
    await client.start();
    return client;
  }

  /** Appends links as a Markdown text of their own: what comes from the server is not trusted. */
  private async withLinks(
    hover: vscode.Hover,
    document: vscode.TextDocument,
    { line }: vscode.Position,
  ): Promise<vscode.Hover> {
    const uri = document.uri.toString();
    const result = await this.cells(uri);
    const cell = result && cellAt(result.cells, uri, line);
    if (result === undefined || cell === undefined) return hover;
    const { caching } = result;
    const database = databaseOfAnswer(result, this.caches);
    const links = hoverLinks(
      cell,
      { place: { uri, line }, database, caching },
      {
        preview: vscode.l10n.t('Preview'),
        why: vscode.l10n.t('Why?'),
        changes: vscode.workspace.isTrusted
          ? {
              clear: vscode.l10n.t('Clear'),
              pin: vscode.l10n.t('Pin'),
              unpin: vscode.l10n.t('Unpin'),
              turnOn: vscode.l10n.t('Turn On Cell Caching'),
            }
          : undefined,
      },
    );
    const markdown = new vscode.MarkdownString(links);
    markdown.isTrusted = { enabledCommands: hoverCommands };
    return new vscode.Hover([...hover.contents, markdown], hover.range);
  }

  /** Decides what becomes of a server that ended: a few times it is started again, with no notice. */
  private ended<Action extends CloseHandlerResult['action']>(
    restart: Action,
    leave: Action,
  ): CloseHandlerResult {
    this.known.clear();
    this.answers.clear();
    const now = Date.now();
    this.ends = [...this.ends.filter((end) => now - end < restartsWithin), now];
    if (this.ends.length <= mostRestarts) return { action: restart, handled: true };
    const showLog = vscode.l10n.t('Show Log');
    const notice = vscode.l10n.t('Cellar has no hovers for now: its language server keeps ending.');
    void warn(notice, showLog).then((chosen) => {
      if (chosen === showLog) this.log.show();
    });
    return { action: leave, handled: true };
  }
}

/** @param notebook URI of the file of a notebook that is open as cells */
function keyOfCells(notebook: string): string {
  return `cells of ${notebook}`;
}

/** What the server is told when it starts; changes of the setting reach it as any other does. */
function serverOptions(): ServerOptions {
  const hover = vscode.workspace.getConfiguration('cellar').get<unknown>('hover');
  const strings = Object.entries(vscode.l10n.bundle ?? {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return { hover: parseHoverMode(hover) ?? 'header', strings: Object.fromEntries(strings) };
}
