import * as l10n from '@vscode/l10n';
import { callLines } from '../../protocol/calls';
import {
  formatAmount,
  formatBytes,
  formatCount,
  formatDuration,
  formatRoughAge,
} from '../../protocol/quantities';
import {
  doubtIn,
  savesTime,
  type Standing,
  standingOf,
  standingWords,
} from '../../protocol/standing';
import type { CellSummary, EntrySummary } from '../../store/rows';
import { signOf } from '../signs';
import type { EntryNode } from './nodes';
import { listed, type Reader, type Shown } from './row';
import { saving } from './savings';

/** A result, in the view and in other lists. */
export function entryRow(
  {
    cell,
    entry,
    called,
    exists,
    orphaned,
    doubt,
  }: Pick<EntryNode, 'entry' | 'called' | 'exists' | 'orphaned' | 'doubt'> & {
    readonly cell: Pick<CellSummary, 'retiredAt'>;
  },
  reader: Reader,
): Shown {
  const { locale, now } = reader;
  const label = called ?? resultName(entry);
  const stand = { ...entry, orphaned, retiredAt: cell.retiredAt, doubt };
  const doubted = doubtIn(stand);
  const standing = standingOf(stand);
  const { name, sentence } = standingWords(stand);
  const saves = savesTime(stand) ? saving(entry.saves, entry.amount, locale) : undefined;
  // What saves something is current; the row of a call has little room beside its label.
  const isBrief = called !== undefined && saves !== undefined;
  const description = listed(
    isBrief ? undefined : name,
    saves,
    entry.pinned ? l10n.t('pinned') : undefined,
    formatBytes(entry.size, locale),
    formatRoughAge(entry.createdAt, now, locale),
  );
  return {
    label,
    description,
    tooltip: {
      title: resultName(entry),
      lines: [
        ...callLines(entry.call ?? []),
        sentence,
        ...costLines(entry, locale),
        ...useLines(entry, reader),
        ...originLines(entry),
      ],
    },
    icon: {
      name: entry.pinned
        ? 'pinned'
        : doubted === undefined
          ? standingIcons[standing]
          : signOf(doubted),
      color: savesTime(stand) ? 'testing.iconPassed' : 'disabledForeground',
    },
    context:
      orphaned || !exists
        ? entry.pinned
          ? 'entryRetiredPinned'
          : 'entryRetired'
        : entry.pinned
          ? 'entryPinned'
          : 'entry',
    expandable: entry.items > 0,
    spoken: listed(label, isBrief ? name : undefined, description, ...callLines(entry.call ?? [])),
  };
}

/** What is to be paid again without a result, as far as it is known. */
function costLines({ runtime, amount }: EntrySummary, locale: string): string[] {
  const lines: string[] = [];
  if (runtime !== undefined)
    lines.push(l10n.t('Took {0} to compute.', formatDuration(runtime, locale)));
  if (amount !== undefined)
    lines.push(l10n.t('Cost {0}, to be paid again without it.', formatAmount(amount, locale)));
  return lines;
}

function useLines({ createdAt, lastHitAt, hits }: EntrySummary, { locale, now }: Reader): string[] {
  const ago = (at: number) => formatRoughAge(at, now, locale);
  const saved = l10n.t('Saved {0}.', ago(createdAt));
  if (lastHitAt === undefined) return [saved, l10n.t('Not used since.')];
  return [
    saved,
    hits === 1
      ? l10n.t('Used once, {0}.', ago(lastHitAt))
      : l10n.t('Used {0} times, last {1}.', formatCount(hits, locale), ago(lastHitAt)),
  ];
}

/** What saved a result, and the name that marimo finds it by. */
function originLines({ versions, cacheType, hash }: EntrySummary): string[] {
  const { marimo, python } = versions;
  return [
    ...(marimo === undefined ? [] : [`marimo ${marimo}`]),
    ...(python === undefined ? [] : [`Python ${python}`]),
    `${cacheType}_${hash}`,
  ];
}

/** What a result is called where nothing is known of a call. */
function resultName({ cacheName }: Pick<EntrySummary, 'cacheName'>): string {
  return cacheName === 'cell_cache' ? l10n.t('Result') : cacheName;
}

/** Codicons of how a result stands. */
export const standingIcons: Readonly<Record<Standing, string>> = {
  current: 'pass-filled',
  again: 'sync',
  outdated: 'history',
  orphaned: 'circle-slash',
  obsolete: 'archive',
};
