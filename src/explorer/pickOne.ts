import * as vscode from 'vscode';
import { tell } from './Notices';
import { withoutIcons } from './withoutIcons';

/**
 * A list to choose from, which opens while it is still being made. Its texts are names: none is an icon.
 * Where there turns out to be nothing to choose it closes, since an empty list tells nobody why, and that is
 * said instead.
 * @param nothing what is said then
 * @returns `undefined` when nothing was chosen
 */
export async function pickOne<T extends vscode.QuickPickItem>(
  choices: Promise<T[]>,
  options: { readonly title: string; readonly placeHolder: string },
  nothing: string,
): Promise<T | undefined> {
  const close = new vscode.CancellationTokenSource();
  try {
    const shown = choices.then((all) => {
      if (all.length === 0) close.cancel();
      return all.map(asText);
    });
    const chosen = await vscode.window.showQuickPick(shown, options, close.token);
    if (chosen === undefined && (await choices).length === 0) void tell(nothing);
    return chosen;
  } finally {
    close.dispose();
  }
}

function asText<T extends vscode.QuickPickItem>(choice: T): T {
  const { label, description } = choice;
  return {
    ...choice,
    label: withoutIcons(label),
    ...(description === undefined ? {} : { description: withoutIcons(description) }),
  };
}
