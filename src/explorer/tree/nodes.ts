import type { DatabaseReference, EntryReference, Reference } from '../../protocol/references';
import type { Doubt } from '../../protocol/standing';
import type { SetAside } from '../../store/checking/setAside';
import type { AppSummary, CellSummary, EntrySummary, ItemSummary } from '../../store/rows';
import type { Problem } from '../problems';
import type { RefusedSetting } from './refusedSettings';

/**
 * The nodes of the explorer's tree: what each stands for, what it is called by the view and by
 * commands, and in which order siblings come. How they are shown is in `nodeRow.ts`.
 */
export type Node =
  | FolderNode
  | AppNode
  | CellNode
  | EntryNode
  | ItemNode
  | ProblemNode
  | SetAsideNode
  | SettingNode
  | FilesNode;

/** A workspace folder; shown only where there are several. */
export interface FolderNode {
  readonly kind: 'folder';
  readonly name: string;
  readonly path: string;
}

export interface AppNode extends DatabaseReference {
  readonly kind: 'app';
  /** Absolute path of the database; it makes ids that survive a restart. */
  readonly database: string;
  readonly app: AppSummary;
  /** The notebook's path within its workspace folder, with forward slashes. */
  readonly place: string;
  /** Its folder, where another notebook beside it in the tree has the same name. */
  readonly apart: string | undefined;
  /** Whether the notebook's file is there. */
  readonly exists: boolean;
}

export interface CellNode extends DatabaseReference {
  readonly kind: 'cell';
  readonly database: string;
  readonly app: AppSummary;
  readonly cell: CellSummary;
  /** Whether the notebook's file is there. */
  readonly exists: boolean;
  /** Whether the notebook has it no more, as it is in the editor or as the kernel saw it last. */
  readonly orphaned: boolean;
  /** What stands at it in the editor, where that is that nothing is served, or not for sure. */
  readonly doubt: Doubt | undefined;
}

export interface EntryNode extends DatabaseReference {
  readonly kind: 'entry';
  readonly database: string;
  readonly app: AppSummary;
  readonly cell: CellSummary;
  readonly entry: EntrySummary;
  /** The call that it is of, told from those beside it; nothing where no call is known. */
  readonly called: string | undefined;
  /** Whether the notebook's file is there. */
  readonly exists: boolean;
  /** Whether the cell is orphaned. */
  readonly orphaned: boolean;
  /** What stands at the cell in the editor and concerns this result. */
  readonly doubt: Doubt | undefined;
}

export interface ItemNode extends DatabaseReference {
  readonly kind: 'item';
  readonly database: string;
  readonly cell: CellSummary;
  readonly entry: EntrySummary;
  readonly item: ItemSummary;
  /** Whether the notebook's file is there. */
  readonly exists: boolean;
  /** Whether the cell is orphaned. */
  readonly orphaned: boolean;
}

/** A database that cannot be read. */
export interface ProblemNode {
  readonly kind: 'problem';
  readonly database: string;
  /** The database's path within its workspace folder, with forward slashes. */
  readonly place: string;
  readonly problem: Problem;
}

/** A damaged database that was set aside. */
export interface SetAsideNode {
  readonly kind: 'setAside';
  readonly aside: SetAside;
  /** Whether another took its place, which has what was whole in it. */
  readonly replaced: boolean;
  /** Its path within its workspace folder, with forward slashes. */
  readonly place: string;
}

/** A setting that is not followed. */
export interface SettingNode {
  readonly kind: 'setting';
  readonly setting: RefusedSetting;
  /** Its file's path within its workspace folder, with forward slashes; none of a variable. */
  readonly place: string | undefined;
}

/** A folder in which marimo keeps its cache in files, without Cellar. */
export interface FilesNode {
  readonly kind: 'files';
  /** Absolute path of marimo's cache folder. */
  readonly path: string;
  /** The notebooks' folder within its workspace folder, with forward slashes. */
  readonly place: string;
}

/**
 * Stable for as long as the thing exists, so that expansion and selection survive updates. What a database that was
 * begun anew has is not what the one before it had.
 */
export function idOf(node: Node): string {
  switch (node.kind) {
    case 'folder':
      return `folder:${node.path}`;
    case 'app':
      return `app:${node.app.appId}:${node.generation}:${node.database}`;
    case 'cell':
      return `cell:${node.cell.cellId}:${node.generation}:${node.database}`;
    case 'entry':
      return `entry:${node.entry.entryId}:${node.generation}:${node.database}`;
    case 'item':
      return `item:${node.entry.entryId}:${node.generation}:${node.database}:${node.item.key}`;
    case 'problem':
      return `problem:${node.database}`;
    case 'setAside':
      return `setAside:${node.aside.path}`;
    case 'setting':
      return `setting:${node.setting.file ?? ''}:${node.setting.key ?? ''}`;
    case 'files':
      return `files:${node.path}`;
  }
}

/** What a node is shown by: itself, and not the amounts of those that it is in. */
export function ownOf(node: Node): unknown {
  switch (node.kind) {
    case 'cell':
      return [node.cell, node.exists, node.orphaned, node.doubt];
    case 'entry':
      return [node.entry, node.called, node.exists, node.orphaned, node.doubt];
    case 'item':
      return [node.item, node.exists, node.orphaned];
    case 'folder':
    case 'app':
    case 'problem':
    case 'setAside':
    case 'setting':
    case 'files':
      return node;
  }
}

/** What commands call the node; nothing for what is no part of a readable cache. */
export function referenceOf(node: Node): Reference | undefined {
  switch (node.kind) {
    case 'app':
      return { kind: 'app', ...databaseOfNode(node), appId: node.app.appId };
    case 'cell':
      return { kind: 'cell', ...databaseOfNode(node), cellId: node.cell.cellId };
    case 'entry':
      return { kind: 'entry', ...databaseOfNode(node), ...ofEntry(node.entry) };
    case 'item':
      return {
        kind: 'entry',
        ...databaseOfNode(node),
        ...ofEntry(node.entry),
        key: node.item.key,
      };
    case 'folder':
    case 'problem':
    case 'setAside':
    case 'setting':
    case 'files':
      return undefined;
  }
}

function ofEntry({ entryId, hash }: EntrySummary): Pick<EntryReference, 'entryId' | 'hash'> {
  return { entryId, hash };
}

/**
 * The same for what acts on cells: of an entry the cell that it is seen below. The id of an entry that went
 * since may be that of another cell's by now.
 */
export function cellReferenceOf(node: Node): Reference | undefined {
  return node.kind === 'entry' || node.kind === 'item'
    ? { kind: 'cell', ...databaseOfNode(node), cellId: node.cell.cellId }
    : referenceOf(node);
}

function databaseOfNode({ cache, generation }: DatabaseReference): DatabaseReference {
  return { cache, generation };
}

/** Which of a cell's entries to show first: the current one, or else the newest. */
export function mainEntry(entries: readonly EntrySummary[]): EntrySummary | undefined {
  const cell = entries.filter((entry) => entry.cacheName === 'cell_cache');
  return (
    cell.find((entry) => entry.current) ?? entries.find((entry) => entry.current) ?? entries[0]
  );
}

/** In notebook order, those that are gone from the notebook last; without those that keep nothing. */
export function shownCells(cells: readonly CellSummary[]): CellSummary[] {
  return cells
    .filter((cell) => cell.entries > 0)
    .sort(
      (a, b) =>
        Number(a.retiredAt !== undefined) - Number(b.retiredAt !== undefined) ||
        a.ordinal - b.ordinal,
    );
}
