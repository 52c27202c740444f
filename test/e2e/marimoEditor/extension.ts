/**
 * What the marimo extension 0.17 shows of a notebook, as far as another extension can see it: the
 * notebook type, the cells' languages and texts, and their metadata, by the names that it has there.
 * It runs nothing.
 */
import * as vscode from 'vscode';
import { Notebook } from '../../../src/notebook/notebook';

const notebookType = 'marimo-notebook';
const markdownCall = /^mo\.md\(\s*r?"""([^]*)"""\s*\)$/;

export function activate(context: vscode.ExtensionContext): void {
  context.subscriptions.push(
    vscode.workspace.registerNotebookSerializer(
      notebookType,
      { deserializeNotebook: readNotebook, serializeNotebook: writeNotebook },
      { transientOutputs: true, transientCellMetadata: { marimo: false, marimoRuntime: true } },
    ),
    vscode.commands.registerCommand('marimo.openAsMarimoNotebook', async () => {
      const uri = vscode.window.activeTextEditor?.document.uri;
      if (uri) await vscode.commands.executeCommand('vscode.openWith', uri, notebookType);
    }),
  );
}

function readNotebook(bytes: Uint8Array): vscode.NotebookData {
  const text = new TextDecoder().decode(bytes);
  const { cells = [] } = Notebook.parse(text) ?? {};
  const data = new vscode.NotebookData(
    cells.map(({ cell: { code, name = '_', options } }, index) => {
      const [, markdown] = markdownCall.exec(code.trim()) ?? [];
      const shown =
        markdown === undefined
          ? new vscode.NotebookCellData(vscode.NotebookCellKind.Code, code, 'mo-python')
          : new vscode.NotebookCellData(
              vscode.NotebookCellKind.Markup,
              markdown.replaceAll(/^ {4}/gm, '').trim(),
              'markdown',
            );
      const projected = { markdown: { quotePrefix: 'r' }, sql: null };
      shown.metadata = {
        marimo: { name, options, sourceProjections: markdown === undefined ? {} : projected },
        marimoRuntime: { stableId: `cell-${index}`, state: null },
      };
      return shown;
    }),
  );
  const header = text.slice(0, text.search(/^import marimo/m));
  data.metadata = { marimo: { appConfig: {}, header, notebookMetadata: {} } };
  return data;
}

/** The values that cells exchange are left out of their signatures: marimo finds them by itself. */
function writeNotebook({ cells, metadata }: vscode.NotebookData): Uint8Array {
  const { marimo } = metadata as { marimo: { header: string } };
  const written = cells.map(({ kind, value, metadata: own }) => {
    const { name } = (own as { marimo?: { name: string } } | undefined)?.marimo ?? { name: '_' };
    const code =
      kind === vscode.NotebookCellKind.Code ? value : `mo.md(\n    r"""\n${value}\n"""\n)`;
    const body = code.replaceAll(/^(?=.)/gm, '    ');
    return `@app.cell\ndef ${name}():\n${body}\n    return\n`;
  });
  const lines = [
    `${marimo.header}import marimo\n\napp = marimo.App()\n`,
    ...written,
    'if __name__ == "__main__":\n    app.run()\n',
  ];
  return new TextEncoder().encode(lines.join('\n\n'));
}
