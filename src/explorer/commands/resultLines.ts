import { callLabels, type Call } from '../../protocol/calls';
import { cut, plainText } from '../../protocol/markdown';
import { doubtAbout, isOrphaned, type OpenCells } from '../../protocol/standing';
import type { CellReference, DatabaseReference, EntryReference } from '../../protocol/references';
import type { FoundEntry } from '../../store/rows';
import { cellLabel } from '../tree/cellRow';
import { entryRow } from '../tree/entryRow';
import { listed, type Reader, type Row } from '../tree/row';
import { withoutIcons } from '../withoutIcons';

/** A result as a line of a list. */
export interface ResultLine {
  readonly entry: EntryReference & { readonly hash: string };
  readonly cell: CellReference;
  readonly label: string;
  /** How it stands, in the words of the view, then where it is. */
  readonly description: string;
  /** What the call was made with, or the line of code, in which something was found. */
  readonly detail: string | undefined;
  readonly icon: Row['icon'];
  /** Unix seconds of when it was saved or served last. */
  readonly usedAt: number;
  /** Whether it was found by its call or by names. */
  readonly isNamed: boolean;
  readonly isPinned: boolean;
  /** Whether the notebook has its cell. */
  readonly isInNotebook: boolean;
}

/** Whose results some of one database are. */
export interface Origin extends DatabaseReference {
  /** The notebook of each, by id. */
  readonly notebooks: ReadonlyMap<number, { readonly name: string; readonly exists: boolean }>;
  /** What open notebooks say of its cells. */
  readonly open: OpenCells;
}

/** Characters of a cell's name beside the result's own, and of what is told of a call. */
const ofCell = 40;
const ofDetail = 200;
/** Characters before what was found that are told of it, where it is not at the beginning. */
const before = 30;
/** Characters of an argument among which something is found. */
const ofArgument = 1000;

/**
 * The lines of the results of one database that were found.
 * @param words that they were searched by
 */
export function linesOf(
  found: readonly FoundEntry[],
  origin: Origin,
  words: readonly string[],
  reader: Reader,
): ResultLine[] {
  const calls = callLabels(found.map(({ entry }) => entry));
  return found.map((each) => lineOf(each, calls.get(each.entry), origin, words, reader));
}

function lineOf(
  { entry, cell, isNamed }: FoundEntry,
  called: string | undefined,
  { cache, generation, notebooks, open }: Origin,
  words: readonly string[],
  reader: Reader,
): ResultLine {
  const { entryId, cellId, cacheName, hash } = entry;
  const { name = '', exists = false } = notebooks.get(cell.appId) ?? {};
  const orphaned = isOrphaned(cell, open);
  const doubt = doubtAbout(entry, open.doubts.get(cellId));
  const { description, icon } = entryRow({ cell, entry, called, exists, orphaned, doubt }, reader);
  const isOwn = cacheName === 'cell_cache';
  const ofItsCell = plainText(cellLabel(cell));
  const where = isOwn ? [name] : [name, cut(ofItsCell, ofCell)];
  const detail = entry.call === undefined ? lineWith(cell.code, words) : textOf(entry.call);
  return {
    entry: { kind: 'entry', cache, generation, entryId, hash },
    cell: { kind: 'cell', cache, generation, cellId },
    label: withoutIcons(isOwn ? ofItsCell : (called ?? plainText(cacheName))),
    description: withoutIcons(
      listed(description, where.map((part) => plainText(part)).join(' › ')),
    ),
    detail: detail === undefined ? undefined : withoutIcons(excerpt(detail, words)),
    icon,
    usedAt: Math.max(entry.createdAt, entry.lastHitAt ?? entry.createdAt),
    isNamed,
    isPinned: entry.pinned,
    isInNotebook: exists && !orphaned,
  };
}

function textOf(call: Call): string {
  return call.map(({ name, value }) => plainText(`${name}=${value}`, ofArgument)).join(', ');
}

/** The first line of code with one of the words in it. */
function lineWith(code: string, words: readonly string[]): string | undefined {
  const line = code.split('\n').find((each) => placeOf(each, words) !== undefined);
  return line === undefined ? undefined : plainText(line, ofArgument);
}

/** So much of a text that the first of the words that is in it can be seen. */
function excerpt(text: string, words: readonly string[]): string {
  const at = placeOf(text, words) ?? 0;
  if (at <= before) return cut(text, ofDetail);
  // From a word on, if there is one, and not from the midst of a character.
  const space = text.slice(0, at).indexOf(' ', at - before) + 1;
  const from = text.slice(space > 0 ? space : at - before).replace(/^[\udc00-\udfff]/, '');
  return cut(`…${from}`, ofDetail);
}

function placeOf(text: string, words: readonly string[]): number | undefined {
  const small = text.toLowerCase();
  const places = words.map((word) => small.indexOf(word.toLowerCase()));
  return places.find((place) => place >= 0);
}
