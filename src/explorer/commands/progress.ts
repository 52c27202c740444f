import * as vscode from 'vscode';
import { withoutLinks } from '../withoutLinks';

/** Tells that `done` of `total` of one part are done; seen as whole percents. */
export type Step = (done: number, total: number) => void;

/**
 * Long work under a notification that shows how far it is, and can be cancelled.
 * @param title what is being done
 * @param parts how many there are: each has an equal part of the bar
 * @param work is given what says that it is to stop, and makes the steps of a part of it, which say `words`
 */
export function withSteps<T>(
  title: string,
  parts: number,
  work: (
    signal: AbortSignal,
    stepsOf: (words: (done: number, total: number) => string) => Step,
  ) => Promise<T>,
): Thenable<T> {
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  return vscode.window.withProgress(options, (progress, token) =>
    untilCancelled(token, (signal) =>
      work(signal, (words) => {
        let shown = 0;
        return (done, total) => {
          const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
          if (percent === shown && done < total) return;
          progress.report({
            message: withoutLinks(words(done, total)),
            increment: (percent - shown) / parts,
          });
          shown = percent;
        };
      }),
    ),
  );
}

/** Work that a cancellation aborts. */
export async function untilCancelled<T>(
  token: vscode.CancellationToken,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const listening = token.onCancellationRequested(() => {
    stop.abort();
  });
  try {
    return await work(stop.signal);
  } finally {
    listening.dispose();
  }
}
