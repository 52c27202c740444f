/**
 * The header of a `.npy` file.
 * Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import type { ByteSource } from '../ByteSource';
import { DecodeError } from '../DecodeError';
import { readDtype, type Dtype } from './dtype';
import { parseLiteral, type Literal } from './literal';

export interface Header {
  readonly dtype: Dtype;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Where the values begin. */
  readonly dataOffset: number;
}

const MAGIC = '\u0093NUMPY';
/** Headers of structured types with a thousand fields take some 50 kB. */
const MAX_HEADER = 1024 * 1024;
/** numpy itself allows 64 dimensions. */
const MAX_DIMENSIONS = 64;

/** @throws {DecodeError} when it is not a numpy array, or is damaged or of an unknown version */
export function readHeader(source: ByteSource): Header {
  const head = source.read(0, Math.min(12, source.size));
  if (head.length < 12 || String.fromCharCode(...head.subarray(0, 6)) !== MAGIC) {
    throw new DecodeError('damaged', 'The bytes are not a numpy array: they begin otherwise.');
  }
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const version = view.getUint8(6);
  if (version < 1 || version > 3) {
    throw new DecodeError('unsupported', `numpy arrays of format version ${version} are not read.`);
  }
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER || start + length > source.size) {
    throw damaged(`it claims ${length} bytes`);
  }
  const text = new TextDecoder(version === 3 ? 'utf-8' : 'latin1').decode(
    source.read(start, length),
  );
  const fields = parseLiteral(text);
  if (!(fields instanceof Map)) throw damaged('it is not a dictionary');
  const fortranOrder = fields.get('fortran_order');
  if (typeof fortranOrder !== 'boolean') throw damaged('it does not tell the order of values');
  return {
    dtype: readDtype(fields.get('descr')),
    fortranOrder,
    shape: readShape(fields.get('shape')),
    dataOffset: start + length,
  };
}

function readShape(shape: Literal | undefined): number[] {
  const valid =
    Array.isArray(shape) &&
    shape.length <= MAX_DIMENSIONS &&
    shape.every(
      (length) => typeof length === 'number' && Number.isSafeInteger(length) && length >= 0,
    );
  if (!valid) throw damaged('it does not tell the shape');
  return shape as number[];
}

function damaged(what: string): DecodeError {
  return new DecodeError('damaged', `The header of the numpy array is damaged: ${what}.`);
}
