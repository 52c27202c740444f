import type { DocumentCell } from '../../protocol/cells';
import type { DatabaseReference, Reference } from '../../protocol/references';

/** The commands that links in a hover may run; nothing else in it is trusted. */
export const hoverCommands = [
  'cellar.preview',
  'cellar.clearCellCache',
  'cellar.pin',
  'cellar.unpin',
  'cellar.why',
] as const;

export interface HoverLinkTitles {
  readonly preview: string;
  readonly why: string;
  /** What changes the cache; absent where that is not allowed, as in Restricted Mode. */
  readonly changes:
    { readonly clear: string; readonly pin: string; readonly unpin: string } | undefined;
}

/**
 * Links for a cell, as Markdown that may be trusted: it consists of our own titles and of numbers,
 * never of a name, code or path from a file.
 * @param database what the cell's ids are of
 * @returns `undefined` for a cell that the cache does not know
 */
export function hoverLinks(
  { cellId, entryId, pinned }: Pick<DocumentCell, 'cellId' | 'entryId' | 'pinned'>,
  database: DatabaseReference,
  titles: HoverLinkTitles,
): string | undefined {
  if (cellId === undefined) return undefined;
  const cell = { kind: 'cell', ...database, cellId } as const;
  const why = link(titles.why, 'cellar.why', cell);
  if (entryId === undefined) return why;
  const entry = { kind: 'entry', ...database, entryId } as const;
  const links = [link(titles.preview, 'cellar.preview', entry)];
  if (titles.changes !== undefined) {
    const { clear, pin, unpin } = titles.changes;
    links.push(link(clear, 'cellar.clearCellCache', cell));
    links.push(pinned ? link(unpin, 'cellar.unpin', entry) : link(pin, 'cellar.pin', entry));
  }
  return [...links, why].join(' | ');
}

function link(
  title: string,
  command: (typeof hoverCommands)[number],
  reference: Reference,
): string {
  const query = encodeURIComponent(JSON.stringify([reference]));
  return `[${title}](command:${command}?${query})`;
}
