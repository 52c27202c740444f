import * as l10n from '@vscode/l10n';
import { collectionName, firstLine } from '../protocol/labels';
import type { Bar, OverviewView, OverviewWords, Room, Saver, Tile } from '../protocol/overview';
import {
  formatRoughAge,
  formatAmount,
  formatBytes,
  formatCount,
  formatDuration,
} from '../protocol/quantities';
import { formatWorth } from '../protocol/saving';
import type { Budget } from '../store/settings/budget';
import {
  dayOf,
  type CleaningSummary,
  type Difference,
  type Figures,
  type Saved,
} from '../store/figures';

/** Days that are shown, today the last of them. */
const daysShown = 14;
const daySeconds = 86_400;

/** One cache, as it was read. */
export interface CacheFigures {
  /** As people know it. */
  readonly name: string;
  readonly figures: Figures;
  readonly budget: Budget;
}

export interface Viewpoint {
  readonly locale: string;
  /** Unix seconds. */
  readonly now: number;
  readonly trusted: boolean;
  /** An absolute path as people know it. */
  readonly nameOf: (notebook: string) => string;
}

/** @param problems what could not be read, as sentences */
export function overviewView(
  caches: readonly CacheFigures[],
  problems: readonly string[],
  viewpoint: Viewpoint,
): OverviewView {
  const cells = caches.flatMap(({ figures }) => figures.cells ?? []);
  const all = added(cells);
  return {
    words: words(),
    empty:
      caches.length > 0
        ? undefined
        : problems.length > 0
          ? l10n.t('What is saved is told here once a cache can be read.')
          : l10n.t(
              'Nothing is cached here yet. Run a notebook with cell caching on, and what that saves is told here.',
            ),
    restricted: viewpoint.trusted
      ? undefined
      : l10n.t('In Restricted Mode Cellar changes nothing: nothing can be pruned.'),
    problems,
    tiles: tiles(caches, all, viewpoint),
    bars: bars(caches, viewpoint),
    rooms: caches.map((cache) => room(cache, viewpoint)),
    savers: savers(caches, viewpoint),
    money: all.amount > 0,
  };
}

function tiles(caches: readonly CacheFigures[], all: Saved, viewpoint: Viewpoint): Tile[] {
  const { locale, now } = viewpoint;
  const days = caches.flatMap(({ figures }) => figures.days);
  const since = dayOf(now, 6);
  const week = added(days.filter(({ day }) => day >= since));
  const today = added(days.filter(({ day }) => day === dayOf(now)));
  const tile = (label: string, saved: Saved): Tile => ({
    label,
    value: formatDuration(saved.seconds, locale),
    detail:
      saved.hits === 1 ? l10n.t('1 hit') : l10n.t('{0} hits', formatCount(saved.hits, locale)),
  });
  const money =
    all.amount > 0
      ? [
          {
            label: l10n.t('Money saved in all'),
            value: formatAmount(all.amount, locale),
            detail: l10n.t('{0} in the last 7 days', formatAmount(week.amount, locale)),
          },
        ]
      : [];
  return [
    tile(l10n.t('Time saved in all'), all),
    tile(l10n.t('In the last 7 days'), week),
    tile(l10n.t('Today'), today),
    ...money,
  ];
}

function bars(caches: readonly CacheFigures[], { locale, now }: Viewpoint): Bar[] {
  const days = caches.flatMap(({ figures }) => figures.days);
  // Noon, so that a day of 23 or 25 hours is not left out or told twice.
  const noon = new Date(now * 1000).setHours(12, 0, 0, 0) / 1000;
  const shown = Array.from({ length: daysShown }, (_, i) => {
    const at = noon - (daysShown - 1 - i) * daySeconds;
    return { at, saved: added(days.filter(({ day }) => day === dayOf(at))) };
  });
  const best = Math.max(...shown.map(({ saved }) => saved.seconds));
  if (best <= 0) return [];
  const label = new Intl.DateTimeFormat(locale, { weekday: 'short', day: 'numeric' });
  return shown.map(({ at, saved }) => ({
    label: label.format(at * 1000),
    text: saved.seconds > 0 ? formatDuration(saved.seconds, locale) : l10n.t('nothing'),
    share: saved.seconds / best,
  }));
}

function room({ name, figures, budget }: CacheFigures, viewpoint: Viewpoint): Room {
  const { locale, now } = viewpoint;
  const { used } = figures;
  const { size, setting } = budget;
  const bytes = (amount: number) => formatBytes(amount, locale);
  const worth = ({ seconds, amount }: Difference) =>
    formatWorth({ seconds, amount: amount > 0 ? amount : undefined }, 1, locale) ??
    formatDuration(seconds, locale);
  const over = size !== undefined && used > size;
  const lines: string[] = [];
  if (over) {
    lines.push(
      l10n.t(
        'Over its budget by {0}: a clean-up is due, or what is left is pinned or in use.',
        bytes(used - size),
      ),
    );
  }
  lines.push(
    setting !== undefined
      ? l10n.t('The budget is set in {0}.', viewpoint.nameOf(setting.file))
      : size === undefined
        ? l10n.t(
            'The disk does not tell what is free, and no budget is set: nothing goes for want of room.',
          )
        : l10n.t(
            'The budget is a tenth of what would be free without the cache, and at least 2 GB.',
          ),
  );
  for (const { message } of budget.refusals) lines.push(message);
  const { larger, smaller } = figures;
  if (larger !== undefined) {
    lines.push(
      l10n.t(
        '{0} more would have saved {1} in the last 7 days.',
        bytes(larger.size),
        worth(larger),
      ),
    );
  } else if (figures.cells !== undefined) {
    lines.push(l10n.t('A larger budget would have saved nothing in the last 7 days.'));
  }
  if (smaller !== undefined) {
    lines.push(
      l10n.t(
        'A budget of {0} would have cost {1} in the last 7 days.',
        bytes(smaller.size),
        worth(smaller),
      ),
    );
  }
  if (figures.cells === undefined) {
    lines.push(
      l10n.t(
        'This cache is of an older format. The next run of a notebook brings it up to date; what it saves is counted from then on.',
      ),
    );
  }
  return {
    name,
    text:
      size === undefined
        ? l10n.t('{0}, without a limit', bytes(used))
        : l10n.t('{0} of {1}', bytes(used), bytes(size)),
    share: size === undefined ? undefined : size === 0 ? 1 : Math.min(1, used / size),
    over,
    lines,
    cleanings: figures.cleanings.map((cleaning) => cleaningLine(cleaning, locale, now)),
  };
}

function cleaningLine(cleaning: CleaningSummary, locale: string, now: number): string {
  const { at, actor, entries, size, seconds, amount } = cleaning;
  const amounts = [
    formatRoughAge(at, now, locale),
    entries === 1 ? l10n.t('1 result') : l10n.t('{0} results', formatCount(entries, locale)),
    formatBytes(size, locale),
    formatWorth({ seconds, amount: amount > 0 ? amount : undefined }, 0, locale) ?? '',
  ] as const;
  switch (actor) {
    case 'kernel':
      return l10n.t('{0}, after a run: {1}, {2}, about {3} to recompute', ...amounts);
    case 'vscode':
      return l10n.t('{0}, by VS Code when idle: {1}, {2}, about {3} to recompute', ...amounts);
    case 'command':
      return l10n.t('{0}, by a command: {1}, {2}, about {3} to recompute', ...amounts);
  }
}

/** Notebooks with their cells, what saved most first. */
function savers(caches: readonly CacheFigures[], { locale, nameOf }: Viewpoint): Saver[] {
  const saver = (name: string, saved: Saved, cells: readonly Saver[] = []): Saver => ({
    name,
    time: formatDuration(saved.seconds, locale),
    amount: saved.amount > 0 ? formatAmount(saved.amount, locale) : '',
    hits: formatCount(saved.hits, locale),
    cells,
  });
  return caches
    .flatMap(({ figures }) => {
      const cells = figures.cells ?? [];
      return [...new Set(cells.map(({ notebook }) => notebook))].map((notebook) => ({
        notebook,
        cells: cells.filter((cell) => cell.notebook === notebook),
      }));
    })
    .map(({ notebook, cells }) => ({ notebook, cells, saved: added(cells) }))
    .sort((a, b) => b.saved.seconds - a.saved.seconds)
    .map(({ notebook, cells, saved }) =>
      saver(
        collectionName(notebook) ?? nameOf(notebook),
        saved,
        cells.map((cell) => saver(cell.name ?? firstLine(cell.code) ?? l10n.t('(no code)'), cell)),
      ),
    );
}

function added(all: readonly Saved[]): Saved {
  const total = (of: (saved: Saved) => number) => all.reduce((sum, each) => sum + of(each), 0);
  return {
    hits: total(({ hits }) => hits),
    seconds: total(({ seconds }) => seconds),
    amount: total(({ amount }) => amount),
  };
}

function words(): OverviewWords {
  return {
    title: l10n.t('Cache Overview'),
    disk: l10n.t('Room'),
    cleanings: l10n.t('Last clean-ups'),
    noCleanings: l10n.t('Nothing had to leave yet.'),
    days: l10n.t('Time saved by day'),
    noDays: l10n.t('No time is known to have been saved in the last two weeks.'),
    savers: l10n.t('What saved most'),
    noSavers: l10n.t('Nothing was served from the cache yet.'),
    notebook: l10n.t('Notebook, cell'),
    time: l10n.t('Time saved'),
    amount: l10n.t('Money saved'),
    hits: l10n.t('Hits'),
    prune: l10n.t('Prune Cache...'),
    refresh: l10n.t('Refresh'),
    settings: l10n.t('Open Budget Setting'),
  };
}
