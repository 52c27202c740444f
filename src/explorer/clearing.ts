import * as l10n from '@vscode/l10n';
import { formatBytes, formatDuration } from '../protocol/quantities';
import type { Clearance, Stake } from '../store/rows';

/**
 * Whether to ask before clearing.
 * @param confirmAbove seconds to recompute, from the setting `cellar.confirmClearAbove`
 */
export function needsConfirmation(stake: Stake, confirmAbove: number): boolean {
  return stake.cells > 1 || stake.pinned > 0 || stake.runtime > confirmAbove;
}

/** What clearing costs in several databases together. */
export function stakeOf(stakes: readonly Stake[]): Stake {
  return {
    cells: total(stakes.map(({ cells }) => cells)),
    entries: total(stakes.map(({ entries }) => entries)),
    runtime: total(stakes.map(({ runtime }) => runtime)),
    pinned: total(stakes.map(({ pinned }) => pinned)),
  };
}

/** What several databases give up together. */
export function sum(clearances: readonly Clearance[]): Clearance {
  return {
    ...stakeOf(clearances),
    apps: [...new Set(clearances.flatMap(({ apps }) => apps))],
    size: total(clearances.map(({ size }) => size)),
  };
}

function total(amounts: readonly number[]): number {
  return amounts.reduce((sum, amount) => sum + amount, 0);
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
