import * as l10n from '@vscode/l10n';
import { formatAmount, formatBytes, formatCount, formatDuration } from '../../protocol/quantities';
import type { BroughtBack, Clearance, ClearPlan, Stake } from '../../store/rows';

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

/** What clearing several databases would take; undoable if all of it is. */
export function sumPlans(plans: readonly ClearPlan[]): ClearPlan {
  return { ...sum(plans), undoable: plans.every(({ undoable }) => undoable) };
}

function total(amounts: readonly number[]): number {
  return amounts.reduce((sum, amount) => sum + amount, 0);
}

/** Characters of mixed text that a notice without a button shows, before VS Code cuts it. */
export const noticeLength = 63;

/** What a clear is counted in: `results` where it names each of them. */
export type Counted = 'cells' | 'results';

/** "3 cells" */
export function countOf(
  stake: Pick<Stake, 'cells' | 'entries'>,
  counted: Counted,
  locale: string,
): string {
  return counted === 'cells' ? cells(stake.cells, locale) : results(stake.entries, locale);
}

export interface Question {
  readonly title: string;
  readonly detail: string;
  readonly yes: string;
}

/** @param names the results, cells or notebooks to clear, as people call them */
export function question(
  plan: ClearPlan,
  names: readonly string[],
  counted: Counted,
  locale: string,
): Question {
  const [name] = names;
  const count = countOf(plan, counted, locale);
  const title =
    names.length === 1 && name !== undefined
      ? l10n.t('Clear what is cached for {0}?', name)
      : counted === 'cells'
        ? l10n.t('Clear what is cached for {0} cells?', formatCount(plan.cells, locale))
        : l10n.t('Clear {0}?', count);
  // Else nobody knows why a cell that saves 12 s takes 25 s: an older version of it goes as well.
  const isMore = counted === 'cells' && plan.entries > plan.cells;
  const what = isMore ? `${count}, ${results(plan.entries, locale)}` : count;
  const facts = [what, ...factsOf(plan, locale)] as const;
  const lines = [
    plan.amount > 0
      ? l10n.t('{0}: {1}, which would take {2} to compute again, and cost {3}.', ...facts)
      : l10n.t('{0}: {1}, which would take {2} to compute again.', ...facts),
  ];
  if (plan.pinned === 1) lines.push(l10n.t('One result among them is pinned.'));
  if (plan.pinned > 1)
    lines.push(l10n.t('{0} results among them are pinned.', formatCount(plan.pinned, locale)));
  lines.push(
    plan.undoable
      ? l10n.t('This can be undone for ten minutes.')
      : l10n.t('This cannot be undone.'),
  );
  return { title, detail: lines.join('\n'), yes: l10n.t('Clear') };
}

/**
 * What was cleared: "Cleared load of analysis.py: 12.4 MB, 34 s to recompute.", or of more than one thing,
 * and where that would be too long for the one line of a notice, "Cleared 1 cell: …".
 */
export function notice(
  done: Clearance,
  names: readonly string[],
  counted: Counted,
  locale: string,
): string {
  const facts = factsOf(done, locale);
  const told = (what: string) =>
    done.amount > 0
      ? l10n.t('Cleared {0}: {1}, {2} and {3} to recompute.', what, ...facts)
      : l10n.t('Cleared {0}: {1}, {2} to recompute.', what, ...facts);
  const whole = tellNamed(told, names, countOf(done, counted, locale));
  const [name, ...others] = names;
  if (counted === 'cells' || name === undefined || others.length > 0) return whole;
  // Which of many it was says more than what it took.
  const named = l10n.t('Cleared {0}.', name);
  return whole === told(name) || named.length > noticeLength ? whole : named;
}

/**
 * What came of undoing a clear.
 * @returns `isWhole` if nothing is missing
 */
export function undoNotice(
  { entries, there, lost }: BroughtBack,
  clear: { readonly names: readonly string[]; readonly count: string },
  locale: string,
): { readonly text: string; readonly isWhole: boolean } {
  if (lost > 0) {
    const text =
      entries + there > 0
        ? l10n.t(
            'Brought back {0} of {1} results; the rest is gone.',
            formatCount(entries, locale),
            formatCount(entries + lost, locale),
          )
        : l10n.t('Nothing came back: it was cleared again, or is gone.');
    return { text, isWhole: false };
  }
  const text =
    entries === 0
      ? l10n.t('Nothing had to come back: it was computed again.')
      : tellNamed((what) => l10n.t('Brought back {0}.', what), clear.names, clear.count);
  return { text, isWhole: true };
}

/** What is told of one thing by its name; of several, and where that would be too long, by their count. */
function tellNamed(
  told: (what: string) => string,
  [name, ...others]: readonly string[],
  count: string,
): string {
  const one = name === undefined || others.length > 0 ? undefined : told(name);
  return one === undefined || one.length > noticeLength ? told(count) : one;
}

/** Size, time and money. */
function factsOf(clearance: Clearance, locale: string): [string, string, string] {
  return [
    formatBytes(clearance.size, locale),
    formatDuration(clearance.runtime, locale),
    formatAmount(clearance.amount, locale),
  ];
}

function cells(count: number, locale: string): string {
  return count === 1 ? l10n.t('1 cell') : l10n.t('{0} cells', formatCount(count, locale));
}

function results(count: number, locale: string): string {
  return count === 1 ? l10n.t('1 result') : l10n.t('{0} results', formatCount(count, locale));
}
