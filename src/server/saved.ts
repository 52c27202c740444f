import * as l10n from '@vscode/l10n';
import { formatAmount, formatCount, formatDuration } from '../protocol/quantities';
import type { Saved } from '../store/figures';

/** What a cell saved in all, where that is more than its last run tells; `undefined` elsewhere. */
export function describeSaved(saved: Saved | undefined, locale: string): string | undefined {
  if (saved === undefined || (saved.hits < 2 && saved.amount <= 0)) return undefined;
  const time = formatDuration(saved.seconds, locale);
  const hits =
    saved.hits === 1 ? l10n.t('1 hit') : l10n.t('{0} hits', formatCount(saved.hits, locale));
  return saved.amount > 0
    ? l10n.t(
        'In all: saved {0} and {1} of money in {2}.',
        time,
        formatAmount(saved.amount, locale),
        hits,
      )
    : l10n.t('In all: saved {0} in {1}.', time, hits);
}
