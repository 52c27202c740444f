/**
 * A pickled pandas frame or series as a table. What pandas 2 and 3 write is read, and what else there is
 * is shown as any other pickle: nothing is ever loaded.
 */
import type { Column, PageRequest, TablePage } from '../../../protocol/pages';
import type { ByteSource } from '../../ByteSource';
import { DecodeError } from '../../DecodeError';
import { MAX_COLUMNS, MAX_ROWS } from '../../limits';
import { shorten } from '../../shorten';
import type { Pause, Value } from '../../Value';
import { isCall, isCallOf, isGlobal, itemsOf, member, type Node } from '../Unpickled';
import { coded, columnsOf, indexColumn, NEW_INDEX } from './columns';
import type { FrameColumn } from './FrameColumn';
import { integers, readArray } from './NumpyArray';
import { objectText } from './objectText';

/** Columns whose values are found. */
const MAX_FOUND = 100_000;
/** Levels of an index: each column's label has a text of every one. */
const MAX_LEVELS = 100;

/**
 * A pickled frame or series as a table; `undefined` for anything else, and for what is not understood.
 * Of the bytes of its arrays, a page reads what it shows.
 */
export function tableOf(root: Node, source: ByteSource): Value | undefined {
  try {
    const found = frameOf(root, source);
    return found === undefined ? undefined : new FrameTable(found);
  } catch (error) {
    // An index whose labels are the index itself comes to no end.
    if (error instanceof DecodeError || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** What pandas calls the shape of a frame or series; `undefined` for what {@link tableOf} does not read. */
export function shapeOf(root: Node, source: ByteSource): readonly number[] | undefined {
  try {
    return frameOf(root, source)?.shape;
  } catch (error) {
    if (error instanceof DecodeError || error instanceof RangeError) return undefined;
    throw error;
  }
}

interface FoundColumn extends FrameColumn {
  readonly name: string;
}

interface Found {
  readonly rows: number;
  /** Rows, and of a frame columns without those of the index. */
  readonly shape: readonly number[];
  /** Those of the index come first. */
  readonly columns: readonly FoundColumn[];
}

function frameOf(root: Node, source: ByteSource): Found | undefined {
  if (!isCall(root)) return undefined;
  const manager = member(root.state, '_mgr');
  const parts = partsOf(manager);
  if (parts === undefined) return undefined;
  const isSeries = isGlobal(root.of, 'pandas', 'Series');
  const rowLabels = parts.axes[isSeries ? 0 : 1];
  const index = levelsOf(rowLabels, source);
  const rows = index?.[0]?.length ?? NaN;
  if (index === undefined || !Number.isFinite(rows)) return undefined;
  const name = member(root.state, '_name') ?? null;
  const labels = isSeries
    ? { length: 1, text: () => (name === null ? '0' : objectText(name, source)) }
    : labelsOf(parts.axes[0], source);
  if (labels === undefined || labels.length > MAX_FOUND) return undefined;
  const columns = new Array<FoundColumn | undefined>(labels.length).fill(undefined);
  for (const { values, places } of parts.blocks) {
    const at = isSeries ? [0] : placesOf(places, labels.length, source);
    if (at === undefined) return undefined;
    const found = columnsOf(values, at.length, source);
    if (found.length !== at.length) return undefined;
    for (const [i, each] of found.entries()) {
      const place = at[i];
      // Each is in one block, of which there may be many that all claim to hold every column.
      if (place === undefined || columns[place] !== undefined || each.length < rows) {
        return undefined;
      }
      columns[place] = { ...each, name: labels.text(place) ?? 'nan' };
    }
  }
  const all = columns.filter((column) => column !== undefined);
  if (all.length < columns.length) return undefined;
  // Where nothing can be shown, the list of what it refers to says more.
  if (all.length > 0 && all.every(({ unreadable }) => unreadable !== undefined)) return undefined;
  return {
    rows,
    shape: isSeries ? [rows] : [rows, all.length],
    columns: [...(isPlainRange(rowLabels) ? [] : index), ...all],
  };
}

interface Parts {
  readonly axes: readonly Node[];
  readonly blocks: readonly {
    readonly values: Node | undefined;
    readonly places: Node | undefined;
  }[];
}

/** What is in a frame's manager, as it is made by a call, or by a state that older code reads, too. */
function partsOf(manager: Node | undefined): Parts | undefined {
  if (!isCallOf(manager, 'pandas', 'BlockManager', 'SingleBlockManager')) return undefined;
  if (manager.args.length >= 2) {
    const [blocks, axes] = manager.args;
    return {
      axes: itemsOf(axes),
      blocks: itemsOf(blocks).map((block) => {
        const isBlock = isCallOf(block, 'pandas', '_unpickle_block', 'new_block');
        const [values, places] = isBlock ? block.args : [];
        return { values, places };
      }),
    };
  }
  const state = itemsOf(manager.state).map((each) => member(each, '0.14.1'));
  const found = state.find((each) => each !== undefined);
  if (found === undefined) return undefined;
  return {
    axes: itemsOf(member(found, 'axes')),
    blocks: itemsOf(member(found, 'blocks')).map((block) => ({
      values: member(block, 'values'),
      places: member(block, 'mgr_locs'),
    })),
  };
}

/** Which columns a block holds, by a slice or an array of their places. */
function placesOf(node: Node | undefined, count: number, source: ByteSource): number[] | undefined {
  const inner = isCallOf(node, 'pandas', 'BlockPlacement') ? node.args[0] : node;
  let places: number[] = [];
  if (isCallOf(inner, 'builtins', 'slice')) {
    const [start = -1, stop = 0, step = 0] = inner.args.map(Number);
    // Else, adding one step after the other may come to no end.
    if (!Number.isInteger(start) || start < 0 || !Number.isInteger(step) || step < 1) {
      return undefined;
    }
    for (let at = start; at < stop && at < count; at += step) places.push(at);
  } else {
    const array = readArray(inner, source);
    if (array?.shape.length !== 1) return undefined;
    places = integers(array, count);
  }
  return places.every((place) => Number.isInteger(place) && place >= 0 && place < count)
    ? places
    : undefined;
}

/** The levels of an index as columns, with their names as `reset_index` gives them. */
function levelsOf(node: Node | undefined, source: ByteSource): FoundColumn[] | undefined {
  const named = (column: FrameColumn, name: Node | undefined, other: string): FoundColumn => {
    const own = name === undefined || name === null ? null : objectText(name, source);
    return { ...column, name: own ?? other };
  };
  const several = multiIndex(node, source);
  if (several !== undefined) {
    return several.levels.map((level, at) => named(level, several.names[at], `level_${at}`));
  }
  const column = indexColumn(node, source);
  if (column === undefined) return undefined;
  return [named(column, isCall(node) ? member(node.args[1], 'name') : undefined, 'index')];
}

/** The labels of columns, one text each. */
function labelsOf(
  node: Node | undefined,
  source: ByteSource,
): Pick<FrameColumn, 'length' | 'text'> | undefined {
  const several = multiIndex(node, source);
  if (several === undefined) {
    const labels = indexColumn(node, source);
    return labels?.unreadable === undefined ? labels : undefined;
  }
  const [first] = several.levels;
  if (first === undefined) return undefined;
  const text = (at: number): string =>
    shorten(`(${several.levels.map((level) => level.text(at) ?? 'nan').join(', ')})`);
  return { length: first.length, text };
}

function multiIndex(
  node: Node | undefined,
  source: ByteSource,
): { levels: readonly FrameColumn[]; names: readonly Node[] } | undefined {
  if (!isCallOf(node, 'pandas', ...NEW_INDEX)) return undefined;
  const [kind, parts] = node.args;
  if (!isGlobal(kind, 'pandas', 'MultiIndex')) return undefined;
  const codes = itemsOf(member(parts, 'codes')).map((each) => readArray(each, source));
  const levels: FrameColumn[] = [];
  const found = itemsOf(member(parts, 'levels'));
  if (found.length > MAX_LEVELS) return undefined;
  for (const [at, level] of found.entries()) {
    const values = indexColumn(level, source);
    const places = codes[at];
    if (values === undefined || places?.shape.length !== 1) return undefined;
    levels.push({ ...coded(places, values, values.type), align: values.align });
  }
  return { levels, names: itemsOf(member(parts, 'names')) };
}

/** An index that only counts from 0 is no more shown than in an Arrow file. */
function isPlainRange(node: Node | undefined): boolean {
  if (!isCallOf(node, 'pandas', '_new_Index')) return false;
  const [kind, parts] = node.args;
  const [name, start, step] = ['name', 'start', 'step'].map((each) => member(parts, each));
  return isGlobal(kind, 'pandas', 'RangeIndex') && name === null && start === 0 && step === 1;
}

class FrameTable implements Value {
  readonly #found: Found;

  constructor(found: Found) {
    this.#found = found;
  }

  async page(request: PageRequest, pause: Pause): Promise<TablePage> {
    const { rows, columns } = this.#found;
    const from = clamp(request.from, rows);
    const count = clamp(request.count, Math.min(MAX_ROWS, rows - from));
    const fromColumn = clamp(request.fromColumn ?? 0, columns.length);
    const shown = columns.slice(fromColumn, fromColumn + MAX_COLUMNS);
    const heads: Column[] = [];
    const texts: (string | null)[][] = [];
    for (const column of shown) {
      await pause();
      const { name, type, align } = column;
      const read = cells(column, from, count);
      texts.push(read.texts);
      const head = { name: shorten(name), type: shorten(type), align };
      heads.push(read.unreadable === undefined ? head : { ...head, unreadable: read.unreadable });
    }
    return {
      kind: 'table',
      columns: heads,
      rows: Array.from({ length: count }, (_, row) => texts.map((column) => column[row] ?? null)),
      from,
      total: rows,
      fromColumn,
      totalColumns: columns.length,
      batches: 1,
    };
  }
}

/** Half a column would look like a whole one with nulls in it: all of it is read, or none. */
function cells(
  column: FrameColumn,
  from: number,
  count: number,
): { texts: (string | null)[]; unreadable: string | undefined } {
  const none = new Array<null>(count).fill(null);
  if (column.unreadable !== undefined) return { texts: none, unreadable: column.unreadable };
  try {
    const texts = Array.from({ length: count }, (_, row) => column.text(from + row));
    return { texts, unreadable: undefined };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { texts: none, unreadable: error.message };
  }
}

function clamp(value: number, max: number): number {
  return Number.isFinite(value) ? Math.min(Math.max(0, Math.trunc(value)), max) : 0;
}
