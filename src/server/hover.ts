/** The words about a cell: pure, so that each sentence can be looked at in a test. */

import * as l10n from '@vscode/l10n';
import { firstLine, valuesOf, valueName } from '../protocol/labels';
import { formatAge, formatBytes, formatDuration } from '../protocol/quantities';
import { type CellState, isServed } from '../protocol/cells';
import { formatWorth, leastSaved } from '../protocol/saving';
import { type CacheError, UnsupportedError } from '../store/database/CacheError';
import type { ItemSummary, LookupSummary } from '../store/rows';
import { ofSentence } from '../protocol/markdown';

/** What is known of a cell. Durations are seconds. */
export interface CellFacts {
  readonly state: CellState;
  readonly changed: ChangedTitle | undefined;
  /** Why the cache cannot be asked; all else is then without meaning. */
  readonly problem: CacheError | undefined;
  /** Whether marimo caches the notebook's cells; absent where nobody can tell. */
  readonly caching?: boolean | undefined;
  /** Bytes that the disk has left, where they are so few that what the next run computes may find no room. */
  readonly scarce?: number | undefined;
  /** Values of the entry that comes nearest to the document. */
  readonly items: readonly ItemSummary[];
  /** How long it took to compute them. */
  readonly runtime?: number | undefined;
  /** How much of that is saved: being served takes time, too. */
  readonly saves?: number | undefined;
  /** Money that the same cost. */
  readonly amount?: number | undefined;
  /** Why nothing of the cell can be kept as it stands, in a sentence. */
  readonly refusal?: string | undefined;
  /** Whether that is because it changes what it does not define. */
  readonly changesOthers?: boolean;
  /** A file that it read, or may have read, and that has changed since. */
  readonly outdated?: OutdatedFile | undefined;
  /** How many of its results are pinned. */
  readonly pinned?: number | undefined;
  /** What the last runs met, the last one first; of a cell without a lookup of its own, its calls. */
  readonly runs: readonly Run[];
  /** What calls of its functions, and its blocks, met last, where it has lookups of its own. */
  readonly calls?: readonly Run[];
}

export interface Run extends Pick<LookupSummary, 'at' | 'seconds'> {
  /** `again`: it was found, and is of no use to a cell that marimo runs all the same. */
  readonly met: LookupSummary['outcome'] | 'again';
  /** How long it took to compute what the run was served. */
  readonly computedIn: number | undefined;
  /** Why it met what it met, in the user's language. */
  readonly reason: string | undefined;
  /** Whether the disk had no room for what it computed. */
  readonly lackedRoom?: boolean;
  /** The function or block that was looked up, if it was not the cell itself. */
  readonly of?: string | undefined;
}

export interface OutdatedFile {
  /** As the notebook would name it. */
  readonly path: string;
  /** Whether it is only named in the code, for readers that nobody sees at work. */
  readonly named: boolean;
  /** When it was changed, in Unix seconds; absent when it is gone. */
  readonly changedAt: number | undefined;
}

/** The cell or module that another cell depends on and that is not as it was, or is disabled. */
export interface ChangedTitle {
  readonly title: string;
  readonly gone: boolean;
}

export interface Style {
  readonly locale: string;
  /** Unix seconds. */
  readonly now: number;
  /** Makes text from a file or a database plain text in the format of the hover. */
  readonly escape: (text: string, most?: number) => string;
}

/** Bytes that a database needs to grow by, with its log. */
const fullBelow = 1_000_000;
/** Values that are named before the rest is counted. */
const namedItems = 5;

/** What people call a cell: its name, or else its first line of code. */
export function cellTitle(cell: {
  readonly name: string | undefined;
  readonly code: string;
}): string {
  return cell.name ?? firstLine(cell.code) ?? l10n.t('an empty cell');
}

/** @returns four lines at most: the client adds a fifth, of links. */
export function hoverLines(facts: CellFacts, style: Style): string[] {
  const { state, changed, problem, runtime, saves, amount } = facts;
  const { refusal, outdated } = facts;
  const first = [
    refusal === undefined
      ? describeState(state, changed, problem, style.escape)
      : style.escape(refusal, ofSentence),
  ];
  if (state === 'fresh' && outdated !== undefined) {
    first[0] = describeOutdated(outdated, style);
  }
  if (state === 'neverCached' && (problem === undefined || problem.kind === 'missing')) {
    first.push(describeWay(facts));
    if (facts.scarce !== undefined) first.push(describeRoom(facts.scarce, style.locale));
  }
  if (state === 'noRoom' && facts.scarce !== undefined) {
    first.push(describeRoom(facts.scarce, style.locale));
  }
  const isSaving = isServed({ state, outdated: outdated !== undefined });
  const worth = isSaving
    ? formatWorth({ seconds: saves, amount }, leastSaved, style.locale)
    : formatWorth({ seconds: runtime, amount }, 0, style.locale);
  if (worth !== undefined && state !== 'neverCached') {
    first.push(isSaving ? l10n.t('Saves {0}.', worth) : l10n.t('It took {0}.', worth));
  }
  if ((facts.pinned ?? 0) > 0) first.push(l10n.t('Pinned.'));
  return [
    first.join(' '),
    describeLastRun(facts, style),
    describeEarlierRuns(facts, style),
    describeItems(facts, style),
  ].filter((line) => line !== undefined);
}

/** One or two short sentences on how the cell stands to the cache, or why nobody can tell. */
export function describeState(
  state: CellState,
  changed: ChangedTitle | undefined,
  problem: CacheError | undefined,
  escape: Style['escape'],
): string {
  if (problem) return describeProblem(problem);
  switch (state) {
    case 'fresh':
      return l10n.t('In the cache, and the code is as saved.');
    case 'changedHere':
      return l10n.t('In the cache, but the code has changed since.');
    case 'changedUpstream': {
      const title = escape(changed?.title ?? '');
      return changed?.gone === true
        ? l10n.t('In the cache, but {0}, which it needs, is gone. It may still hit.', title)
        : l10n.t('In the cache, but {0}, which it needs, has changed. It may still hit.', title);
    }
    case 'changedModule': {
      const path = escape(changed?.title ?? '');
      return changed?.gone === true
        ? l10n.t(
            'In the cache, but {0}, which made it, is gone: marimo’s editor computes it anew.',
            path,
          )
        : l10n.t(
            'In the cache, but {0}, which made it, has changed: marimo’s editor computes it anew.',
            path,
          );
    }
    case 'changedFile':
      return l10n.t(
        'In the cache, but {0} has changed since: it is computed anew.',
        escape(changed?.title ?? ''),
      );
    case 'obsolete':
      return l10n.t(
        'In the cache, but another version of marimo saved it, which this one does not read.',
      );
    case 'disabled':
      return changed === undefined
        ? l10n.t('It is disabled: marimo neither runs it nor takes it from the cache.')
        : l10n.t('It does not run, since {0}, which it needs, is disabled.', escape(changed.title));
    case 'off':
      return l10n.t('In the cache, but cell caching is off for this notebook: marimo runs it.');
    case 'again':
    case 'notCacheable':
      return l10n.t('It cannot be served from the cache as it stands.');
    case 'unfinished':
      return l10n.t('Its last run did not finish, and nothing of it was kept.');
    case 'noRoom':
      return l10n.t('The disk had no room for what its last run computed.');
    case 'unknown':
      return l10n.t('In the cache. Which code it was made from is not recorded.');
    case 'neverCached':
      return l10n.t('Not in the cache.');
  }
}

/** How a cell of which nothing is cached comes to be, or where what was cached of it went. */
export function describeWay({ caching, runs }: Pick<CellFacts, 'caching' | 'runs'>): string {
  if (caching === false) {
    return l10n.t('Cell caching is off for this notebook: turn it on, then run the cell.');
  }
  const [last] = runs;
  // That marimo caches it once it has run is no answer where it has.
  if (caching === true && last !== undefined) {
    if (last.lackedRoom === true) return l10n.t('What its last run computed could not be saved.');
    return last.met === 'miss'
      ? l10n.t(
          'Nothing of its last run is kept: it was cleared or evicted since, or could not be saved, as marimo’s output then says.',
        )
      : l10n.t('What its last run found there was cleared or evicted since.');
  }
  return caching === true
    ? l10n.t(
        'marimo caches it once it has run. A cell of plain Markdown it may show without a run.',
      )
    : l10n.t(
        'marimo caches a cell when cell caching is on and the cell has run. One of plain Markdown it may show without a run.',
      );
}

/** That a result may not have been saved for want of room, or will not be. */
export function describeRoom(bytes: number, locale: string): string {
  return bytes < fullBelow
    ? l10n.t('The disk is full: nothing can be saved until there is room on it.')
    : l10n.t(
        'The disk has only {0} left, and what needs more is not saved.',
        formatBytes(bytes, locale),
      );
}

/**
 * A hit that marimo cannot know to be out of date.
 * @param style without `now` for what is said for as long as it is so, and would be of another age by then
 */
export function describeOutdated(
  { path, named, changedAt }: OutdatedFile,
  { locale, now, escape }: Omit<Style, 'now'> & Partial<Pick<Style, 'now'>>,
): string {
  const file = escape(path);
  if (changedAt === undefined) {
    return named
      ? l10n.t('In the cache, but {0}, which it may have read, is gone.', file)
      : l10n.t('In the cache, but {0} is gone.', file);
  }
  if (now === undefined) {
    return named
      ? l10n.t('In the cache, but {0}, which it may have read, has changed since.', file)
      : l10n.t('In the cache, but {0} has changed since.', file);
  }
  const age = formatAge(changedAt, now, locale);
  return named
    ? l10n.t('In the cache, but {0}, which it may have read, changed {1}.', file, age)
    : l10n.t('In the cache, but {0} changed {1}.', file, age);
}

function describeProblem(error: CacheError): string {
  switch (error.kind) {
    case 'missing':
      return l10n.t('Nothing of this notebook is cached yet.');
    case 'newer':
      return l10n.t('A newer Cellar made this cache. Update Cellar to read it.');
    case 'damaged':
      return l10n.t(
        'The cache is damaged and cannot be read. The next run takes what is whole from it.',
      );
    case 'notADatabase':
    case 'foreign':
      return l10n.t('The file in the place of the cache is not one of Cellar.');
    case 'unreadable':
      return l10n.t('The system does not let the cache be read.');
    case 'busy':
      return l10n.t('The cache is busy at the moment.');
    case 'unsupported':
      return error instanceof UnsupportedError
        ? l10n.t(
            'The cache cannot be read here: {0} does not load on {1}.',
            error.packageName,
            `${error.platform}-${error.arch}`,
          )
        : l10n.t('The cache cannot be read.');
    case 'readOnly':
    case 'full':
    case 'closed':
      return l10n.t('The cache cannot be read.');
  }
}

/** What a run met, without what is said of the cell as it stands: why nothing of it is served. */
export function reasonBeside(
  refusal: string | undefined,
  { reason = '' }: Run,
): string | undefined {
  return reason.replace(refusal ?? '', '').trim() || undefined;
}

function describeLastRun(
  { runs, refusal }: CellFacts,
  { locale, now, escape }: Style,
): string | undefined {
  const [last] = runs;
  if (!last) return undefined;
  const { at, seconds, computedIn } = last;
  const age = formatAge(at, now, locale);
  const reason = reasonBeside(refusal, last);
  const because = (told: string) =>
    reason === undefined ? told : `${told} ${escape(reason, ofSentence)}`;
  if (last.met === 'again') {
    return because(l10n.t('Last run: computed again, though it was in the cache, {0}.', age));
  }
  if (last.met === 'hit') {
    const saved = (computedIn ?? 0) - (seconds ?? Infinity);
    return saved < leastSaved
      ? l10n.t('Last run: hit, {0}.', age)
      : l10n.t('Last run: hit, {0}, saved {1}.', age, formatDuration(saved, locale));
  }
  return because(
    seconds === undefined
      ? l10n.t('Last run: miss, {0}.', age)
      : l10n.t('Last run: miss, {0}, took {1}.', age, formatDuration(seconds, locale)),
  );
}

function describeEarlierRuns({ runs }: CellFacts, { locale }: Style): string | undefined {
  const earlier = runs.slice(1).map((run) => describeMet(run, locale));
  return earlier.length === 0 ? undefined : l10n.t('Before: {0}', earlier.join(', '));
}

/** @returns `hit (0.2 s)`, with how long the load or the run took where that was measured */
export function describeMet({ met, seconds }: Run, locale: string): string {
  // How long it ran then, nobody measured.
  if (met === 'again') return l10n.t('computed again');
  const word = met === 'hit' ? l10n.t('hit') : l10n.t('miss');
  return seconds === undefined ? word : `${word} (${formatDuration(seconds, locale)})`;
}

function describeItems({ items }: CellFacts, { locale, escape }: Style): string | undefined {
  const values = valuesOf(items);
  if (values.length === 0) return undefined;
  const named = values.slice(0, namedItems).map(({ name, size }) => {
    return `${escape(valueName(name))} (${formatBytes(size, locale)})`;
  });
  const more = values.length - named.length;
  if (more > 0) named.push(l10n.t('{0} more', more));
  return l10n.t('Values: {0}', named.join(', '));
}
