import * as vscode from 'vscode';
import { CannotSet, type Written } from './tomlSetting';
import { tell, warn } from '../Notices';
import { closeTabs } from './closeTabs';

/** A setting that a command writes into a file of the user's. */
export interface WritableSetting {
  readonly uri: vscode.Uri;
  /** The file is made for it, and goes again when it is taken back. */
  readonly isNew: boolean;
  readonly write: (text: string) => Written;
  /** Offered where the setting is there already. */
  readonly takeOut?: (text: string) => string;
  readonly words: {
    readonly already: (file: string, line: number) => string;
    readonly written: (file: string, line: number) => string;
    readonly notSaved: (file: string) => string;
    /** What to do by hand, as a sentence. */
    readonly writeYourself: string;
    readonly takeOutYourself: string;
  };
}

/**
 * Writes a setting, shows the line that it wrote, and takes it back on request.
 *
 * @throws Error, in words for people, where the file cannot be changed
 */
export async function writeSetting(setting: WritableSetting): Promise<void> {
  const { uri, isNew, words } = setting;
  if (isNew) await vscode.workspace.fs.writeFile(uri, new Uint8Array());
  const document = await vscode.workspace.openTextDocument(uri);
  const before = document.getText();
  const wasDirty = document.isDirty;
  const file = vscode.workspace.asRelativePath(uri);
  const { text, line, already } = inWords(setting, () => setting.write(before));
  if (!already) {
    await replaceText(document, text);
    // What the user has not saved yet is theirs to save.
    if (!wasDirty) await document.save();
  }
  const editor = await vscode.window.showTextDocument(document);
  const range = document.lineAt(line).range;
  // With the cursor at the beginning, which stays in view where the line is long.
  editor.selection = new vscode.Selection(range.end, range.start);
  editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  if (already) {
    const takeBack = setting.takeOut === undefined ? [] : [vscode.l10n.t('Take Back')];
    const said = words.already(file, line + 1);
    const chosen = await tell(said, ...takeBack);
    if (chosen !== undefined) await takeOut(setting);
    return;
  }
  const undo = vscode.l10n.t('Undo');
  const chosen = await tell(wasDirty ? words.notSaved(file) : words.written(file, line + 1), undo);
  if (chosen === undo) await restore(setting, before, text);
}

async function restore(setting: WritableSetting, before: string, after: string): Promise<void> {
  const { uri, isNew } = setting;
  const document = await vscode.workspace.openTextDocument(uri);
  const file = vscode.workspace.asRelativePath(uri);
  if (document.getText() !== after) {
    void warn(vscode.l10n.t('{0} has changed since. {1}', file, setting.words.takeOutYourself));
    return;
  }
  const wasDirty = document.isDirty;
  await replaceText(document, before);
  if (!wasDirty) await document.save();
  if (isNew) {
    await closeTabs(uri);
    await vscode.workspace.fs.delete(uri);
  }
  void tell(
    isNew ? vscode.l10n.t('{0} is gone again.', file) : vscode.l10n.t('{0} is as it was.', file),
  );
}

/** Takes out what was there before the command. */
async function takeOut(setting: WritableSetting): Promise<void> {
  const document = await vscode.workspace.openTextDocument(setting.uri);
  const wasDirty = document.isDirty;
  const text = inWords(setting, () => setting.takeOut?.(document.getText()) ?? document.getText());
  await replaceText(document, text);
  if (!wasDirty) await document.save();
  void tell(
    vscode.l10n.t('The setting is gone from {0}.', vscode.workspace.asRelativePath(setting.uri)),
  );
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
function inWords<T>(setting: WritableSetting, change: () => T): T {
  try {
    return change();
  } catch (error) {
    throw error instanceof CannotSet
      ? new Error(sentence(error, setting), { cause: error })
      : error;
  }
}

function sentence({ why, detail }: CannotSet, { uri, words }: WritableSetting): string {
  const file = vscode.workspace.asRelativePath(uri);
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
    case 'another':
      return vscode.l10n.t('{0} names another store already: {1}.', file, detail);
    case 'noPlace':
      return vscode.l10n.t('{0} cannot be changed safely. {1}', file, words.writeYourself);
  }
}
