import * as l10n from '@vscode/l10n';
import { formatCount } from '../../protocol/quantities';
import type { Exported } from '../../store/stock/exporting';

/** What became of all caches together: "12 results exported, 1 left out for a newer file." */
export function summary(reports: readonly Exported[], locale: string): string {
  const { t } = l10n;
  const total = (of: (report: Exported) => number) =>
    reports.reduce((amount, report) => amount + of(report), 0);
  const count = (amount: number) => formatCount(amount, locale);
  const written = total((report) => report.written);
  const newer = total((report) => report.newer);
  const damaged = total((report) => report.damaged.length);
  const parts = [
    written === 1 ? t('1 result exported') : t('{0} results exported', count(written)),
  ];
  if (newer > 0) parts.push(t('{0} left out for newer files', count(newer)));
  if (damaged > 0) parts.push(t('{0} damaged and left out', count(damaged)));
  const told = parts.join(', ');
  return reports.some(({ stopped }) => stopped)
    ? t('Stopped: {0}. Run it again to go on.', told)
    : `${told}.`;
}
