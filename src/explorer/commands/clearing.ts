import * as l10n from '@vscode/l10n';
import { formatAmount, formatBytes, formatDuration } from '../../protocol/quantities';
import type { Clearance, Stake } from '../../store/rows';

/**
 * Whether to ask before clearing.
 * @param confirmAbove seconds to recompute, and those that what was paid is worth, from the setting `cellar.confirmClearAbove`
 */
export function needsConfirmation(stake: Stake, confirmAbove: number): boolean {
  return stake.cells > 1 || stake.pinned > 0 || stake.runtime + stake.worth > confirmAbove;
}

/** What clearing costs in several databases together. */
export function stakeOf(stakes: readonly Stake[]): Stake {
  return {
    cells: total(stakes.map(({ cells }) => cells)),
    entries: total(stakes.map(({ entries }) => entries)),
    runtime: total(stakes.map(({ runtime }) => runtime)),
    amount: total(stakes.map(({ amount }) => amount)),
    worth: total(stakes.map(({ worth }) => worth)),
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

/** Characters of mixed text that a notice without a button shows, before VS Code cuts it. */
export const noticeLength = 63;

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
  const facts = factsOf(plan, locale);
  const lines = [
    plan.amount > 0
      ? l10n.t('{0}: {1}, which would take {2} to compute again, and cost {3}.', ...facts)
      : l10n.t('{0}: {1}, which would take {2} to compute again.', ...facts),
  ];
  if (plan.pinned === 1) lines.push(l10n.t('One result among them is pinned.'));
  if (plan.pinned > 1) lines.push(l10n.t('{0} results among them are pinned.', plan.pinned));
  lines.push(l10n.t('This cannot be undone.'));
  return { title, detail: lines.join('\n'), yes: l10n.t('Clear') };
}

/**
 * What was cleared: "Cleared load of analysis.py: 12.4 MB, 34 s to recompute.", or of more than one thing,
 * and where that would be too long for the one line of a notice, "Cleared 1 cell: …".
 */
export function notice(done: Clearance, names: readonly string[], locale: string): string {
  const [count, ...facts] = factsOf(done, locale);
  const told = (what: string) =>
    done.amount > 0
      ? l10n.t('Cleared {0}: {1}, {2} and {3} to recompute.', what, ...facts)
      : l10n.t('Cleared {0}: {1}, {2} to recompute.', what, ...facts);
  const [name, ...others] = names;
  const named = name === undefined || others.length > 0 ? undefined : told(name);
  return named === undefined || named.length > noticeLength ? told(count) : named;
}

/** Cells, size, time and money. */
function factsOf(clearance: Clearance, locale: string): [string, string, string, string] {
  return [
    cells(clearance.cells),
    formatBytes(clearance.size, locale),
    formatDuration(clearance.runtime, locale),
    formatAmount(clearance.amount, locale),
  ];
}

function cells(count: number): string {
  return count === 1 ? l10n.t('1 cell') : l10n.t('{0} cells', count);
}
