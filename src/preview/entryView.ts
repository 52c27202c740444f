import { type Argument, callLabels, readable } from '../protocol/calls';
import { collectionName, firstLine, inReadingOrder, valueName } from '../protocol/labels';
import type {
  ArgumentView,
  Badge,
  Bookmark,
  Check,
  Clearing,
  EntryView,
  Fact,
  Fate,
  ValueView,
} from '../protocol/preview';
import { cut } from '../protocol/markdown';
import { formatRoughAge, formatAmount, formatBytes, formatDuration } from '../protocol/quantities';
import { formatWorth, leastSaved } from '../protocol/saving';
import {
  doubtAbout,
  isOrphaned,
  type OpenCells,
  savesTime,
  type Stand,
  standingWords,
} from '../protocol/standing';
import type { AppSummary, CellSummary, EntrySummary, ItemSummary } from '../store/rows';
import {
  cacheNameExplanation,
  cacheTypeName,
  facts as words,
  formatName,
  noCode,
  pinnedBadge,
} from './strings';

/** An entry with all that the page tells of it. */
export interface Description {
  readonly app: AppSummary | undefined;
  readonly cell: CellSummary;
  readonly entry: EntrySummary;
  /** All results of the cell, this one among them or as it was. */
  readonly siblings: readonly EntrySummary[];
  readonly items: readonly ItemSummary[];
  /** By key; a value that is not in here has not been read. */
  readonly checks: ReadonlyMap<string, Check>;
  readonly fate: Fate;
  readonly clearing: Clearing;
  readonly bookmark: Bookmark;
  /** What the editor knows of the cells of the cache. */
  readonly openCells: OpenCells;
}

/** The reader's language, clock, in Unix seconds, and workspace. */
export interface Reader {
  readonly locale: string;
  readonly now: number;
  /** An absolute path as people know it. */
  readonly nameOf: (notebook: string) => string;
}

/** @returns what people call a cell: its name, or else its first line of code */
export function cellTitle({ name, code }: Pick<CellSummary, 'name' | 'code'>): string {
  return name ?? firstLine(code) ?? noCode();
}

/**
 * What the tab of an entry is called: of several of one cell, which it is not to be taken for is told.
 * @param current whether it belongs to the cell as it last ran
 */
export function tabTitle({ title, badges: [badge] }: EntryView, current: boolean): string {
  const brief = cut(title, longestTab);
  return current || badge === undefined ? brief : `${brief} (${badge.text})`;
}

/** Characters of a title in a tab: one of a line of code would leave no room for other tabs. */
const longestTab = 40;

/** What a preview is called, and the notebook that it is of. */
export interface PreviewName {
  readonly title: string;
  readonly notebook: string | undefined;
}

/** @returns what each tab is called: with its notebook beside one of the same title and of another notebook */
export function tabTitles(names: readonly PreviewName[]): string[] {
  return names.map(({ title, notebook }) => {
    const isNamesake = (other: PreviewName) => other.title === title && other.notebook !== notebook;
    return notebook !== undefined && names.some(isNamesake) ? `${title}, ${notebook}` : title;
  });
}

/** @returns the entry in words, as the page shows it */
export function entryView(description: Description, reader: Reader): EntryView {
  const { items, checks, fate, clearing, bookmark } = description;
  return {
    bookmark,
    title: titleOf(description),
    call: (description.entry.call ?? []).map(argumentView),
    summary: summary(description, reader),
    badges: badgesOf(description),
    facts: factsOf(description, reader),
    values: inReadingOrder(items).map((item) => valueView(item, checks, reader)),
    fate,
    clearing,
    revealing: !isOrphaned(description.cell, description.openCells),
  };
}

/** The call that it is of, told from those beside it; or else what the cell is called. */
function titleOf({ cell, entry, siblings }: Description): string {
  const others = siblings.filter(({ entryId }) => entryId !== entry.entryId);
  return callLabels([entry, ...others]).get(entry) ?? cellTitle(cell);
}

function argumentView({ name, value }: Argument): ArgumentView {
  return { name, text: readable(value) };
}

function summary(description: Description, reader: Reader): string {
  const { locale, now } = reader;
  const { app, cell, entry } = description;
  const { saves, amount, createdAt, call = [] } = entry;
  const worth = formatWorth({ seconds: saves, amount }, leastSaved, locale);
  return [
    ...(call.length === 0 ? [] : [cellTitle(cell)]),
    ...(app === undefined ? [] : [notebookName(app, reader)]),
    ...(worth === undefined || !savesTime(standOf(description)) ? [] : [words.saves(worth)]),
    formatBytes(entry.size, locale),
    formatRoughAge(createdAt, now, locale),
  ].join(', ');
}

function badgesOf(description: Description): Badge[] {
  const { entry, fate } = description;
  const { name, sentence } = standingWords(standOf(description));
  return [
    // Of what was cleared there is no state any more.
    ...(fate.kind === 'cleared' ? [] : [{ text: name, explanation: sentence }]),
    ...(entry.pinned ? [pinnedBadge()] : []),
  ];
}

function standOf({ entry, cell, fate, openCells }: Description): Stand {
  return {
    current: entry.current && fate.kind === 'present',
    orphaned: isOrphaned(cell, openCells),
    retiredAt: cell.retiredAt,
    obsolete: entry.obsolete,
    again: entry.again,
    doubt: doubtAbout(entry, openCells.doubts.get(cell.cellId)),
  };
}

function factsOf({ app, cell, entry, items }: Description, reader: Reader): Fact[] {
  const { locale, now } = reader;
  const when = (at: number): Pick<Fact, 'text' | 'detail'> => ({
    text: formatRoughAge(at, now, locale),
    detail: new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'medium' }).format(
      at * 1000,
    ),
  });
  const type = cacheTypeName(entry.cacheType);
  const formats = [...new Set(items.map(({ format }) => formatName(format)))];
  const number = new Intl.NumberFormat(locale);
  const title = cellTitle(cell);
  return [
    fact(words.cell(), { text: title, detail: title, code: cell.name === undefined }),
    ...(app === undefined
      ? []
      : [fact(words.notebook(), { text: notebookName(app, reader), detail: app.notebook })]),
    fact(words.size(), {
      text: formatBytes(entry.size, locale),
      detail: words.bytes(number.format(entry.size)),
    }),
    fact(words.runtime(), {
      text:
        entry.runtime === undefined ? words.notMeasured() : formatDuration(entry.runtime, locale),
    }),
    ...(entry.amount === undefined
      ? []
      : [fact(words.cost(), { text: formatAmount(entry.amount, locale) })]),
    fact(words.created(), when(entry.createdAt)),
    fact(
      words.lastHit(),
      entry.lastHitAt === undefined ? { text: words.never() } : when(entry.lastHitAt),
    ),
    fact(words.hits(), { text: number.format(entry.hits) }),
    fact(words.versions(), { text: versionsOf(entry) }),
    fact(words.formats(), { text: formats.join(', ') }),
    fact(words.cache(), {
      text: entry.cacheName,
      detail: cacheNameExplanation(entry.cacheName),
      code: true,
    }),
    fact(words.type(), { text: type.name, detail: type.explanation }),
    fact(words.loader(), { text: entry.loader, code: true }),
    fact(words.hash(), { text: entry.hash, detail: entry.hash, code: true }),
  ];
}

function fact(label: string, { text, detail, code = false }: Partial<Fact>): Fact {
  return { label, text: text ?? '', detail, code };
}

function versionsOf({ versions: { marimo, python, cache } }: EntrySummary): string {
  const known = [
    ...(marimo === undefined ? [] : [`marimo ${marimo}`]),
    ...(python === undefined ? [] : [`Python ${python}`]),
    ...(cache === undefined ? [] : [words.cacheFormat(cache)]),
  ];
  return known.length === 0 ? words.unknownVersions() : known.join(', ');
}

function valueView(
  { key, name, format, typeHint, size }: ItemSummary,
  checks: ReadonlyMap<string, Check>,
  { locale }: Reader,
): ValueView {
  const type = typeHint?.split('.').pop();
  return {
    key,
    name: valueName(name),
    kind: type === undefined ? formatName(format) : `${type} (${formatName(format)})`,
    size: formatBytes(size, locale),
    check: checks.get(key) ?? { kind: 'unread' },
  };
}

/** With its folder: two of one name are not to be taken for one another. */
export function notebookName({ notebook }: AppSummary, { nameOf }: Reader): string {
  return collectionName(notebook) ?? nameOf(notebook);
}
