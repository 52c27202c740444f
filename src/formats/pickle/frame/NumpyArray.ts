/** numpy's arrays and types as pickles hold them: by `_frombuffer`, or `_reconstruct` with a state. */
import type { ByteSource } from '../../ByteSource';
import { DecodeError } from '../../DecodeError';
import { readDtype, type Dtype } from '../../npy/dtype';
import { isBytes, isCallOf, isItems, itemsOf, type Bytes, type Node } from '../Unpickled';

/** An array that has been recognised; its values are read when they are asked for. */
export interface NumpyArray {
  /** As numpy writes it in a file's header, such as `<i8`; `O` where the values are objects. */
  readonly description: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** The object at a place, counted in C order; `null` where the values are no objects. */
  object(index: number): Node;
  /** The bytes of the value at a place, counted in C order; none where the values are objects. */
  bytes(index: number): Uint8Array;
}

/**
 * @returns `undefined` where it is no array, or one of a kind that is not read
 * @throws {DecodeError} `damaged` when its values are not all there
 */
export function readArray(node: Node | undefined, source: ByteSource): NumpyArray | undefined {
  const parts = partsOf(node);
  const description = describe(parts?.dtype, source);
  if (parts === undefined || description === undefined) return undefined;
  const lengths = itemsOf(parts.shape);
  if (lengths.length > 2) return undefined;
  const shape = lengths.map((length) => (typeof length === 'number' ? length : -1));
  if (shape.some((length) => length < 0)) return undefined;
  const dtype = readDtype(description);
  const count = shape.reduce((product, length) => product * length, 1);
  const array = { description, dtype, shape };
  if (description === 'O') {
    const objects = parts.data;
    if (!isItems(objects) || objects.items.length !== count) return undefined;
    // A list of objects is written in C order, also of an array that stands in Fortran order.
    return {
      ...array,
      object: (index) => objects.items[index] ?? null,
      bytes: () => new Uint8Array(),
    };
  }
  const bytes = bytesOf(parts.data);
  if (bytes === undefined || dtype.unreadable !== undefined) return undefined;
  if (bytes.length < count * dtype.size) {
    throw new DecodeError('damaged', 'The values of an array are cut short.');
  }
  const [rows = 0, columns = 0] = shape;
  const placeOf = (index: number): number =>
    parts.fortran && shape.length === 2
      ? (index % columns) * rows + Math.floor(index / columns)
      : index;
  return {
    ...array,
    object: () => null,
    bytes: (index) => source.read(bytes.place + placeOf(index) * dtype.size, dtype.size),
  };
}

/** @returns the integers of an array of one dimension, at most `max` of them */
export function integers(array: NumpyArray, max: number): number[] {
  const count = Math.min(max, array.shape[0] ?? 0);
  return Array.from({ length: count }, (_, index) => Number(array.dtype.text(array.bytes(index))));
}

/** @returns what `readDtype` reads, of a pickled numpy type; `undefined` where it is not read */
export function describe(node: Node | undefined, source: ByteSource): string | undefined {
  if (!isCallOf(node, 'numpy', 'dtype')) return undefined;
  const [code] = node.args;
  const [, order, inner, names, , , , , unit] = itemsOf(node.state);
  if (typeof code !== 'string' || typeof order !== 'string') return undefined;
  if (code.startsWith('O')) return 'O';
  // An array within each value, or fields.
  if (inner !== null || names !== null) return undefined;
  if (!/^[Mm]8$/.test(code)) return `${order}${code}`;
  const [name, step = 1] = itemsOf(itemsOf(unit)[1]);
  if (!isBytes(name) || name.length > 8 || typeof step !== 'number') return undefined;
  const text = String.fromCharCode(...source.read(name.place, name.length));
  return text === 'generic'
    ? `${order}${code}`
    : `${order}${code}[${step === 1 ? '' : step}${text}]`;
}

interface Parts {
  readonly dtype: Node | undefined;
  readonly shape: Node | undefined;
  readonly data: Node | undefined;
  readonly fortran: boolean;
}

function partsOf(node: Node | undefined): Parts | undefined {
  if (isCallOf(node, 'numpy', '_frombuffer')) {
    const [data, dtype, shape, order] = node.args;
    return { data, dtype, shape, fortran: order === 'F' };
  }
  if (isCallOf(node, 'numpy', '_reconstruct')) {
    const [, shape, dtype, fortran, data] = itemsOf(node.state);
    return { data, dtype, shape, fortran: fortran === true };
  }
  return undefined;
}

/** Bytes as they are, or as protocol 4 wraps them where they may be changed. */
export function bytesOf(node: Node | undefined): Bytes | undefined {
  const inner = isCallOf(node, 'builtins', 'bytearray') ? node.args[0] : node;
  return isBytes(inner) ? inner : undefined;
}
