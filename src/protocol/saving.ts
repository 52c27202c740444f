import * as l10n from '@vscode/l10n';
import { formatAmount, formatDuration } from './quantities';

/** What computing a result took, and takes again without it. */
export interface Worth {
  /** Seconds; `undefined` where nobody measured them. */
  readonly seconds: number | undefined;
  /** Money, in whatever currency the user counts in; `undefined` where it cost none. */
  readonly amount: number | undefined;
}

/** Seconds below which a saving is not worth a word. */
export const leastSaved = 0.001;

/**
 * @param least seconds below which the time is not worth a word
 * @returns `34 s`, `34 s and 0.42`, `0.42`; `undefined` where there is nothing to tell
 */
export function formatWorth(
  { seconds, amount }: Worth,
  least: number,
  locale: string,
): string | undefined {
  const time =
    seconds === undefined || seconds < least ? undefined : formatDuration(seconds, locale);
  const money = amount === undefined ? undefined : formatAmount(amount, locale);
  return time !== undefined && money !== undefined
    ? l10n.t('{0} and {1}', time, money)
    : (time ?? money);
}
