import type { DocumentCell } from '../protocol/cells';
import type { Reference } from '../protocol/references';

/** The commands that links in a hover may run; nothing else in it is trusted. */
export const hoverCommands = ['cellar.preview', 'cellar.clearCellCache'] as const;

export interface HoverLinkTitles {
  readonly preview: string;
  /** Absent where clearing is not allowed, as in Restricted Mode. */
  readonly clear: string | undefined;
}

/**
 * Links for a cell, as Markdown that may be trusted: it consists of our own titles and of numbers,
 * never of a name, code or path from a file.
 * @param cache the number that `Caches` gave to the database
 * @returns `undefined` when nothing is cached for the cell
 */
export function hoverLinks(
  { cellId, entryId }: Pick<DocumentCell, 'cellId' | 'entryId'>,
  cache: number,
  titles: HoverLinkTitles,
): string | undefined {
  if (cellId === undefined || entryId === undefined) return undefined;
  const links = [link(titles.preview, 'cellar.preview', { kind: 'entry', cache, entryId })];
  if (titles.clear !== undefined) {
    links.push(link(titles.clear, 'cellar.clearCellCache', { kind: 'cell', cache, cellId }));
  }
  return links.join(' | ');
}

function link(
  title: string,
  command: (typeof hoverCommands)[number],
  reference: Reference,
): string {
  const query = encodeURIComponent(JSON.stringify([reference]));
  return `[${title}](command:${command}?${query})`;
}
