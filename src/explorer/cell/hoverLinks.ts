import { type DocumentCell, lacksCaching, type Place } from '../../protocol/cells';
import type { DatabaseReference, Reference } from '../../protocol/references';
import { aboutCell } from './aboutCell';

/** The commands that links in a hover may run; nothing else in it is trusted. */
export const hoverCommands = [
  'cellar.preview',
  'cellar.clearCellCache',
  'cellar.pin',
  'cellar.unpin',
  'cellar.turnOnCellCaching',
  'cellar.why',
] as const;

export interface HoverLinkTitles {
  readonly preview: string;
  readonly why: string;
  /** What changes something; absent where that is not allowed, as in Restricted Mode. */
  readonly changes:
    | {
        readonly clear: string;
        readonly pin: string;
        readonly unpin: string;
        readonly turnOn: string;
      }
    | undefined;
}

/** What a hover is about, besides the cell. */
export interface Hovered {
  readonly place: Place;
  /** What the cell's ids are of; absent where there is no database. */
  readonly database: DatabaseReference | undefined;
  /** Whether marimo caches the notebook's cells; absent where nobody can tell. */
  readonly caching: boolean | undefined;
}

/**
 * Links for a cell, as Markdown that may be trusted: it consists of our own titles, of numbers and of the
 * notebook's URI, every character of which that means something is encoded, never of a name or code.
 */
export function hoverLinks(
  hovered: Pick<DocumentCell, 'cellId' | 'entryId' | 'pinned' | 'state'>,
  { place, database, caching }: Hovered,
  { preview, why, changes }: HoverLinkTitles,
): string {
  const { entryId, pinned, state } = hovered;
  const cell = aboutCell(hovered, database, place);
  const links: string[] = [];
  if (database !== undefined && entryId !== undefined) {
    const entry = { kind: 'entry', ...database, entryId } as const;
    links.push(link(preview, 'cellar.preview', entry));
    if (changes !== undefined) {
      const { clear, pin, unpin } = changes;
      links.push(link(clear, 'cellar.clearCellCache', cell));
      links.push(pinned ? link(unpin, 'cellar.unpin', entry) : link(pin, 'cellar.pin', entry));
    }
  }
  if (changes !== undefined && lacksCaching(state, caching)) {
    links.push(link(changes.turnOn, 'cellar.turnOnCellCaching'));
  }
  return [...links, link(why, 'cellar.why', cell)].join(' | ');
}

function link(
  title: string,
  command: (typeof hoverCommands)[number],
  ...about: readonly (Reference | Place)[]
): string {
  const query = about.length === 0 ? '' : `?${encoded(JSON.stringify(about))}`;
  return `[${title}](command:${command}${query})`;
}

/** Also what a link's end could be taken for: a parenthesis in a path. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[()!'*]/g,
    (character) => `%${character.charCodeAt(0).toString(16)}`,
  );
}
