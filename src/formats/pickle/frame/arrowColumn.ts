/** pandas' columns that stand on Arrow's arrays, whose buffers a pickle holds as they are. */
import type { ByteSource } from '../../ByteSource';
import { DecodeError } from '../../DecodeError';
import { MAX_TEXT } from '../../limits';
import { floatText } from '../../numbers';
import { shorten } from '../../shorten';
import { isCall, isCallOf, isGlobal, itemsOf, member, type Bytes, type Node } from '../Unpickled';
import { stringType, type FrameColumn } from './FrameColumn';
import { bytesOf } from './NumpyArray';

/** One chunk of a column. */
interface Chunk {
  readonly length: number;
  text(row: number): string | null;
}

/** @returns `undefined` where it is no such column, or of a type that is not read */
export function arrowColumn(node: Node | undefined, source: ByteSource): FrameColumn | undefined {
  if (!isCallOf(node, 'pandas', 'ArrowStringArray', 'ArrowExtensionArray')) return undefined;
  if (!isCall(node)) return undefined;
  const pa = member(node.state, '_pa_array') ?? member(node.state, '_data');
  const isChunked = isCallOf(pa, 'pyarrow', 'chunked_array');
  const parts = isChunked ? itemsOf(pa.args[0]) : pa === undefined ? [] : [pa];
  const chunks = parts.map((part) => readChunk(part, source));
  const dtype = member(node.state, '_dtype');
  if (isGlobal(node.of, 'pandas', 'ArrowStringArray')) {
    return joined(chunks, stringType(dtype), 'left');
  }
  const alias = isCall(dtype) ? aliasOf(member(dtype.state, 'pyarrow_dtype')) : undefined;
  if (alias === undefined) return undefined;
  return joined(
    chunks,
    `${alias}[pyarrow]`,
    alias in WIDTHS && alias !== 'bool' ? 'right' : 'left',
  );
}

function joined(
  chunks: readonly (Chunk | undefined)[],
  type: string,
  align: 'left' | 'right',
): FrameColumn | undefined {
  const all = chunks.filter((chunk) => chunk !== undefined);
  if (all.length < chunks.length) return undefined;
  let length = 0;
  const ends = all.map((chunk) => (length += chunk.length));
  return {
    type,
    align,
    length,
    text(row) {
      const at = firstBeyond(ends, row);
      const chunk = all[at];
      return chunk === undefined ? null : chunk.text(row - (ends[at - 1] ?? 0));
    },
  };
}

/** Where the first of some numbers that do not fall is that is more than one. */
function firstBeyond(numbers: readonly number[], one: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((numbers[middle] ?? 0) <= one) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** `pyarrow.lib._restore_array((type, length, nulls, offset, buffers, children, dictionary))` */
function readChunk(node: Node, source: ByteSource): Chunk | undefined {
  if (!isCallOf(node, 'pyarrow', '_restore_array')) return undefined;
  const [type, length, , offset, buffers] = itemsOf(node.args[0]);
  const alias = aliasOf(type);
  if (alias === undefined || !isCount(length) || !isCount(offset)) return undefined;
  const [valid, ...data] = itemsOf(buffers).map((each) =>
    isCallOf(each, 'pyarrow', 'py_buffer') ? bytesOf(each.args[0]) : undefined,
  );
  const read = readerOf(alias, data, source);
  if (read === undefined) return undefined;
  const isThere = (place: number): boolean => valid === undefined || bit(valid, place, source);
  return {
    length,
    text: (row) => (isThere(row + offset) ? read(row + offset) : null),
  };
}

/** Bytes of one value, by what pyarrow calls the type. */
const WIDTHS: Readonly<Record<string, number>> = {
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  uint16: 2,
  uint32: 4,
  uint64: 8,
  float: 4,
  double: 8,
};

function readerOf(
  alias: string,
  [first, second]: readonly (Bytes | undefined)[],
  source: ByteSource,
): ((place: number) => string) | undefined {
  if (first === undefined) return undefined;
  if (alias === 'bool') return (place) => (bit(first, place, source) ? 'True' : 'False');
  if (alias === 'string' || alias === 'large_string') {
    const width = alias === 'string' ? 4 : 8;
    // Where all texts are empty, there may be no bytes.
    const texts = second ?? { kind: 'bytes', place: first.place, length: 0 };
    return (place) => {
      const view = viewOf(first, place * width, 2 * width, source);
      const at = (offset: number): number =>
        width === 4 ? view.getInt32(offset, true) : Number(view.getBigInt64(offset, true));
      const [from, to] = [at(0), at(width)];
      if (from > to) throw cutShort();
      // More than is shown need not be read.
      const length = Math.min(to - from, 4 * MAX_TEXT);
      const part = viewOf(texts, from, length, source);
      return shorten(UTF8.decode(part));
    };
  }
  const width = WIDTHS[alias];
  if (width === undefined) return undefined;
  return (place) => numberText(viewOf(first, place * width, width, source), alias);
}

/** A byte-order mark belongs to the text that it begins. */
const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

function numberText(view: DataView, alias: string): string {
  switch (alias) {
    case 'int8':
      return String(view.getInt8(0));
    case 'int16':
      return String(view.getInt16(0, true));
    case 'int32':
      return String(view.getInt32(0, true));
    case 'uint8':
      return String(view.getUint8(0));
    case 'uint16':
      return String(view.getUint16(0, true));
    case 'uint32':
      return String(view.getUint32(0, true));
    case 'uint64':
      return String(view.getBigUint64(0, true));
    case 'float':
      return floatText(view.getFloat32(0, true), 32);
    case 'double':
      return floatText(view.getFloat64(0, true), 64);
    default:
      return String(view.getBigInt64(0, true));
  }
}

function bit(bytes: Bytes, place: number, source: ByteSource): boolean {
  return ((viewOf(bytes, place >> 3, 1, source).getUint8(0) >> (place & 7)) & 1) === 1;
}

function viewOf(bytes: Bytes, from: number, length: number, source: ByteSource): DataView {
  if (from < 0 || from + length > bytes.length) throw cutShort();
  const read = source.read(bytes.place + from, length);
  return new DataView(read.buffer, read.byteOffset, length);
}

function aliasOf(type: Node | undefined): string | undefined {
  const [alias] = isCallOf(type, 'pyarrow', 'type_for_alias') ? type.args : [];
  return typeof alias === 'string' ? alias : undefined;
}

function isCount(node: Node | undefined): node is number {
  return typeof node === 'number' && node >= 0;
}

function cutShort(): DecodeError {
  return new DecodeError('damaged', 'The values of a column are cut short.');
}
