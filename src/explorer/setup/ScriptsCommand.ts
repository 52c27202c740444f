import { homedir } from 'node:os';
import path from 'node:path';
import { env } from 'node:process';
import * as vscode from 'vscode';
import { type Notices, warn } from '../Notices';
import { userConfig } from '../../store/settings/marimo';
import { scriptSettings, useFilesAgain, useSqlite } from './userConfig';
import { type WritableSetting, writeSetting } from './writeSetting';

/**
 * The command Use SQLite for Scripts: writes one line into marimo's configuration of the user, by
 * which `python notebook.py` keeps its results where kernels do, shows it, and takes it back.
 */
export class ScriptsCommand {
  constructor(private readonly notices: Notices) {}

  async run(): Promise<void> {
    try {
      if (!(await this.notices.trusted())) return;
      const { file, isNew, hiddenBy } = await userConfig(currentFolder(), { env, home: homedir() });
      if (hiddenBy !== undefined) {
        const openFile = vscode.l10n.t('Open File');
        const chosen = await warn(
          vscode.l10n.t(
            'In this folder marimo reads {0} instead of your own configuration, and takes no store from it. Remove that file, or run scripts elsewhere.',
            vscode.workspace.asRelativePath(hiddenBy),
          ),
          openFile,
        );
        if (chosen === openFile) await vscode.window.showTextDocument(vscode.Uri.file(hiddenBy));
        return;
      }
      const setting = await chooseSetting(file);
      if (setting === undefined) return;
      await writeSetting({
        uri: vscode.Uri.file(file),
        isNew,
        write: (text) => useSqlite(text, setting),
        takeOut: (text) => useFilesAgain(text, setting),
        words: wordsFor(`${setting.key} = "sqlite"`, setting.table.join('.')),
      });
    } catch (error) {
      await this.notices.failed(vscode.l10n.t('Scripts were not set to use SQLite'), error);
    }
  }
}

/** Where a script would be run from here. */
function currentFolder(): string {
  const document = vscode.window.activeTextEditor?.document.uri;
  const open = document?.scheme === 'file' ? document : undefined;
  const workspace =
    (open && vscode.workspace.getWorkspaceFolder(open)) ?? vscode.workspace.workspaceFolders?.[0];
  return workspace?.uri.fsPath ?? (open === undefined ? homedir() : path.dirname(open.fsPath));
}

async function chooseSetting(file: string) {
  const item = (label: string, setting: (typeof scriptSettings)['0.24.1']) => ({
    label,
    description: `[${setting.table.join('.')}] ${setting.key} = "sqlite"`,
    setting,
  });
  const chosen = await vscode.window.showQuickPick(
    [
      item(vscode.l10n.t('marimo 0.24.1 or later'), scriptSettings['0.24.1']),
      item(vscode.l10n.t('marimo 0.24.0'), scriptSettings['0.24.0']),
    ],
    {
      title: vscode.l10n.t('Use SQLite for Scripts'),
      placeHolder: vscode.l10n.t('Which marimo runs your scripts? A line is added to {0}', file),
    },
  );
  return chosen?.setting;
}

function wordsFor(line: string, table: string): WritableSetting['words'] {
  return {
    already: (file, at) =>
      vscode.l10n.t('Scripts are set to use SQLite already: {0}, line {1}.', file, at),
    written: (file, at) =>
      vscode.l10n.t(
        'Scripts keep their results in SQLite now, where the Python that runs them has Cellar’s package: see {0}, line {1}.',
        file,
        at,
      ),
    notSaved: (file) =>
      vscode.l10n.t('Scripts keep their results in SQLite once you save {0}.', file),
    writeYourself: vscode.l10n.t('Set {0} in [{1}] yourself.', line, table),
    takeOutYourself: vscode.l10n.t('Delete the line `{0}` yourself.', line),
  };
}
