import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { compareNames } from '../../protocol/labels';
import { nearestProject, projectFile } from '../../store/settings/place';
import { activeNotebook } from '../cell/activeNotebook';
import { isNotebookText } from '../cell/isNotebook';
import type { Notices } from '../Notices';
import { pickOne } from '../pickOne';
import { installed } from '../tree/Discovery';
import {
  hasMetadataBlock,
  takeOutOfNotebook,
  takeOutOfProject,
  turnOnInNotebook,
  turnOnInProject,
} from './turnOn';
import { type WritableSetting, writeSetting } from './writeSetting';

/** More Python files than anyone scrolls through. */
const mostFiles = 2000;

type Place = Pick<WritableSetting, 'uri' | 'write' | 'takeOut' | 'isNew'>;

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
      if (place !== undefined) await writeSetting({ ...place, words });
    } catch (error) {
      await this.notices.failed(vscode.l10n.t('Cell caching was not turned on'), error);
    }
  }
}

const words: WritableSetting['words'] = {
  already: (file, line) => vscode.l10n.t('Cell caching is on already: {0}, line {1}.', file, line),
  written: (file, line) =>
    vscode.l10n.t(
      'Cell caching is on: see {0}, line {1}. Restart marimo and run the notebook.',
      file,
      line,
    ),
  notSaved: (file) =>
    vscode.l10n.t(
      'Cell caching is on for {0} once you save it. Then restart marimo and run the notebook.',
      file,
    ),
  get writeYourself() {
    return vscode.l10n.t('Set cache_cells = true in [tool.marimo.runtime] yourself.');
  },
  get takeOutYourself() {
    return vscode.l10n.t('Delete the line `cache_cells = true` yourself.');
  },
};

/** The notebook in the editor, or one chosen from a list. */
async function chooseNotebook(): Promise<vscode.Uri | undefined> {
  const active = activeNotebook()?.file;
  if (active?.scheme === 'file') {
    const open = await vscode.workspace.openTextDocument(active);
    if (isNotebookText(open.getText())) return active;
  }
  const choices = notebooks().then((found) =>
    found.map((uri) => ({ label: vscode.workspace.asRelativePath(uri), uri })),
  );
  const chosen = await pickOne(
    choices,
    {
      title: vscode.l10n.t('Turn On Cell Caching'),
      placeHolder: vscode.l10n.t('Choose a marimo notebook'),
    },
    vscode.l10n.t('There is no marimo notebook in this workspace.'),
  );
  return chosen?.uri;
}

async function choosePlace(notebook: vscode.Uri): Promise<Place | undefined> {
  const text = (await vscode.workspace.openTextDocument(notebook)).getText();
  // The one that marimo reads, unless that is above the folder that is open.
  const top = vscode.workspace.getWorkspaceFolder(notebook)?.uri.fsPath;
  const project = await nearestProject(path.dirname(notebook.fsPath), top);
  const uri =
    project === undefined
      ? vscode.Uri.joinPath(notebook, '..', projectFile)
      : vscode.Uri.file(project);
  const own: vscode.QuickPickItem & { place: Place } = {
    label: vscode.l10n.t('$(notebook) This notebook only'),
    description: path.basename(notebook.fsPath),
    detail: hasMetadataBlock(text)
      ? vscode.l10n.t('Adds the setting to its script metadata.')
      : vscode.l10n.t(
          'Adds script metadata to it. uv run then gives it an environment of its own.',
        ),
    place: { uri: notebook, write: turnOnInNotebook, takeOut: takeOutOfNotebook, isNew: false },
  };
  const all: vscode.QuickPickItem & { place: Place } = {
    label: vscode.l10n.t('$(folder) All notebooks of the folder'),
    description: vscode.workspace.asRelativePath(uri),
    detail:
      project === undefined
        ? vscode.l10n.t('Makes a pyproject.toml with the setting.')
        : vscode.l10n.t('Adds the setting to pyproject.toml.'),
    place: {
      uri,
      write: turnOnInProject,
      takeOut: takeOutOfProject,
      isNew: project === undefined,
    },
  };
  const chosen = await vscode.window.showQuickPick([own, all], {
    title: vscode.l10n.t('Turn On Cell Caching'),
    placeHolder: vscode.l10n.t('Choose where to write marimo’s setting cache_cells'),
  });
  return chosen?.place;
}

/** marimo's notebooks in the workspace, by path; marimo itself, where it is installed, brings some, too. */
export async function notebooks(): Promise<vscode.Uri[]> {
  const files = await vscode.workspace.findFiles('**/*.py', installed, mostFiles);
  const found = await Promise.all(
    files.map(async (uri) => {
      const text = await readFile(uri.fsPath, 'utf8').catch(() => '');
      return isNotebookText(text) ? [uri] : [];
    }),
  );
  return found.flat().sort((a, b) => compareNames(a.fsPath, b.fsPath));
}
