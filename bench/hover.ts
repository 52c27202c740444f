import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import {
  createProtocolConnection,
  DidChangeTextDocumentNotification,
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

/** Notebooks by their cells; one of 850 has 5,000 lines and more. */
const NOTEBOOKS = [200, 850];
const HOVERS = 500;
const EDITS = 50;

/** The time from a hover request to its answer, in the real server process over stdio. */
export async function measure(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const cells of NOTEBOOKS) figures.push(...(await measureOne(cells)));
  return figures;
}

async function measureOne(cells: number): Promise<Figure[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cellar-bench-'));
  try {
    const file = path.join(folder, 'notebook.py');
    const text = notebookOf(cells);
    await writeFile(file, text);
    await runNotebook(newestPython(), file);
    const times = await hover(folder, file, text);
    const lines = text.split('\n').length.toLocaleString('en');
    const figure = (what: string, values: readonly number[], how: string): Figure => ({
      what,
      value: `${milliseconds(quantile(values, 0.5))} (95th percentile ${milliseconds(quantile(values, 0.95))})`,
      how,
      goal: '95th percentile ≤ 10 ms',
    });
    const how = `request to answer in the server process, ${HOVERS} hovers`;
    return [
      figure(`Hover on a notebook of ${cells} cells, ${lines} lines`, times.still, how),
      figure(
        `The same right after a keystroke`,
        times.edited,
        `${how.replace(String(HOVERS), String(EDITS))}, each after a digit was typed in another cell`,
      ),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function hover(
  folder: string,
  file: string,
  text: string,
): Promise<{ still: number[]; edited: number[] }> {
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
    const ask = async (round: number): Promise<number> => {
      const line = headers[(round * 37) % headers.length] ?? 0;
      const begun = performance.now();
      const answer = await connection.sendRequest(HoverRequest.type, {
        textDocument: { uri },
        position: { line, character: 6 },
      });
      if (answer === null) throw new Error(`no hover on line ${line + 1}`);
      return performance.now() - begun;
    };
    const still: number[] = [];
    for (let round = 0; round < HOVERS; round++) still.push(await ask(round));
    const edited: number[] = [];
    for (let round = 0; round < EDITS; round++) {
      // As VS Code tells it: one more digit at the end of a cell's first line, where the code is.
      const line = (headers[(round * 53) % headers.length] ?? 0) + 1;
      const end = { line, character: text.split('\n')[line]?.length ?? 0 };
      await connection.sendNotification(DidChangeTextDocumentNotification.type, {
        textDocument: { uri, version: round + 2 },
        contentChanges: [{ range: { start: end, end }, text: '0' }],
      });
      edited.push(await ask(round));
    }
    await connection.sendRequest(ShutdownRequest.type);
    return { still, edited };
  } finally {
    connection.dispose();
    server.kill();
  }
}
