/**
 * Why a lookup met what it met, in words. `test/fixtures/reasons.json` has every kind of reason with
 * its fields and its English sentence; `python/marimo_cellar/lookups/reasons.py` says the same.
 */

import * as l10n from '@vscode/l10n';

/** As a kernel recorded it. Which fields there are is the kind's affair, and none is to be trusted. */
export interface Reason {
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** What a cell is called now; `undefined` for one that is gone, or unknown. */
export type TitleOf = (cellId: number) => string | undefined;

/** Of a kind with names in it, and of all reasons, so many are said. */
const said = 3;

const frames = ['missed', 'notCacheable', 'notKept', 'inPart', 'outdated'] as const;

/** @returns the reasons in a row of the table `reasons`, those that make sense */
export function parseReasons(json: string | undefined): Reason[] {
  let found: unknown;
  try {
    found = json === undefined ? undefined : JSON.parse(json);
  } catch {
    return [];
  }
  return Array.isArray(found) ? found.filter(isReason) : [];
}

/** Whether nothing of the cell is kept, or of no use: what marimo runs anew whatever is cached. */
export function notCacheable(reasons: readonly Reason[]): boolean {
  return reasons.some((reason) => frameOf(reason) === 'notCacheable');
}

/** Whether it is a reason for which nothing of a run is kept, or what is kept is of no use. */
export function refuses(reason: Reason): boolean {
  return ['notCacheable', 'notKept'].includes(frameOf(reason));
}

/** Whether the cell is to run each time: it makes UI elements, or changes what other cells made. */
export function runsEachTime(reasons: readonly Reason[]): boolean {
  return reasons.some(({ kind }) => kind === 'ui' || kind === 'changes');
}

/**
 * @returns one sentence for a lookup's reasons, or two; `undefined` where there are none. Kinds that a
 * newer version recorded are passed over.
 */
export function describeReasons(
  reasons: readonly Reason[],
  titleOf: TitleOf = () => undefined,
): string | undefined {
  const clauses = reasons.flatMap((reason) => {
    const clause = describeReason(reason, titleOf);
    return clause === undefined ? [] : [{ frame: frameOf(reason), clause }];
  });
  const sentences = frames.flatMap((frame) => {
    const own = clauses.filter((one) => one.frame === frame).map(({ clause }) => clause);
    return own.length === 0 ? [] : [inFrame(frame, listed(own, '; '))];
  });
  return sentences.length === 0 ? undefined : sentences.join(' ');
}

function frameOf(reason: Reason): (typeof frames)[number] {
  const { kind } = reason;
  if (kind === 'unpicklable' && usedNames(reason).length === 0) return 'inPart';
  if (['ui', 'unpicklable', 'changes'].includes(kind)) return 'notCacheable';
  if (['raised', 'full'].includes(kind)) return 'notKept';
  return kind === 'file' ? 'outdated' : 'missed';
}

function inFrame(frame: (typeof frames)[number], clauses: string): string {
  switch (frame) {
    case 'missed':
      return l10n.t('Not from the cache: {0}.', clauses);
    case 'notCacheable':
      return l10n.t('Not cacheable: {0}.', clauses);
    case 'notKept':
      return l10n.t('Not kept: {0}.', clauses);
    case 'inPart':
      return l10n.t('Saved in part: {0}.', clauses);
    case 'outdated':
      return l10n.t('From the cache, but {0}.', clauses);
  }
}

function describeReason(reason: Reason, titleOf: TitleOf): string | undefined {
  const name = text(reason.name);
  const title = titleIn(reason, titleOf);
  const cell = title ?? l10n.t('another cell');
  switch (reason.kind) {
    case 'own_code':
      return l10n.t('its own code changed');
    case 'upstream':
      return l10n.t('{0}, which it needs, changed', cell);
    case 'upstream_new':
      return l10n.t('it needs {0} now', cell);
    case 'upstream_gone':
      return l10n.t('it does not need {0} any more', cell);
    case 'input':
      return title === undefined
        ? l10n.t('{0} holds something else', name)
        : l10n.t('{0}, from {1}, holds something else', name, title);
    case 'module':
      return describeVersions(name, reason);
    case 'python':
      return describeVersions('Python', reason);
    case 'marimo':
      return describeVersions('marimo', reason);
    case 'evicted':
      return describeEviction(text(reason.why));
    case 'cleared':
      return l10n.t('it was cleared');
    case 'gone':
      return l10n.t('what was cached is gone');
    case 'unsigned':
      return l10n.t('nobody whom you trust signed what is cached');
    case 'damaged':
      return l10n.t('what was cached is damaged');
    case 'incomplete':
      return l10n.t('part of what was cached is missing');
    case 'refused':
      return l10n.t('what is cached does not serve ({0})', text(reason.text));
    case 'source':
      return l10n.t('{0} has changed since', text(reason.path));
    case 'rerun':
      return l10n.t('a cell below needs a value that could not be saved');
    case 'unsaved':
      return l10n.t('nothing was saved of its last run');
    case 'first':
      return l10n.t('nothing was cached before');
    case 'unknown':
      return l10n.t("something else changed that marimo's hash depends on");
    case 'ui':
      return l10n.t('UI elements are made anew in every run ({0})', namesIn(reason));
    case 'unpicklable': {
      const used = usedNames(reason);
      return used.length > 0
        ? l10n.t('there is no way to save {0}', listed(used, ', '))
        : l10n.t('there is no way to save {0}, which no other cell uses', namesIn(reason));
    }
    case 'changes':
      return l10n.t('it changes what it does not define ({0})', namesIn(reason));
    case 'raised':
      return l10n.t('its last run ended in {0}', name);
    case 'full':
      return l10n.t('the disk was full');
    case 'file':
      return describeFile(reason);
    default:
      return undefined;
  }
}

function describeVersions(name: string, { before, now }: Reason): string {
  return l10n.t('{0} was {1} and is {2}', name, text(before), text(now));
}

/** @param why what `python/marimo_cellar/cleaning/retention.py` has a result leave for */
function describeEviction(why: string): string {
  switch (why) {
    case 'room':
      return l10n.t('it was evicted to make room');
    case 'version':
      return l10n.t('it was evicted as one of many old versions');
    case 'orphan':
      return l10n.t('it was evicted while its cell was gone');
    default:
      return l10n.t('it was evicted');
  }
}

function describeFile({ path, how, change }: Reason): string {
  const file = text(path);
  if (how === 'named') {
    return change === 'gone'
      ? l10n.t('{0}, which it may have read, is gone', file)
      : l10n.t('{0}, which it may have read, has changed since', file);
  }
  return change === 'gone' ? l10n.t('{0} is gone', file) : l10n.t('{0} has changed since', file);
}

function titleIn({ cell, title }: Reason, titleOf: TitleOf): string | undefined {
  const now = typeof cell === 'number' ? titleOf(cell) : undefined;
  const recorded = text(title);
  return now ?? (recorded === '' ? undefined : recorded);
}

function namesIn({ names }: Reason): string {
  return listed(texts(names), ', ');
}

/** Of what cannot be saved, that which another cell used: without the rest, the cell is served. */
function usedNames({ names, unused }: Reason): string[] {
  const left = texts(unused);
  return texts(names).filter((name) => !left.includes(name));
}

function listed(all: readonly string[], between: string): string {
  const more = all.length - said;
  return [...all.slice(0, said), ...(more > 0 ? [l10n.t('{0} more', more)] : [])].join(between);
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isReason(value: unknown): value is Reason {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<Reason>).kind === 'string'
  );
}
