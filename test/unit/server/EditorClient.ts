import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import {
  createProtocolConnection,
  type Hover,
  type InitializeParams,
  type ProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-languageserver-protocol/node';
import {
  cellsRequest,
  type CellsResult,
  didChangeCellsNotification,
  type DidChangeCellsParams,
} from '../../../src/protocol/cells';

const root = path.resolve(__dirname, '../../..');

/** The server, bundled as the extension ships it. @returns the path of its program */
function bundle(): string {
  // Its own: files of tests run at once, and each would write what the other starts.
  const outdir = path.join(root, 'test/out/server', String(process.pid));
  process.once('exit', () => {
    rmSync(outdir, { recursive: true, force: true });
  });
  buildSync({
    absWorkingDir: root,
    entryPoints: { server: 'src/server/main.ts' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    loader: { '.node': 'copy', '.sql': 'text' },
    assetNames: '[name]',
    sourcemap: 'linked',
    logLevel: 'error',
    outdir,
  });
  return path.join(outdir, 'server.js');
}

let program: string | undefined;

/** A small editor: starts the server as a process of its own and talks to it over stdio. */
export class EditorClient {
  readonly changes: string[] = [];
  readonly #waiting = new Set<() => void>();

  private constructor(
    readonly process: ChildProcess,
    readonly connection: ProtocolConnection,
  ) {
    connection.onNotification(didChangeCellsNotification, ({ uri }: DidChangeCellsParams) => {
      this.changes.push(uri);
      for (const wake of this.#waiting) wake();
    });
    connection.onRequest('client/registerCapability', () => null);
    connection.listen();
  }

  static async start(params: Partial<InitializeParams> = {}): Promise<EditorClient> {
    program ??= bundle();
    const server = spawn(process.execPath, [program, '--stdio'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const client = new EditorClient(
      server,
      createProtocolConnection(
        new StreamMessageReader(server.stdout),
        new StreamMessageWriter(server.stdin),
      ),
    );
    await client.connection.sendRequest('initialize', {
      processId: process.pid,
      rootUri: null,
      capabilities: { textDocument: { hover: { contentFormat: ['markdown', 'plaintext'] } } },
      ...params,
    });
    await client.connection.sendNotification('initialized', {});
    return client;
  }

  async open(file: string, text: string): Promise<string> {
    const uri = pathToFileURL(file).toString();
    await this.connection.sendNotification('textDocument/didOpen', {
      textDocument: { uri, languageId: 'python', version: 1, text },
    });
    return uri;
  }

  async edit(uri: string, version: number, text: string): Promise<void> {
    await this.connection.sendNotification('textDocument/didChange', {
      textDocument: { uri, version },
      contentChanges: [{ text }],
    });
  }

  cells(uri: string): Promise<CellsResult> {
    return this.connection.sendRequest(cellsRequest, { uri });
  }

  hover(uri: string, line: number, character = 0): Promise<Hover | null> {
    const position = { line, character };
    return this.connection.sendRequest('textDocument/hover', { textDocument: { uri }, position });
  }

  /** The lines of the hover, or none. */
  async hoverLines(uri: string, line: number): Promise<string[]> {
    const hover = await this.hover(uri, line);
    const contents = hover?.contents;
    return typeof contents === 'object' && 'value' in contents ? contents.value.split(/ *\n/) : [];
  }

  /** Waits for the next announcement, whichever document it is for. */
  nextChange(): Promise<void> {
    return this.#changeAfter(this.changes.length);
  }

  /** Asks again after each announcement until the answer is yes. */
  async until(holds: () => Promise<boolean>): Promise<void> {
    for (;;) {
      // Counted before asking: what is announced meanwhile may be what is waited for.
      const seen = this.changes.length;
      if (await holds()) return;
      await this.#changeAfter(seen);
    }
  }

  async #changeAfter(seen: number): Promise<void> {
    while (this.changes.length === seen) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
  }

  /** Ends the server as the protocol says. @returns its exit code */
  async stop(): Promise<number | null> {
    if (this.process.exitCode !== null) return this.process.exitCode;
    const exited = once(this.process, 'exit');
    await this.connection.sendRequest('shutdown');
    await this.connection.sendNotification('exit');
    await exited;
    this.connection.dispose();
    return this.process.exitCode;
  }
}
