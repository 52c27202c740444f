import { homedir } from 'node:os';
import path from 'node:path';
import { env } from 'node:process';
import * as vscode from 'vscode';
import { object, oneOf, text } from '../../protocol/shape';
import { activeNotebook } from '../cell/activeNotebook';
import type { MarimoVersion } from './servedStore';
import { CannotSet } from './tomlSetting';
import { notebooks } from './TurnOnCommand';
import { userConfig } from '../../store/settings/marimo';

/** What the user asked for, kept for the workspace's next window. */
export interface Wish {
  readonly folder: string;
  readonly version: MarimoVersion;
  /** Whether the line is written into this machine's configuration, or the user took it elsewhere. */
  readonly line: 'written' | 'copied';
}

export const wishShape = object<Wish>({
  folder: text,
  version: oneOf('0.24.1', '0.24.0'),
  line: oneOf('written', 'copied'),
});

/** @throws Error, in words for people, where marimo would not take a store from that file. */
export async function configurationFor(folder: string): Promise<string> {
  const { file, hiddenBy } = await userConfig(folder, { env, home: homedir() });
  if (hiddenBy !== undefined) {
    throw new Error(
      vscode.l10n.t(
        'in this folder marimo reads {0} instead of your own configuration, and takes no store from it. Remove that file first.',
        hiddenBy,
      ),
    );
  }
  const open = vscode.workspace.textDocuments.find(({ uri }) => uri.fsPath === file);
  if (open?.isDirty === true) throw new Error(vscode.l10n.t('save {0} first.', file));
  return file;
}

/** A fault of a configuration in words for people, without what the parser quotes: it may be secret. */
export function inWords(error: unknown, file: string): unknown {
  return error instanceof CannotSet ? new Error(wordsOf(error, file)) : error;
}

function wordsOf({ why, detail }: CannotSet, file: string): string {
  switch (why) {
    case 'another':
      return vscode.l10n.t(
        '{0} names another store already, of type {1}. Take that out first, or copy the line to where it is needed.',
        file,
        detail,
      );
    case 'brokenToml':
      return vscode.l10n.t('the TOML in {0} is broken; mend it first.', file);
    case 'noPlace':
    case 'severalBlocks':
      return vscode.l10n.t(
        '{0} cannot be changed safely. Copy the line, or take it out, yourself.',
        file,
      );
  }
}

/** The folder of notebooks to serve; asked only where there are several. */
export async function chooseFolder(): Promise<string | undefined> {
  const active = activeNotebook()?.file;
  const folders = new Set<string>();
  if (active?.scheme === 'file') folders.add(path.dirname(active.fsPath));
  for (const { uri } of vscode.workspace.workspaceFolders ?? []) {
    if (uri.scheme === 'file') folders.add(uri.fsPath);
  }
  for (const uri of await notebooks()) folders.add(path.dirname(uri.fsPath));
  const items = [...folders].map((folder) => ({
    label: nameOf(folder),
    description: folder,
    folder,
  }));
  if (items.length <= 1) return items[0]?.folder;
  const chosen = await vscode.window.showQuickPick(items, {
    title: vscode.l10n.t('Serve Cache to Other Kernels'),
    placeHolder: vscode.l10n.t('Which folder’s notebooks do these kernels run?'),
  });
  return chosen?.folder;
}

/** Which marimo is served, and where the line goes. */
export async function chooseWay(folder: string): Promise<Wish | undefined> {
  const { file } = await userConfig(folder, { env, home: homedir() });
  const here = (version: MarimoVersion, label: string) => ({
    label,
    detail: vscode.l10n.t('Writes a line into {0}.', file),
    wish: { folder, version, line: 'written' } as const,
  });
  const elsewhere = (version: MarimoVersion, label: string) => ({
    label,
    detail: vscode.l10n.t('Copies the line for its marimo.toml.'),
    wish: { folder, version, line: 'copied' } as const,
  });
  const chosen = await vscode.window.showQuickPick(
    [
      here('0.24.1', vscode.l10n.t('marimo 0.24.1 or later, on this machine')),
      here('0.24.0', vscode.l10n.t('marimo 0.24.0, on this machine')),
      elsewhere(
        '0.24.1',
        vscode.l10n.t('marimo 0.24.1 or later, in a container or on another host'),
      ),
      elsewhere('0.24.0', vscode.l10n.t('marimo 0.24.0, in a container or on another host')),
    ],
    {
      title: vscode.l10n.t('Serve Cache to Other Kernels'),
      placeHolder: vscode.l10n.t('Which marimo do these kernels run?'),
    },
  );
  return chosen?.wish;
}

export function nameOf(folder: string): string {
  return path.basename(folder) || folder;
}
