/** A page of a numpy array: its header and its first values, of which only those are read. */
import type { ArrayPage } from '../../protocol/pages';
import type { ByteSource } from '../ByteSource';
import { DecodeError } from '../DecodeError';
import { MAX_ROWS } from '../limits';
import { shorten, sizeText } from '../shorten';
import { readHeader } from './header';

/** Values shown of one row, where there is more than one row, and where there is one. */
const MAX_IN_ROW = 100;
const MAX_IN_VECTOR = 1000;
/** Values of a column that stands in Fortran order are far apart; those closer than this are read at once. */
const GAP = 4096;
/** Bytes read in all, if not by a single value. Structured values, and texts, may be large. */
const MAX_READ = 16 * 1024 * 1024;

/** @throws {DecodeError} when it is not a numpy array, or is damaged or cut short */
export function npyPage(source: ByteSource): ArrayPage {
  const { dtype, fortranOrder, shape, dataOffset } = readHeader(source);
  const page = { kind: 'array', dtype: shorten(dtype.name), shape, fortranOrder } as const;
  if (dtype.unreadable !== undefined) {
    return { ...page, rows: [], labels: [], truncated: false, unreadable: dtype.unreadable };
  }
  const count = shape.reduce((product, length) => product * length, 1);
  const wanted = dataOffset + count * dtype.size;
  if (wanted > source.size) {
    const missing = Number.isSafeInteger(wanted) ? sizeText(wanted - source.size) : 'Most';
    throw new DecodeError(
      'damaged',
      `The array is cut short: ${missing} of its values are missing.`,
    );
  }
  const window = firstValues(shape, dtype.size);
  const places = window.indices.map((index) => offsetOf(index, shape, fortranOrder) * dtype.size);
  const bytes = readEach(source, dataOffset, places, dtype.size);
  const texts = bytes.map((value) => shorten(dtype.text(value)));
  return {
    ...page,
    rows: Array.from({ length: window.rows }, (_, row) =>
      texts.slice(row * window.columns, (row + 1) * window.columns),
    ),
    labels: Array.from({ length: window.rows }, (_, row) =>
      (window.indices[row * window.columns] ?? []).slice(0, -1).join(', '),
    ),
    truncated: texts.length < count,
    unreadable: undefined,
  };
}

/** Which values are shown: the first ones of the first rows, a row being the innermost dimension. */
function firstValues(
  shape: readonly number[],
  size: number,
): { rows: number; columns: number; indices: number[][] } {
  const outer = shape.slice(0, -1);
  const rowCount = outer.reduce((product, length) => product * length, 1);
  const length = shape.at(-1) ?? 1;
  const fitting = Math.max(1, Math.floor(MAX_READ / Math.max(1, size)));
  const columns = Math.min(length, outer.length === 0 ? MAX_IN_VECTOR : MAX_IN_ROW, fitting);
  const rows =
    columns === 0 ? 0 : Math.min(rowCount, MAX_ROWS, Math.max(1, Math.floor(fitting / columns)));
  const indices: number[][] = [];
  for (let row = 0; row < rows; row += 1) {
    const place = unravel(row, outer);
    for (let column = 0; column < columns; column += 1) {
      indices.push(shape.length === 0 ? [] : [...place, column]);
    }
  }
  return { rows, columns, indices };
}

/** The index of the `n`th row in C order: the last dimension runs fastest. */
function unravel(n: number, shape: readonly number[]): number[] {
  const index = new Array<number>(shape.length).fill(0);
  for (let rest = n, i = shape.length - 1; i >= 0; i -= 1) {
    const length = shape[i] ?? 1;
    index[i] = rest % length;
    rest = Math.floor(rest / length);
  }
  return index;
}

/** Where a value stands, counted in values. */
function offsetOf(
  index: readonly number[],
  shape: readonly number[],
  fortranOrder: boolean,
): number {
  let offset = 0;
  let stride = 1;
  for (let i = 0; i < shape.length; i += 1) {
    const dimension = fortranOrder ? i : shape.length - 1 - i;
    offset += (index[dimension] ?? 0) * stride;
    stride *= shape[dimension] ?? 1;
  }
  return offset;
}

/** The values at `places`, in that order, with few reads: neighbours are read together. */
function readEach(
  source: ByteSource,
  base: number,
  places: readonly number[],
  size: number,
): Uint8Array[] {
  const order = places.map((place, index) => ({ place, index }));
  order.sort((a, b) => a.place - b.place);
  const values = new Array<Uint8Array>(places.length).fill(new Uint8Array(0));
  for (let first = 0; first < order.length;) {
    const start = order[first]?.place ?? 0;
    let end = start + size;
    let next = first + 1;
    for (; next < order.length; next += 1) {
      const place = order[next]?.place ?? 0;
      if (place > end + GAP) break;
      end = place + size;
    }
    const bytes = source.read(base + start, end - start);
    for (const { place, index } of order.slice(first, next)) {
      values[index] = bytes.subarray(place - start, place - start + size);
    }
    first = next;
  }
  return values;
}
