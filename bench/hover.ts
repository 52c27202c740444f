import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import {
  createProtocolConnection,
  DidOpenTextDocumentNotification,
  HoverRequest,
  InitializedNotification,
  ShutdownRequest,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-languageserver/node';
import { newestPython } from '../test/environment';
import { runNotebook } from '../test/kernel';
import { milliseconds, quantile, type Figure } from './figures';
import { notebookOf } from './notebook';

const CELLS = 200;
const HOVERS = 500;

/** The time from a hover request to its answer, in the real server process over stdio. */
export async function measure(): Promise<Figure[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cellar-bench-'));
  try {
    const file = path.join(folder, 'notebook.py');
    const text = notebookOf(CELLS);
    await writeFile(file, text);
    await runNotebook(newestPython(), file);
    const times = await hover(folder, file, text);
    return [
      {
        what: `Hover on a notebook of ${CELLS} cells`,
        value: `${milliseconds(quantile(times, 0.5))} (95th percentile ${milliseconds(quantile(times, 0.95))})`,
        how: `request to answer in the server process, ${HOVERS} hovers`,
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function hover(folder: string, file: string, text: string): Promise<number[]> {
  const program = path.resolve(import.meta.dirname, '..', 'dist', 'server.js');
  const server = spawn(process.execPath, [program, '--stdio'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const connection = createProtocolConnection(
    new StreamMessageReader(server.stdout),
    new StreamMessageWriter(server.stdin),
  );
  connection.listen();
  try {
    const uri = pathToFileURL(file).href;
    await connection.sendRequest('initialize', {
      processId: process.pid,
      capabilities: {},
      workspaceFolders: [{ uri: pathToFileURL(folder).href, name: 'bench' }],
    });
    await connection.sendNotification(InitializedNotification.type, {});
    await connection.sendNotification(DidOpenTextDocumentNotification.type, {
      textDocument: { uri, languageId: 'python', version: 1, text },
    });
    const headers = text
      .split('\n')
      .flatMap((line, index) => (line.startsWith('def ') ? [index] : []));
    const times: number[] = [];
    for (let round = 0; round < HOVERS; round++) {
      const line = headers[(round * 37) % headers.length] ?? 0;
      const begun = performance.now();
      const answer = await connection.sendRequest(HoverRequest.type, {
        textDocument: { uri },
        position: { line, character: 6 },
      });
      times.push(performance.now() - begun);
      if (answer === null) throw new Error(`no hover on line ${line + 1}`);
    }
    await connection.sendRequest(ShutdownRequest.type);
    return times;
  } finally {
    connection.dispose();
    server.kill();
  }
}
