import * as l10n from '@vscode/l10n';
import { callLines } from '../../protocol/calls';
import { firstLine, valueName } from '../../protocol/labels';
import { cut } from '../../protocol/markdown';
import {
  formatRoughAge,
  formatAmount,
  formatBytes,
  formatDuration,
} from '../../protocol/quantities';
import { formatWorth, leastSaved } from '../../protocol/saving';
import {
  doubtIn,
  isOrphaned,
  type OpenCells,
  savesTime,
  type Stand,
  type Standing,
  standingOf,
  standingWords,
} from '../../protocol/standing';
import type { CellSummary, EntrySummary, Format } from '../../store/rows';
import {
  type AppNode,
  type CellNode,
  type EntryNode,
  type ItemNode,
  type Node,
  idOf,
} from './nodes';
import { filesRow, problemRow, settingRow } from './noticeRow';
import { signOf } from '../signs';
import { listed, type Reader, type Row, type Shown } from './row';

/**
 * Pure: a node in, words out; what VS Code wants made of them is in `CellTreeView`. A side bar cuts rows
 * off at their end, so that a description says first how a thing stands, then what it saves.
 */
export function rowOf(node: Node, reader: Reader): Row {
  const id = idOf(node);
  switch (node.kind) {
    case 'folder':
      return {
        id,
        label: node.name,
        description: '',
        tooltip: { title: node.path, lines: [] },
        icon: { name: 'root-folder' },
        context: 'folder',
        expandable: true,
        spoken: listed(node.name, l10n.t('folder')),
      };
    case 'app':
      return { id, ...appRow(node, reader) };
    case 'cell':
      return { id, ...cellRow(node, reader) };
    case 'entry':
      return { id, ...entryRow(node, reader) };
    case 'item':
      return { id, ...itemRow(node, reader) };
    case 'problem':
      return { id, ...problemRow(node) };
    case 'setting':
      return { id, ...settingRow(node) };
    case 'files':
      return { id, ...filesRow(node) };
  }
}

function appRow({ app, place, apart, exists }: AppNode, reader: Reader): Shown {
  const { locale, now } = reader;
  const collected = collectionName(app.path);
  const label = collected ?? nameOf(place);
  const isGone = !exists && collected === undefined;
  const cells =
    app.cells === 1 ? l10n.t('1 cell is cached') : l10n.t('{0} cells are cached', app.cells);
  const description = listed(
    apart,
    isGone ? l10n.t('the file is gone') : undefined,
    app.saves === undefined ? undefined : saving(app.saves, app.amount, locale),
    formatBytes(app.size, locale),
    formatRoughAge(app.lastUsedAt ?? app.lastSeenAt, now, locale),
  );
  return {
    label,
    description,
    tooltip: {
      title: collected ?? app.notebook,
      lines: [
        ...(isGone ? [l10n.t('The file is gone, or has another name now.')] : []),
        `${cells}, ${formatBytes(app.size, locale)}`,
        ...currentSaving(app.saves, app.amount, locale),
        l10n.t('Last seen {0}.', formatRoughAge(app.lastSeenAt, now, locale)),
      ],
    },
    icon: isGone
      ? { name: 'warning', color: 'problemsWarningIcon.foreground' }
      : { name: collected === undefined ? 'notebook' : 'archive' },
    context: exists ? 'app' : 'appGone',
    expandable: true,
    spoken: listed(label, description, l10n.t('notebook'), cells),
  };
}

/** What belongs to no notebook's file is kept under these names; `undefined` of one that has a file. */
export function collectionName(path: string): string | undefined {
  switch (path.slice(path.lastIndexOf('/') + 1)) {
    case 'imported':
      return l10n.t('imported from files of marimo');
    case 'served':
      return l10n.t('from kernels that were served');
    case 'unsaved':
      return l10n.t('notebooks without a file');
    default:
      return undefined;
  }
}

function cellRow({ cell, exists, orphaned, doubt }: CellNode, reader: Reader): Shown {
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
    orphaned ? l10n.t('orphaned') : undefined,
    obsolete ? l10n.t('obsolete') : undefined,
    isAtTheCell ? name : undefined,
    saves ? saving(cell.saves, cell.amount, locale) : undefined,
    pinnedOf(cell),
    formatBytes(cell.size, locale),
    cell.lastUsedAt === undefined ? undefined : formatRoughAge(cell.lastUsedAt, now, locale),
  );
  const entries =
    cell.entries === 1 ? l10n.t('1 result is kept') : l10n.t('{0} results are kept', cell.entries);
  return {
    label: cell.name ?? cut(label, codeInRow),
    description,
    tooltip: {
      title: label,
      lines: [
        ...(orphaned
          ? [
              l10n.t(
                'This cell is no longer in the notebook, so its results are orphaned. They are served if it comes back.',
              ),
            ]
          : []),
        `${entries}, ${formatBytes(cell.size, locale)}`,
        ...(obsolete
          ? [
              l10n.t(
                'Another version of marimo saved what is kept, and the one that the notebook ran with last does not read it.',
              ),
            ]
          : []),
        ...(isAtTheCell ? [sentence] : []),
        ...(saves ? currentSaving(cell.saves, cell.amount, locale) : []),
        ...(cell.defs.length > 0 ? [l10n.t('Defines {0}', cell.defs.join(', '))] : []),
      ],
      code: shortened(cell.code),
    },
    icon: orphaned
      ? { name: icons.orphaned, color: 'disabledForeground' }
      : {
          name: pinned ? 'pinned' : doubted === undefined ? 'code' : signOf(doubted),
          ...(doubted?.state === 'disabled' ? { color: 'disabledForeground' } : {}),
        },
    context:
      orphaned || !exists
        ? pinned
          ? 'cellRetiredPinned'
          : 'cellRetired'
        : pinned
          ? 'cellPinned'
          : 'cell',
    expandable: true,
    spoken: listed(label, description, l10n.t('cell'), entries),
  };
}

/** Of many results of a function some may be pinned alone. */
function pinnedOf({ pinned, entries }: CellSummary): string | undefined {
  if (pinned === 0) return undefined;
  return pinned < entries ? l10n.t('{0} pinned', pinned) : l10n.t('pinned');
}

/** A result, in the view and in other lists. */
export function entryRow(
  {
    entry,
    called,
    exists,
    orphaned,
    doubt,
  }: Pick<EntryNode, 'entry' | 'called' | 'exists' | 'orphaned' | 'doubt'>,
  reader: Reader,
): Shown {
  const { locale, now } = reader;
  const label = called ?? resultName(entry);
  const stand = { ...entry, orphaned, doubt };
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
  const { marimo, python } = entry.versions;
  return {
    label,
    description,
    tooltip: {
      title: resultName(entry),
      lines: [
        ...callLines(entry.call ?? []),
        sentence,
        ...(entry.runtime === undefined
          ? []
          : [l10n.t('Took {0} to compute.', formatDuration(entry.runtime, locale))]),
        ...(entry.amount === undefined
          ? []
          : [l10n.t('Cost {0}, to be paid again without it.', formatAmount(entry.amount, locale))]),
        l10n.t('Saved {0}.', formatRoughAge(entry.createdAt, now, locale)),
        entry.lastHitAt === undefined
          ? l10n.t('Not used since.')
          : entry.hits === 1
            ? l10n.t('Used once, {0}.', formatRoughAge(entry.lastHitAt, now, locale))
            : l10n.t(
                'Used {0} times, last {1}.',
                entry.hits,
                formatRoughAge(entry.lastHitAt, now, locale),
              ),
        ...(marimo === undefined ? [] : [`marimo ${marimo}`]),
        ...(python === undefined ? [] : [`Python ${python}`]),
        `${entry.cacheType}_${entry.hash}`,
      ],
    },
    icon: {
      name: entry.pinned ? 'pinned' : doubted === undefined ? icons[standing] : signOf(doubted),
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

/** What a result is called where nothing is known of a call. */
export function resultName({ cacheName }: Pick<EntrySummary, 'cacheName'>): string {
  return cacheName === 'cell_cache' ? l10n.t('Result') : cacheName;
}

/** Codicons of how a result stands. */
const icons: Readonly<Record<Standing, string>> = {
  current: 'pass-filled',
  again: 'sync',
  outdated: 'history',
  orphaned: 'circle-slash',
  obsolete: 'archive',
};

/** "saves 3.4 s and 0.42", where a result cost money; nothing where neither is known. */
function saving(
  seconds: number | undefined,
  amount: number | undefined,
  locale: string,
): string | undefined {
  const worth = formatWorth({ seconds, amount }, leastSaved, locale);
  return worth === undefined ? undefined : l10n.t('saves {0}', worth);
}

/** What something saves, where that is known, and keeps, for a list to choose from. */
export function amounts(
  { size, saves, amount }: Pick<CellSummary, 'size' | 'amount'> & { saves: number | undefined },
  locale: string,
): string {
  return listed(saving(saves, amount, locale), formatBytes(size, locale));
}

/** The same of a cell, which saves nothing where the next run of its notebook is served nothing of it. */
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

/** The line of a tooltip that says so; none where neither time nor money is worth a word. */
function currentSaving(
  seconds: number | undefined,
  amount: number | undefined,
  locale: string,
): string[] {
  const worth = formatWorth({ seconds, amount }, leastSaved, locale);
  return worth === undefined ? [] : [l10n.t('Its current results save {0}.', worth)];
}

function itemRow({ item, exists, orphaned }: ItemNode, { locale }: Reader): Shown {
  const label = valueName(item.name);
  const kind = formatNames()[item.format];
  const description = listed(
    item.quarantined ? l10n.t('damaged') : undefined,
    item.typeHint === undefined ? kind : lastName(item.typeHint),
    formatBytes(item.size, locale),
  );
  return {
    label,
    description,
    tooltip: {
      title: label,
      lines: [
        ...(item.quarantined
          ? [l10n.t('The stored bytes are wrong: they are never served, the cell runs again.')]
          : []),
        kind,
        ...(item.typeHint === undefined ? [] : [item.typeHint]),
        item.key,
        `SHA-256 ${item.digest}`,
      ],
    },
    icon: item.quarantined
      ? { name: 'error', color: 'problemsErrorIcon.foreground' }
      : { name: formatIcons[item.format] },
    context: orphaned || !exists ? 'itemRetired' : 'item',
    expandable: false,
    spoken: listed(label, description, item.typeHint === undefined ? undefined : kind),
  };
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

function formatNames(): Record<Format, string> {
  return {
    arrow: l10n.t('table'),
    json: 'JSON',
    npy: l10n.t('array'),
    pickle: 'pickle',
    pt: 'PyTorch',
    bin: l10n.t('bytes'),
    manifest: 'JSON',
  };
}

const formatIcons: Record<Format, string> = {
  arrow: 'table',
  json: 'json',
  npy: 'symbol-array',
  pickle: 'package',
  pt: 'symbol-numeric',
  bin: 'file-binary',
  manifest: 'list-tree',
};

export function nameOf(place: string): string {
  return place.slice(place.lastIndexOf('/') + 1);
}

/** `DataFrame` of `pandas.core.frame.DataFrame`; the tooltip has all of it. */
function lastName(type: string): string {
  return type.slice(type.lastIndexOf('.') + 1);
}

/** A tooltip shows the beginning: the whole cell stands in the notebook. */
function shortened(code: string): string {
  const lines = code.split('\n');
  return lines.length > 12 ? [...lines.slice(0, 11), '…'].join('\n') : code;
}
