import * as l10n from '@vscode/l10n';
import { formatBytes, formatCount } from '../../protocol/quantities';
import type { Imported } from '../../store/stock/importing';

/** What became of all folders together, in one sentence. */
export function summary(reports: readonly Imported[], locale: string): string {
  const { t } = l10n;
  const total = (of: (report: Imported) => number) =>
    reports.reduce((amount, report) => amount + of(report), 0);
  const count = (amount: number) => formatCount(amount, locale);
  const imported = total((report) => report.imported);
  const there = total((report) => report.there);
  const parts = [t('{0} imported', count(imported)), t('{0} there already', count(there))];
  const cleared = total((report) => report.cleared);
  if (cleared > 0) parts.push(t('{0} cleared before and left out', count(cleared)));
  const damaged = total((report) => report.damaged.length);
  if (damaged > 0) parts.push(t('{0} damaged and left where they are', count(damaged)));
  const told = parts.join(', ');
  return reports.some(({ stopped }) => stopped)
    ? t('Stopped: {0}. Run it again to go on.', told)
    : t('Results from files: {0}.', told);
}

export interface Question {
  readonly title: string;
  readonly detail: string;
  readonly yes: string;
}

/** @param size bytes of the files */
export function question(results: number, size: number, locale: string): Question {
  const title =
    results === 1
      ? l10n.t('Remove the files of 1 result?')
      : l10n.t('Remove the files of {0} results?', formatCount(results, locale));
  const detail = l10n.t(
    '{0} in marimo’s own files. Each of these results is in the database, whole, or was cleared. A marimo without Cellar would compute them again.',
    formatBytes(size, locale),
  );
  return { title, detail, yes: l10n.t('Remove') };
}

export function notice(removed: number, locale: string): string {
  return removed === 1
    ? l10n.t('The files of 1 result were removed.')
    : l10n.t('The files of {0} results were removed.', formatCount(removed, locale));
}
