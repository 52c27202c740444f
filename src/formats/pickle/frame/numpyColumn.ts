import type { ByteSource } from '../../ByteSource';
import { DecodeError } from '../../DecodeError';
import { shorten } from '../../shorten';
import { durationText, timestampText } from '../../times';
import type { FrameColumn } from './FrameColumn';
import type { NumpyArray } from './NumpyArray';
import { objectText } from './objectText';

const MISSING = new Set(['nan', 'NaT']);

/** The column of an array of one dimension. */
export function numpyColumn(array: NumpyArray, source: ByteSource): FrameColumn {
  const length = array.shape[0] ?? 0;
  const { description, dtype } = array;
  if (description === 'O') {
    const text = (row: number): string | null => objectText(array.object(row), source);
    return { type: 'object', align: 'left', length, text };
  }
  const kind = /[a-zA-Z?]/.exec(description)?.[0] ?? '';
  const time = /^[<|=]?([Mm])8\[(s|ms|us|ns)\]$/.exec(description);
  if (time !== null) {
    const text = time[1] === 'M' ? timestampText : durationText;
    return timeColumn(
      array,
      dtype.name,
      time[1] === 'm' ? 'right' : 'left',
      DIGITS[time[2] ?? ''] ?? 0,
      text,
    );
  }
  return {
    type: dtype.name,
    align: 'iufc'.includes(kind) ? 'right' : 'left',
    length,
    text(row) {
      const text = shorten(dtype.text(array.bytes(row)));
      return 'fM'.includes(kind) && MISSING.has(text) ? null : text;
    },
  };
}

/** How many digits of a second numpy's units have. */
export const DIGITS: Readonly<Record<string, number>> = { s: 0, ms: 3, us: 6, ns: 9 };
/** What the least 64-bit integer stands for among times. */
const NAT = -(2n ** 63n);

/** A column of 64-bit counts, of which the least stands for a missing time. */
export function timeColumn(
  array: NumpyArray,
  type: string,
  align: 'left' | 'right',
  digits: number,
  textOf: (count: bigint, digits: number) => string,
): FrameColumn {
  if (array.dtype.size !== 8 || array.description.startsWith('>')) {
    throw new DecodeError('damaged', `Times are no 64-bit integers but ${array.dtype.name}.`);
  }
  return {
    type,
    align,
    length: array.shape[0] ?? 0,
    text(row) {
      const count = integer(array, row);
      return count === NAT ? null : textOf(count, digits);
    },
  };
}

function integer(array: NumpyArray, row: number): bigint {
  const bytes = array.bytes(row);
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0, true);
}
