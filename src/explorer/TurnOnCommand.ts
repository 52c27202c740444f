import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { compareNames } from '../protocol/labels';
import type { Notices } from './Notices';
import {
  CannotTurnOn,
  type TurnedOn,
  hasMetadataBlock,
  turnOnInNotebook,
  turnOnInProject,
} from './turnOn';

/** More Python files than anyone scrolls through. */
const mostFiles = 2000;

interface Place {
  readonly uri: vscode.Uri;
  readonly turnOn: (text: string) => TurnedOn;
  /** The file is made by turning on, and goes again when that is taken back. */
  readonly isNew: boolean;
}

/**
 * The command Turn On Cell Caching: writes marimo's own setting where the user wants it, shows what
 * it wrote, and takes it back on request.
 */
export class TurnOnCommand {
  constructor(private readonly notices: Notices) {}

  async run(): Promise<void> {
    try {
      if (!(await this.notices.trusted())) return;
      const notebook = await chooseNotebook();
      const place = notebook === undefined ? undefined : await choosePlace(notebook);
      if (place !== undefined) await this.write(place);
    } catch (error) {
      await this.notices.failed(vscode.l10n.t('Cell caching was not turned on'), error);
    }
  }

  private async write({ uri, turnOn, isNew }: Place): Promise<void> {
    if (isNew) await vscode.workspace.fs.writeFile(uri, new Uint8Array());
    const document = await vscode.workspace.openTextDocument(uri);
    const before = document.getText();
    const wasDirty = document.isDirty;
    const file = vscode.workspace.asRelativePath(uri);
    const { text, line, already } = inWords(file, () => turnOn(before));
    if (!already) {
      await replaceText(document, text);
      // What the user has not saved yet is theirs to save.
      if (!wasDirty) await document.save();
    }
    const editor = await vscode.window.showTextDocument(document);
    const range = document.lineAt(line).range;
    editor.selection = new vscode.Selection(range.start, range.end);
    editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    if (already) {
      void vscode.window.showInformationMessage(
        vscode.l10n.t('Cell caching is on already: {0}, line {1}.', file, line + 1),
      );
      return;
    }
    const undo = vscode.l10n.t('Undo');
    const chosen = await vscode.window.showInformationMessage(
      wasDirty
        ? vscode.l10n.t(
            'Cell caching is on for {0} once you save it. Then restart marimo and run the notebook.',
            file,
          )
        : vscode.l10n.t(
            'Cell caching is on: see {0}, line {1}. Restart marimo and run the notebook.',
            file,
            line + 1,
          ),
      undo,
    );
    if (chosen === undo) await this.takeBack({ uri, before, after: text, isNew });
  }

  private async takeBack(written: {
    uri: vscode.Uri;
    before: string;
    after: string;
    isNew: boolean;
  }): Promise<void> {
    const { uri, before, after, isNew } = written;
    const document = await vscode.workspace.openTextDocument(uri);
    const file = vscode.workspace.asRelativePath(uri);
    if (document.getText() !== after) {
      void vscode.window.showWarningMessage(
        vscode.l10n.t(
          '{0} has changed since. Delete the line `cache_cells = true` yourself.',
          file,
        ),
      );
      return;
    }
    const wasDirty = document.isDirty;
    await replaceText(document, before);
    if (!wasDirty) await document.save();
    if (isNew) {
      await closeTabs(uri);
      await vscode.workspace.fs.delete(uri);
    }
    void vscode.window.showInformationMessage(
      isNew ? vscode.l10n.t('{0} is gone again.', file) : vscode.l10n.t('{0} is as it was.', file),
    );
  }
}

/** The notebook in the editor, or one chosen from a list. */
async function chooseNotebook(): Promise<vscode.Uri | undefined> {
  const open = vscode.window.activeTextEditor?.document;
  if (open?.uri.scheme === 'file' && isNotebook(open.getText())) return open.uri;
  const choices = notebooks().then((found) =>
    found.map((uri) => ({ label: vscode.workspace.asRelativePath(uri), uri })),
  );
  const chosen = await vscode.window.showQuickPick(choices, {
    title: vscode.l10n.t('Turn On Cell Caching'),
    placeHolder: vscode.l10n.t('Choose a marimo notebook'),
  });
  if (chosen === undefined && (await choices).length === 0) {
    void vscode.window.showInformationMessage(
      vscode.l10n.t('There is no marimo notebook in this workspace.'),
    );
  }
  return chosen?.uri;
}

async function choosePlace(notebook: vscode.Uri): Promise<Place | undefined> {
  const text = (await vscode.workspace.openTextDocument(notebook)).getText();
  const project = await nearestProject(notebook);
  const uri = project ?? vscode.Uri.joinPath(notebook, '..', 'pyproject.toml');
  const own: vscode.QuickPickItem & { place: Place } = {
    label: vscode.l10n.t('$(notebook) This notebook only'),
    description: path.basename(notebook.fsPath),
    detail: hasMetadataBlock(text)
      ? vscode.l10n.t('Adds the setting to its script metadata.')
      : vscode.l10n.t(
          'Adds script metadata to it. uv run then gives it an environment of its own.',
        ),
    place: { uri: notebook, turnOn: turnOnInNotebook, isNew: false },
  };
  const all: vscode.QuickPickItem & { place: Place } = {
    label: vscode.l10n.t('$(folder) All notebooks of the folder'),
    description: vscode.workspace.asRelativePath(uri),
    detail:
      project === undefined
        ? vscode.l10n.t('Makes a pyproject.toml with the setting.')
        : vscode.l10n.t('Adds the setting to pyproject.toml.'),
    place: { uri, turnOn: turnOnInProject, isNew: project === undefined },
  };
  const chosen = await vscode.window.showQuickPick([own, all], {
    title: vscode.l10n.t('Turn On Cell Caching'),
    placeHolder: vscode.l10n.t('Choose where to write marimo’s setting cache_cells'),
  });
  return chosen?.place;
}

async function closeTabs(uri: vscode.Uri): Promise<void> {
  const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
  const its = ({ input }: vscode.Tab) =>
    input instanceof vscode.TabInputText && input.uri.toString() === uri.toString();
  await vscode.window.tabGroups.close(tabs.filter(its));
}

/** The one that marimo reads: the first at or above the notebook. Not above its workspace folder. */
async function nearestProject(notebook: vscode.Uri): Promise<vscode.Uri | undefined> {
  const top = vscode.workspace.getWorkspaceFolder(notebook)?.uri.fsPath;
  for (let folder = path.dirname(notebook.fsPath); ; folder = path.dirname(folder)) {
    const file = path.join(folder, 'pyproject.toml');
    const found = await stat(file).then(
      (stats) => stats.isFile(),
      () => false,
    );
    if (found) return vscode.Uri.file(file);
    if (folder === top || folder === path.dirname(folder)) return undefined;
  }
}

async function notebooks(): Promise<vscode.Uri[]> {
  const files = await vscode.workspace.findFiles('**/*.py', undefined, mostFiles);
  const found = await Promise.all(
    files.map(async (uri) => {
      const text = await readFile(uri.fsPath, 'utf8').catch(() => '');
      return isNotebook(text) ? [uri] : [];
    }),
  );
  return found.flat().sort((a, b) => compareNames(a.fsPath, b.fsPath));
}

/** marimo itself takes a file that makes an app for a notebook. */
function isNotebook(text: string): boolean {
  return /^\w+ *= *marimo\.App\(/m.test(text);
}

async function replaceText(document: vscode.TextDocument, text: string): Promise<void> {
  const edit = new vscode.WorkspaceEdit();
  const old = document.getText();
  // Only what differs is replaced, so that cursors and folded regions elsewhere stay as they are.
  let from = 0;
  while (from < old.length && from < text.length && old[from] === text[from]) from++;
  let [oldTo, to] = [old.length, text.length];
  while (oldTo > from && to > from && old[oldTo - 1] === text[to - 1])
    [oldTo, to] = [oldTo - 1, to - 1];
  const range = new vscode.Range(document.positionAt(from), document.positionAt(oldTo));
  edit.replace(document.uri, range, text.slice(from, to));
  if (!(await vscode.workspace.applyEdit(edit))) {
    throw new Error(vscode.l10n.t('{0} cannot be edited.', document.uri.fsPath));
  }
}

/** Names the file and the way out where the text cannot be changed. */
function inWords<T>(file: string, change: () => T): T {
  try {
    return change();
  } catch (error) {
    throw error instanceof CannotTurnOn ? new Error(words(error, file), { cause: error }) : error;
  }
}

function words({ why, detail }: CannotTurnOn, file: string): string {
  switch (why) {
    case 'brokenToml': {
      const [first = ''] = detail.split('\n');
      return vscode.l10n.t('the TOML in {0} is broken; mend it first. {1}', file, first);
    }
    case 'severalBlocks':
      return vscode.l10n.t(
        '{0} has several script metadata blocks, of which marimo reads none. Leave one.',
        file,
      );
    case 'noPlace':
      return vscode.l10n.t(
        'no line can be added to {0} safely. Set cache_cells = true in [tool.marimo.runtime] yourself.',
        file,
      );
  }
}
