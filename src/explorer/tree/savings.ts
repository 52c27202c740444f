import * as l10n from '@vscode/l10n';
import { formatBytes } from '../../protocol/quantities';
import { formatWorth, leastSaved } from '../../protocol/saving';
import type { CellSummary } from '../../store/rows';
import { listed } from './row';

/** What the view and lists of commands say of what a result spares, and how much it keeps. */

/** "saves 3.4 s and 0.42", where a result cost money; nothing where neither is known. */
export function saving(
  seconds: number | undefined,
  amount: number | undefined,
  locale: string,
): string | undefined {
  const worth = formatWorth({ seconds, amount }, leastSaved, locale);
  return worth === undefined ? undefined : l10n.t('saves {0}', worth);
}

/** What something saves, where that is known, and keeps, for a list to choose from. */
export function amounts(
  { size, saves, amount }: Pick<CellSummary, 'size' | 'amount'> & { saves: number | undefined },
  locale: string,
): string {
  return listed(saving(saves, amount, locale), formatBytes(size, locale));
}

/** The line of a tooltip that says so; none where neither time nor money is worth a word. */
export function currentSaving(
  seconds: number | undefined,
  amount: number | undefined,
  locale: string,
): string[] {
  const worth = formatWorth({ seconds, amount }, leastSaved, locale);
  return worth === undefined ? [] : [l10n.t('Its current results save {0}.', worth)];
}
