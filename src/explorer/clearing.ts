import * as l10n from '@vscode/l10n';
import { formatBytes, formatDuration } from '../protocol/quantities';
import type { Clearance } from '../store/rows';

/**
 * Whether to ask before clearing.
 * @param confirmAbove seconds to recompute, from the setting `cellar.confirmClearAbove`
 */
export function needsConfirmation(plan: Clearance, confirmAbove: number): boolean {
  return plan.cells > 1 || plan.pinned > 0 || plan.runtime > confirmAbove;
}

/** What several databases give up together. */
export function sum(clearances: readonly Clearance[]): Clearance {
  const total = (of: (clearance: Clearance) => number) =>
    clearances.reduce((amount, clearance) => amount + of(clearance), 0);
  return {
    apps: [...new Set(clearances.flatMap(({ apps }) => apps))],
    cells: total(({ cells }) => cells),
    entries: total(({ entries }) => entries),
    size: total(({ size }) => size),
    runtime: total(({ runtime }) => runtime),
    pinned: total(({ pinned }) => pinned),
  };
}

export interface Question {
  readonly title: string;
  readonly detail: string;
  readonly yes: string;
}

/** @param names the cells or notebooks to clear, as people call them */
export function question(plan: Clearance, names: readonly string[], locale: string): Question {
  const [name] = names;
  const title =
    names.length === 1 && name !== undefined
      ? l10n.t('Clear what is cached for {0}?', name)
      : l10n.t('Clear what is cached for {0} cells?', plan.cells);
  const lines = [
    l10n.t(
      '{0}: {1}, which would take {2} to compute again.',
      cells(plan.cells),
      formatBytes(plan.size, locale),
      formatDuration(plan.runtime, locale),
    ),
  ];
  if (plan.pinned === 1) lines.push(l10n.t('One result among them is pinned.'));
  if (plan.pinned > 1) lines.push(l10n.t('{0} results among them are pinned.', plan.pinned));
  return { title, detail: lines.join('\n'), yes: l10n.t('Clear') };
}

/** What was cleared: "Cleared 1 cell: 12.4 MB, 34 s to recompute." */
export function notice(done: Clearance, locale: string): string {
  return l10n.t(
    'Cleared {0}: {1}, {2} to recompute.',
    cells(done.cells),
    formatBytes(done.size, locale),
    formatDuration(done.runtime, locale),
  );
}

function cells(count: number): string {
  return count === 1 ? l10n.t('1 cell') : l10n.t('{0} cells', count);
}
