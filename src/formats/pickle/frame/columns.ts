/** Columns of a pickled frame: numpy's blocks, pandas' own arrays and Arrow's, each value as text. */
import type { ByteSource } from '../../ByteSource';
import { shorten } from '../../shorten';
import { dateText, monthText, zonedText, zoneOffset } from '../../times';
import { isCall, isCallOf, isGlobal, itemsOf, member, type Node } from '../Unpickled';
import { arrowColumn } from './arrowColumn';
import { stringType, unread, type FrameColumn } from './FrameColumn';
import { describe, readArray, type NumpyArray } from './NumpyArray';
import { classOf } from './objectText';
import { DIGITS, numpyColumn, timeColumn } from './numpyColumn';
import { zoneKey, zoneName } from './times';

/** @returns the `width` columns that a block holds */
export function columnsOf(
  values: Node | undefined,
  width: number,
  source: ByteSource,
): FrameColumn[] {
  const array = readArray(values, source);
  if (array !== undefined) return ofArray(array, width, (each) => numpyColumn(each, source));
  const backed = backedBy(values, source);
  if (backed !== undefined) return backed(width);
  return width === 1
    ? [column(values, source)]
    : Array.from({ length: width }, () => unread(classOf(values)));
}

/** @returns the one column of an array of one dimension */
export function column(values: Node | undefined, source: ByteSource): FrameColumn {
  const array = readArray(values, source);
  if (array !== undefined) return numpyColumn(array, source);
  const backed = backedBy(values, source);
  const made =
    backed?.(1)[0] ??
    maskedColumn(values, source) ??
    arrowColumn(values, source) ??
    intervalColumn(values, source);
  return made ?? unread(classOf(values));
}

/** The rows of an array of two dimensions, each a column, or its one column. */
function ofArray(
  array: NumpyArray,
  width: number,
  make: (array: NumpyArray) => FrameColumn,
): FrameColumn[] {
  const { shape } = array;
  if (shape.length === 1 && width === 1) return [make(array)];
  const [columns = 0, rows = 0] = shape;
  if (shape.length !== 2 || columns !== width) return [];
  return Array.from({ length: width }, (_, at) =>
    make({
      ...array,
      shape: [rows],
      object: (index) => array.object(at * rows + index),
      bytes: (index) => array.bytes(at * rows + index),
    }),
  );
}

/** pandas' arrays that stand on one of numpy's: times, categories, texts, periods. */
function backedBy(
  node: Node | undefined,
  source: ByteSource,
): ((width: number) => FrameColumn[]) | undefined {
  if (!isCallOf(node, 'pandas', '__pyx_unpickle_NDArrayBacked')) return undefined;
  const [kind] = node.args;
  const [type, data] = itemsOf(node.state);
  const array = readArray(data, source);
  if (array === undefined) return undefined;
  const one = make(kind, type, source);
  return one === undefined ? undefined : (width) => ofArray(array, width, one);
}

function make(
  kind: Node | undefined,
  type: Node | undefined,
  source: ByteSource,
): ((array: NumpyArray) => FrameColumn) | undefined {
  const plain = (array: NumpyArray): FrameColumn => numpyColumn(array, source);
  if (isGlobal(kind, 'pandas', 'TimedeltaArray')) return plain;
  if (isGlobal(kind, 'pandas', 'NumpyExtensionArray', 'PandasArray')) return plain;
  if (isGlobal(kind, 'pandas', 'StringArray', 'ArrowStringArrayNumpySemantics')) {
    const name = stringType(type);
    return (array) => ({ ...plain(array), type: name });
  }
  if (isGlobal(kind, 'pandas', 'DatetimeArray')) {
    if (describe(type, source) !== undefined) return plain;
    const state = isCall(type) ? type.state : undefined;
    const unit = member(state, 'unit');
    const zone = zoneName(member(state, 'tz'));
    if (typeof unit !== 'string' || zone === undefined) return undefined;
    const digits = DIGITS[unit];
    if (digits === undefined) return undefined;
    const offset = zoneOffset(zoneKey(zone));
    return (array) =>
      timeColumn(array, `datetime64[${unit}, ${zone}]`, 'left', digits, (count) =>
        zonedText(count, digits, offset),
      );
  }
  if (isGlobal(kind, 'pandas', 'Categorical') && isCall(type)) {
    const categories = indexColumn(member(type.state, 'categories'), source);
    if (categories === undefined || categories.unreadable !== undefined) return undefined;
    return (array) => coded(array, categories, 'category');
  }
  if (isGlobal(kind, 'pandas', 'PeriodArray') && isCall(type)) {
    const [name] = type.args;
    const textOf = name === 'period[M]' ? monthText : name === 'period[D]' ? dateText : undefined;
    if (textOf === undefined || typeof name !== 'string') return undefined;
    return (array) => timeColumn(array, name, 'left', 0, textOf);
  }
  return undefined;
}

/** A column of codes, each of which stands for a value of another one; -1 for none. */
export function coded(codes: NumpyArray, values: FrameColumn, type: string): FrameColumn {
  return {
    type,
    align: 'left',
    length: codes.shape[0] ?? 0,
    text(row) {
      const code = Number(codes.dtype.text(codes.bytes(row)));
      return code >= 0 && code < values.length ? values.text(code) : null;
    },
  };
}

/** Integers, floats and booleans that may be missing: a mask says which. */
function maskedColumn(node: Node | undefined, source: ByteSource): FrameColumn | undefined {
  if (!isCall(node)) return undefined;
  if (!isCallOf(node, 'pandas', 'IntegerArray', 'FloatingArray', 'BooleanArray')) return undefined;
  const data = readArray(member(node.state, '_data'), source);
  const mask = readArray(member(node.state, '_mask'), source);
  if (data?.shape.length !== 1 || mask?.description !== '|b1') return undefined;
  if (mask.shape[0] !== data.shape[0]) return undefined;
  const { name } = data.dtype;
  const type =
    name === 'bool' ? 'boolean' : name.replace(/^(u?)(.)/, (letters) => letters.toUpperCase());
  return {
    ...numpyColumn(data, source),
    type,
    text: (row) => (mask.bytes(row)[0] === 0 ? shorten(data.dtype.text(data.bytes(row))) : null),
  };
}

function intervalColumn(node: Node | undefined, source: ByteSource): FrameColumn | undefined {
  if (!isCallOf(node, 'pandas', '__pyx_unpickle_IntervalMixin')) return undefined;
  const [state] = itemsOf(node.state);
  const type = member(state, '_dtype');
  const closed = isCall(type) ? member(type.state, 'closed') : undefined;
  return intervals(
    () => column(member(state, '_left'), source),
    () => column(member(state, '_right'), source),
    closed,
  );
}

/**
 * Of intervals between intervals, of which each stands in the next one twice, both ends of all would be as
 * many as two to the power of their number: so the right one is made once the left one is a plain one.
 */
function intervals(
  leftEnds: () => FrameColumn | undefined,
  rightEnds: () => FrameColumn | undefined,
  closed: Node | undefined,
): FrameColumn | undefined {
  if (typeof closed !== 'string') return undefined;
  const left = leftEnds();
  if (left === undefined || !mayBeEnds(left)) return undefined;
  const right = rightEnds();
  if (right === undefined || !mayBeEnds(right)) return undefined;
  const opening = closed === 'left' || closed === 'both' ? '[' : '(';
  const closing = closed === 'right' || closed === 'both' ? ']' : ')';
  return {
    type: `interval[${left.type}, ${closed}]`,
    align: 'left',
    length: left.length,
    text(row) {
      const [from, to] = [left.text(row), right.text(row)];
      return from === null ? null : `${opening}${from}, ${to ?? ''}${closing}`;
    },
  };
}

function mayBeEnds({ type, unreadable }: FrameColumn): boolean {
  return unreadable === undefined && !/^(interval|category)/.test(type);
}

/** @returns the labels of an index of one level as a column, `undefined` where it is no index */
export function indexColumn(node: Node | undefined, source: ByteSource): FrameColumn | undefined {
  if (!isCall(node)) return undefined;
  if (!isCallOf(node, 'pandas', ...NEW_INDEX)) return undefined;
  const [kind, parts] = node.args;
  if (isGlobal(kind, 'pandas', 'RangeIndex')) {
    const [start, stop, step] = ['start', 'stop', 'step'].map((name) =>
      Number(member(parts, name)),
    );
    return rangeColumn(start ?? NaN, stop ?? NaN, step ?? NaN);
  }
  const [data, left, right, closed] = ['data', 'left', 'right', 'closed'].map((name) =>
    member(parts, name),
  );
  if (data !== undefined) return column(data, source);
  return intervals(
    () => indexColumn(left, source),
    () => indexColumn(right, source),
    closed,
  );
}

/** The functions that make an index, each of some kinds. */
export const NEW_INDEX = [
  '_new_Index',
  '_new_DatetimeIndex',
  '_new_TimedeltaIndex',
  '_new_IntervalIndex',
  '_new_PeriodIndex',
] as const;

function rangeColumn(start: number, stop: number, step: number): FrameColumn | undefined {
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (!Number.isSafeInteger(length)) return undefined;
  return { type: 'int64', align: 'right', length, text: (row) => String(start + row * step) };
}
