import * as l10n from '@vscode/l10n';
import path from 'node:path';
import { callLabels } from '../../protocol/calls';
import {
  formatRoughAge,
  formatAmount,
  formatBytes,
  formatCount,
  formatDuration,
} from '../../protocol/quantities';
import { Loss } from '../../store/cleaning/loss';
import type { EntryName, Pruned, PrunePlan } from '../../store/cleaning/pruning';
import { reasons, type Eviction, type Reason, without } from '../../store/cleaning/retention';
import { cellLabel } from '../tree/cellRow';

/** Results that are listed one by one; what is beyond goes or stays together. */
const mostListed = 1000;

/** What would go of one cache. */
export interface Planned {
  /** Its absolute path. */
  readonly database: string;
  /** As people know it: its folder, relative to the workspace where it is in one. */
  readonly name: string;
  /** Of which of the databases there the plan is: `SqliteLoader.generation`. */
  readonly generation: string;
  readonly plan: PrunePlan;
  readonly names: ReadonlyMap<number, EntryName>;
}

/** A line of the list: one result, or the rest of those that leave for one reason. */
export interface Line {
  readonly planned: Planned;
  readonly reason: Reason;
  readonly evictions: readonly Eviction[];
  readonly label: string;
  /** What it frees and what it took; last, where it is, since the end of a line may be cut off. */
  readonly description: string;
}

export interface Amounts {
  readonly size: number;
  readonly seconds: number;
  readonly amount: number;
}

/**
 * The list of what would go, by reason and in the order of the policy.
 * @param now Unix seconds
 * @param isOfSeveral the list is of several caches, and a line says of which it is
 */
export function linesOf(
  all: readonly Planned[],
  now: number,
  locale: string,
  isOfSeveral = false,
): Line[] {
  return all.flatMap((planned) => {
    const { evictions } = planned.plan;
    const byReason = reasons.map((reason) => evictions.filter((each) => each.reason === reason));
    const names = byReason.flatMap((alike) =>
      alike
        .slice(0, mostListed)
        .flatMap(({ candidate }) => planned.names.get(candidate.entryId) ?? []),
    );
    const notebooks = namesApart(names.map(({ notebook }) => notebook));
    const viewpoint = { calls: callLabels(names), notebooks, now, locale, isOfSeveral };
    return byReason.flatMap((alike) => {
      const lines = alike
        .slice(0, mostListed)
        .map((eviction) => lineOf(planned, eviction, viewpoint));
      const [first, ...rest] = alike.slice(mostListed);
      if (first === undefined) return lines;
      const more = [first, ...rest];
      const label = l10n.t('and {0} more', formatCount(more.length, locale));
      const parts = [told(more, locale), ...(isOfSeveral ? [planned.name] : [])];
      return [
        ...lines,
        { planned, reason: first.reason, evictions: more, label, description: parts.join(', ') },
      ];
    });
  });
}

function lineOf(
  planned: Planned,
  eviction: Eviction,
  viewpoint: {
    readonly calls: ReadonlyMap<EntryName, string>;
    readonly notebooks: ReadonlyMap<string, string>;
    readonly now: number;
    readonly locale: string;
    readonly isOfSeveral: boolean;
  },
): Line {
  const { calls, notebooks, now, locale, isOfSeveral } = viewpoint;
  const { candidate, reason } = eviction;
  const name = planned.names.get(candidate.entryId);
  // From the folder down to the result itself.
  const names = [
    ...(isOfSeveral ? [planned.name] : []),
    ...(name === undefined
      ? [l10n.t('a result')]
      : [
          notebooks.get(name.notebook) ?? name.notebook,
          cellLabel({ name: name.cell, code: name.code }),
          ...(name.cacheName === 'cell_cache' ? [] : [calls.get(name) ?? name.cacheName]),
        ]),
  ];
  const label = names.pop() ?? '';
  const evictions = [eviction];
  const used = l10n.t('used {0}', formatRoughAge(candidate.usedAt, now, locale));
  const where = names.length === 0 ? [] : [names.join(' › ')];
  return {
    planned,
    reason,
    evictions,
    label,
    description: [told(evictions, locale), used, ...where].join(', '),
  };
}

/** Notebooks by path: each by its name, and with its folder where another one has the same name. */
function namesApart(notebooks: readonly string[]): Map<string, string> {
  const all = [...new Set(notebooks)];
  const isAlone = (name: string) => all.filter((each) => path.basename(each) === name).length === 1;
  return new Map(
    all.map((notebook) => {
      const name = path.basename(notebook);
      const folder = path.basename(path.dirname(notebook));
      return [notebook, isAlone(name) ? name : `${folder}/${name}`];
    }),
  );
}

/** "12.4 MB, took 34 s, cost 0.42". */
function told(evictions: readonly Eviction[], locale: string): string {
  const { size, seconds, amount } = amountsOf([evictions]);
  const parts = [
    formatBytes(size, locale),
    l10n.t('took {0}', formatDuration(seconds, locale)),
    ...(amount > 0 ? [l10n.t('cost {0}', formatAmount(amount, locale))] : []),
  ];
  return parts.join(', ');
}

/**
 * The results that some lines stand for, each by a text that stays the same when the list is made anew:
 * then another line may stand for it.
 */
export function resultsOf(lines: readonly Line[]): Set<string> {
  return new Set(
    lines.flatMap(({ planned: { database }, evictions }) =>
      evictions.map(({ candidate: { entryId } }) => `${entryId}:${database}`),
    ),
  );
}

/** What goes when these lines go, of each cache: what others still refer to stays. */
export function chosenOf(lines: readonly Line[]): Map<Planned, Eviction[]> {
  const chosen = new Map<Planned, Set<number>>();
  for (const { planned, evictions } of lines) {
    const ids = chosen.get(planned) ?? new Set();
    for (const { candidate } of evictions) ids.add(candidate.entryId);
    chosen.set(planned, ids);
  }
  return new Map(
    [...chosen].map(([planned, ids]) => {
      const { evictions, shared } = planned.plan;
      const others = evictions
        .map(({ candidate }) => candidate.entryId)
        .filter((id) => !ids.has(id));
      return [planned, without(evictions, shared, new Set(others))];
    }),
  );
}

/** @returns the plan without what has been pinned since */
export function withoutPinned(planned: Planned, names: ReadonlyMap<number, EntryName>): Planned {
  const { evictions, shared } = planned.plan;
  const pinned = [...names.values()].filter((name) => name.pinned).map(({ entryId }) => entryId);
  const left = without(evictions, shared, new Set(pinned));
  return { ...planned, names, plan: { ...planned.plan, evictions: left } };
}

/** What some evictions of each cache come to. */
export function amountsOf(caches: Iterable<readonly Eviction[]>): Amounts {
  const total = { size: 0, seconds: 0, amount: 0 };
  for (const evictions of caches) {
    const loss = new Loss(evictions.map(({ candidate }) => candidate));
    total.size += evictions.reduce((sum, { freed }) => sum + freed, 0);
    total.seconds += loss.seconds;
    total.amount += loss.amount;
  }
  return total;
}

/**
 * "frees 3.1 GB, about 6 min to recompute if all were wanted again", or "about 6 min and 0.42" of what
 * cost money: short enough for one line of a list's title.
 */
export function price({ size, seconds, amount }: Amounts, locale: string): string {
  const freed = formatBytes(size, locale);
  const time = formatDuration(seconds, locale);
  return amount > 0
    ? l10n.t(
        'frees {0}, about {1} and {2} if all were wanted again',
        freed,
        time,
        formatAmount(amount, locale),
      )
    : l10n.t('frees {0}, about {1} to recompute if all were wanted again', freed, time);
}

/** How full the caches are: "1.2 GB of 24 GB". */
export function fullness(used: number, budget: number | undefined, locale: string): string {
  return budget === undefined
    ? l10n.t('{0}, without a limit', formatBytes(used, locale))
    : l10n.t('{0} of {1}', formatBytes(used, locale), formatBytes(budget, locale));
}

/** That nothing goes, also where more is kept than the budget wants. */
export function nothingGoes(all: readonly Planned[], locale: string): string {
  const isOver = ({ plan: { used, budget } }: Planned) => budget !== undefined && used > budget;
  const fullnessOf = ({ plan: { used, budget } }: Planned) => fullness(used, budget, locale);
  const over = all.filter(isOver);
  const [first, ...more] = all;
  if (over.length > 0) {
    const full = over.map((each) =>
      more.length === 0 ? fullnessOf(each) : `${each.name}, ${fullnessOf(each)}`,
    );
    return l10n.t(
      'Nothing can go now: {0}. What is left is pinned, or what a notebook that is open, or ran within the hour, would load.',
      full.join('; '),
    );
  }
  return first === undefined || more.length > 0
    ? l10n.t('Nothing has to go.')
    : l10n.t('Nothing has to go: {0}.', fullnessOf(first));
}

/** What was done, short enough for the one line of a notice: "Freed 3 MB: 2 of 5 results worth 34 s." */
export function notice(done: readonly Pruned[], asked: number, locale: string): string {
  const total = (of: (pruned: Pruned) => number) => done.reduce((sum, each) => sum + of(each), 0);
  const entries = total((each) => each.entries);
  if (entries === 0) return l10n.t('Nothing was removed: it is gone, pinned or in use by now.');
  const results =
    entries < asked
      ? l10n.t('{0} of {1} results', formatCount(entries, locale), formatCount(asked, locale))
      : entries === 1
        ? l10n.t('1 result')
        : l10n.t('{0} results', formatCount(entries, locale));
  const size = formatBytes(
    total((each) => each.size),
    locale,
  );
  const time = formatDuration(
    total((each) => each.seconds),
    locale,
  );
  const amount = total((each) => each.amount);
  return amount > 0
    ? l10n.t('Freed {0}: {1} worth {2} + {3}.', size, results, time, formatAmount(amount, locale))
    : l10n.t('Freed {0}: {1} worth {2}.', size, results, time);
}

/** A clean-up that nobody asked for, as a line of the log. */
export function logLine(where: string, done: Pruned, locale: string): string {
  const { entries, size, seconds, amount } = done;
  return (
    `Cleaned up ${where} while idle: ${entries === 1 ? '1 result' : `${formatCount(entries, locale)} results`}, ` +
    `${formatBytes(size, locale)}, ` +
    `about ${formatDuration(seconds, locale)} to recompute` +
    (amount > 0 ? `, and ${formatAmount(amount, locale)} to pay again.` : '.')
  );
}

/** Why an entry leaves, as the head of those that do: it takes its room from the first one's line. */
export function reasonTitle(reason: Reason): string {
  switch (reason) {
    case 'version':
      return l10n.t('older versions');
    case 'unreadable':
      return l10n.t('obsolete');
    case 'block':
      return l10n.t('block is gone');
    case 'orphan':
      return l10n.t('cell is gone');
    case 'room':
      return l10n.t('over the budget');
  }
}
