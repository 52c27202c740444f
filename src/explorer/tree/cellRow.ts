import * as l10n from '@vscode/l10n';
import { firstLine } from '../../protocol/labels';
import { cut } from '../../protocol/markdown';
import { formatBytes, formatCount, formatRoughAge } from '../../protocol/quantities';
import {
  doubtIn,
  isOrphaned,
  type OpenCells,
  orphanedName,
  savesTime,
  type Stand,
  standingOf,
  standingWords,
} from '../../protocol/standing';
import type { CellSummary } from '../../store/rows';
import { signOf } from '../signs';
import { standingIcons } from './entryRow';
import type { CellNode } from './nodes';
import { listed, type Reader, type Shown } from './row';
import { amounts, currentSaving, saving } from './savings';

export function cellRow({ cell, exists, orphaned, doubt }: CellNode, reader: Reader): Shown {
  const { locale, now } = reader;
  const label = cellLabel(cell);
  const pinned = cell.pinned > 0;
  const stand = { ...cell, current: true, orphaned, doubt };
  const doubted = doubtIn(stand);
  const { name, sentence } = standingWords(stand);
  const obsolete = cell.obsolete && doubted === undefined;
  const isAtTheCell = doubted !== undefined || standingOf(stand) === 'again';
  const saves = savesAny(stand, cell);
  const description = listed(
    orphaned ? orphanedName(cell) : undefined,
    obsolete ? l10n.t('obsolete') : undefined,
    isAtTheCell ? name : undefined,
    saves ? saving(cell.saves, cell.amount, locale) : undefined,
    pinnedOf(cell, locale),
    formatBytes(cell.size, locale),
    cell.lastUsedAt === undefined ? undefined : formatRoughAge(cell.lastUsedAt, now, locale),
  );
  const entries =
    cell.entries === 1
      ? l10n.t('1 result is kept')
      : l10n.t('{0} results are kept', formatCount(cell.entries, locale));
  return {
    label: cell.name ?? cut(label, codeInRow),
    description,
    tooltip: {
      title: label,
      lines: [
        ...(orphaned ? [orphanedSentence(cell)] : []),
        `${entries}, ${formatBytes(cell.size, locale)}`,
        ...partlyPinned(cell, locale),
        ...(obsolete ? [obsoleteSentence()] : []),
        ...(isAtTheCell ? [sentence] : []),
        ...(saves ? currentSaving(cell.saves, cell.amount, locale) : []),
        ...(cell.defs.length > 0 ? [l10n.t('Defines {0}', cell.defs.join(', '))] : []),
      ],
      code: shortened(cell.code),
    },
    icon: orphaned
      ? { name: standingIcons.orphaned, color: 'disabledForeground' }
      : {
          name: pinned ? 'pinned' : doubted === undefined ? 'code' : signOf(doubted),
          ...(doubted?.state === 'disabled' ? { color: 'disabledForeground' } : {}),
        },
    context: `${orphaned || !exists ? 'cellRetired' : 'cell'}${contextOfPins(cell)}`,
    expandable: true,
    spoken: listed(label, description, l10n.t('cell'), entries),
  };
}

function orphanedSentence({ retiredAt }: CellSummary): string {
  return retiredAt === undefined
    ? l10n.t(
        'The notebook in the editor does not have this cell. Its results are served where it has it, as it had when it ran last.',
      )
    : l10n.t(
        'This cell is no longer in the notebook, so its results are orphaned. They are served if it comes back.',
      );
}

function obsoleteSentence(): string {
  return l10n.t(
    'Another version of marimo saved what is kept, and the one that the notebook ran with last does not read it.',
  );
}

/** Of many results of a function some may be pinned alone. */
function pinnedOf({ pinned, entries }: CellSummary, locale: string): string | undefined {
  if (pinned === 0) return undefined;
  return pinned < entries ? l10n.t('{0} pinned', formatCount(pinned, locale)) : l10n.t('pinned');
}

function contextOfPins({ pinned, entries }: CellSummary): '' | 'Pinned' | 'PartlyPinned' {
  if (pinned === 0) return '';
  return pinned < entries ? 'PartlyPinned' : 'Pinned';
}

/** What the menu of such a cell does is told from what it offers: both to pin and to let go. */
function partlyPinned({ pinned, entries }: CellSummary, locale: string): string[] {
  if (pinned === 0 || pinned >= entries) return [];
  const all = formatCount(entries, locale);
  return pinned === 1
    ? [l10n.t('1 of {0} results is pinned.', all)]
    : [l10n.t('{0} of {1} results are pinned.', formatCount(pinned, locale), all)];
}

/**
 * What a cell saves and keeps, for a list to choose from: it saves nothing where the next run of its notebook
 * is served nothing of it.
 */
export function cellAmounts(cell: CellSummary, open: OpenCells, locale: string): string {
  const stand = {
    ...cell,
    current: true,
    orphaned: isOrphaned(cell, open),
    doubt: open.doubts.get(cell.cellId),
  };
  const { size } = cell;
  return amounts(savesAny(stand, cell) ? cell : { size, saves: undefined }, locale);
}

/** The functions and blocks of a cell that runs each time may save something all the same. */
function savesAny(stand: Stand, { saves }: CellSummary): boolean {
  if (doubtIn(stand) !== undefined) return false;
  return savesTime(stand) || (standingOf(stand) === 'again' && saves > 0);
}

/** What people call a cell: its name, or else its first line of code. */
export function cellLabel(cell: Pick<CellSummary, 'name' | 'code'>): string {
  return cell.name ?? firstLine(cell.code) ?? l10n.t('(no code)');
}

/**
 * The most characters of code in a row, which has some 40 at the side bar's usual width: the rest is for
 * what the cell saves.
 */
const codeInRow = 16;

/** A tooltip shows the beginning: the whole cell stands in the notebook. */
function shortened(code: string): string {
  const lines = code.split('\n');
  return lines.length > 12 ? [...lines.slice(0, 11), '…'].join('\n') : code;
}
