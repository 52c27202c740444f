/**
 * numpy's types: how many bytes a value takes, and what text it is.
 * Source: https://numpy.org/doc/stable/reference/arrays.interface.html#object.__array_interface__
 */
import { DecodeError } from '../DecodeError';
import { MAX_TEXT } from '../limits';
import { floatText, halfToNumber } from '../numbers';
import { dateText, monthText, timestampText, yearText } from '../times';
import type { Literal } from './literal';

export interface Dtype {
  /** As numpy says it: `float64`, `<U12`, `(x: float32, y: float32)`. */
  readonly name: string;
  /** Bytes of one value. */
  readonly size: number;
  /** Set when values of this type are not read, with the reason. */
  readonly unreadable: string | undefined;
  /** @param bytes those of one value */
  text(bytes: Uint8Array): string;
}

interface Member {
  readonly name: string;
  readonly dtype: Dtype;
  /** Values of it: more than one where it is an array within the value. */
  readonly count: number;
}

const MAX_MEMBERS = 10_000;
const MAX_SIZE = 2 ** 31;

/** @throws {DecodeError} `damaged` when it is no description of a type */
export function readDtype(description: Literal | undefined, depth = 0): Dtype {
  if (typeof description === 'string') return simple(description);
  if (Array.isArray(description) && depth < 16 && description.length <= MAX_MEMBERS) {
    return structured(description.map((member) => readMember(member, depth)));
  }
  throw damaged(description);
}

function readMember(member: Literal, depth: number): Member {
  if (!Array.isArray(member)) throw damaged(member);
  const [name, description, shape] = member;
  // A member with a title has a pair in place of its name: title, then name.
  const plainName = Array.isArray(name) ? name[1] : name;
  if (typeof plainName !== 'string') throw damaged(member);
  const lengths = shape === undefined ? [] : Array.isArray(shape) ? shape : [shape];
  const count = lengths.reduce<number>(
    (product, length) => product * (typeof length === 'number' ? length : NaN),
    1,
  );
  if (!Number.isSafeInteger(count) || count < 0) throw damaged(member);
  return { name: plainName, dtype: readDtype(description, depth + 1), count };
}

function structured(members: readonly Member[]): Dtype {
  const size = members.reduce((sum, { dtype, count }) => sum + dtype.size * count, 0);
  if (size > MAX_SIZE) throw damaged('a value of too many bytes');
  // Members without a name are the padding of an aligned type.
  const named = members.filter(({ name }) => name !== '');
  const names = named.map(({ name, dtype, count }) => {
    return `${name}: ${dtype.name}${count === 1 ? '' : ` × ${count}`}`;
  });
  return {
    name: `(${names.join(', ')})`,
    size,
    unreadable: named.find(({ dtype }) => dtype.unreadable !== undefined)?.dtype.unreadable,
    text(bytes) {
      const texts: string[] = [];
      let at = 0;
      let length = 0;
      for (const { name, dtype, count } of members) {
        // More than is shown need not be written.
        if (length > MAX_TEXT) break;
        if (name !== '') {
          texts.push(memberText(dtype, count, bytes.subarray(at)));
          length += texts.at(-1)?.length ?? 0;
        }
        at += dtype.size * count;
      }
      return `(${texts.join(', ')})`;
    },
  };
}

function memberText(dtype: Dtype, count: number, bytes: Uint8Array): string {
  const value = (i: number): string =>
    dtype.text(bytes.subarray(i * dtype.size, (i + 1) * dtype.size));
  if (count === 1) return value(0);
  const texts: string[] = [];
  // More than is shown need not be written: values of no bytes may stand within one another many times.
  for (let i = 0, length = 0; i < count && length <= MAX_TEXT; i += 1) {
    const text = value(i);
    texts.push(text);
    length += text.length + 2;
  }
  return `[${texts.join(', ')}]`;
}

function simple(description: string): Dtype {
  const match = /^([<>|=]?)([a-zA-Z?])(\d*)(?:\[(\d*)([a-zA-Zμ]+)\])?$/.exec(description);
  if (match === null) throw damaged(description);
  const [, order = '', kind = '', digits = '', step, unit] = match;
  const width = digits === '' ? 0 : Number(digits);
  if (width > MAX_SIZE) throw damaged(description);
  const little = order !== '>';
  switch (kind) {
    case '?':
    case 'b':
      return dtype('bool', 1, (view) => (view.getUint8(0) === 0 ? 'False' : 'True'));
    case 'i':
    case 'u':
      return integer(kind, width, little);
    case 'f':
      return float(width, little);
    case 'c':
      return complex(width, little);
    case 'S':
    case 'a':
      return dtype(description, width, (view) => bytesText(view));
    case 'U':
      return dtype(description, width * 4, (view) => unicodeText(view, little));
    case 'M':
    case 'm':
      return time(kind, { little, step: step ? Number(step) : 1, unit });
    case 'V':
      return dtype(description, width, (view) => `0x${hex(view)}`);
    case 'O':
      return unreadable('object', 'Its values are Python objects, pickled, and are not loaded.');
    default:
      return unreadable(description, `Values of numpy type ${description} are not read.`);
  }
}

function dtype(name: string, size: number, text: (view: DataView) => string): Dtype {
  return {
    name,
    size,
    unreadable: undefined,
    text: (bytes) => text(new DataView(bytes.buffer, bytes.byteOffset, size)),
  };
}

function unreadable(name: string, why: string): Dtype {
  return { name, size: 0, unreadable: why, text: () => '' };
}

/** numpy's own name of a type leaves the byte order out where it is the machine's. */
function named(name: string, little: boolean): string {
  return little ? name : `big-endian ${name}`;
}

function integer(kind: 'i' | 'u', width: number, little: boolean): Dtype {
  const name = named(`${kind === 'i' ? 'int' : 'uint'}${width * 8}`, little);
  const signed = kind === 'i';
  switch (width) {
    case 1:
      return dtype(signed ? 'int8' : 'uint8', 1, (view) =>
        String(signed ? view.getInt8(0) : view.getUint8(0)),
      );
    case 2:
      return dtype(name, 2, (view) =>
        String(signed ? view.getInt16(0, little) : view.getUint16(0, little)),
      );
    case 4:
      return dtype(name, 4, (view) =>
        String(signed ? view.getInt32(0, little) : view.getUint32(0, little)),
      );
    case 8:
      return dtype(name, 8, (view) =>
        String(signed ? view.getBigInt64(0, little) : view.getBigUint64(0, little)),
      );
    default:
      throw damaged(`${kind}${width}`);
  }
}

function float(width: number, little: boolean): Dtype {
  const name = named(`float${width * 8}`, little);
  const read = floatReader(width, little);
  if (read === undefined) return unreadable(name, `Values of numpy type ${name} are not read.`);
  return dtype(name, width, (view) => read(view, 0));
}

function complex(width: number, little: boolean): Dtype {
  const name = named(`complex${width * 8}`, little);
  const read = floatReader(width / 2, little);
  if (read === undefined) return unreadable(name, `Values of numpy type ${name} are not read.`);
  return dtype(name, width, (view) => {
    const imaginary = read(view, width / 2);
    return `${read(view, 0)}${/^[-]/.test(imaginary) ? '' : '+'}${imaginary}j`;
  });
}

/** A long double has 80 bits on one machine and 128 on the next, and is read on none. */
function floatReader(
  width: number,
  little: boolean,
): ((view: DataView, offset: number) => string) | undefined {
  switch (width) {
    case 2:
      return (view, offset) => floatText(halfToNumber(view.getUint16(offset, little)), 16);
    case 4:
      return (view, offset) => floatText(view.getFloat32(offset, little), 32);
    case 8:
      return (view, offset) => floatText(view.getFloat64(offset, little), 64);
    default:
      return undefined;
  }
}

/** Bytes as Python's `repr` shows them; numpy drops the zeros at the end. */
function bytesText(view: DataView): string {
  const length = trimmed(view, 1);
  let text = '';
  for (let i = 0; i < length && text.length <= MAX_TEXT; i += 1) {
    const byte = view.getUint8(i);
    const printable = byte >= 0x20 && byte < 0x7f && byte !== 0x5c;
    if (printable) text += String.fromCharCode(byte);
    else if (byte === 0x5c) text += '\\\\';
    else text += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}

function unicodeText(view: DataView, little: boolean): string {
  const length = trimmed(view, 4);
  let text = '';
  for (let i = 0; i < length && text.length <= MAX_TEXT; i += 4) {
    const point = view.getUint32(i, little);
    text += point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd';
  }
  return text;
}

/** Bytes that are left without the zeros at the end, in steps of `width`. */
function trimmed(view: DataView, width: number): number {
  let end = view.byteLength;
  const zero = (at: number): boolean => {
    for (let i = 0; i < width; i += 1) if (view.getUint8(at + i) !== 0) return false;
    return true;
  };
  while (end >= width && zero(end - width)) end -= width;
  return end;
}

function hex(view: DataView): string {
  const shown = Math.min(view.byteLength, 32);
  const digits = Array.from({ length: shown }, (_, i) =>
    view.getUint8(i).toString(16).padStart(2, '0'),
  );
  return `${digits.join('')}${view.byteLength > shown ? `… (${view.byteLength} bytes)` : ''}`;
}

/** What the least 64-bit integer stands for. */
const NAT = -(2n ** 63n);
const SUBSECOND: Readonly<Record<string, number>> = { ms: 3, us: 6, ns: 9, ps: 12, fs: 15, as: 18 };
const SECONDS: Readonly<Record<string, bigint>> = { s: 1n, m: 60n, h: 3600n };

function time(
  kind: 'M' | 'm',
  { little, step, unit }: { little: boolean; step: number; unit: string | undefined },
): Dtype {
  const base = kind === 'M' ? 'datetime64' : 'timedelta64';
  const name = named(
    unit === undefined ? base : `${base}[${step === 1 ? '' : String(step)}${unit}]`,
    little,
  );
  return dtype(name, 8, (view) => {
    const raw = view.getBigInt64(0, little);
    if (raw === NAT) return 'NaT';
    const count = raw * BigInt(step);
    if (unit === undefined) return String(count);
    return kind === 'm' ? `${count} ${unit}` : instantText(count, unit);
  });
}

function instantText(count: bigint, unit: string): string {
  const digits = SUBSECOND[unit];
  if (digits !== undefined) return timestampText(count, digits);
  const seconds = SECONDS[unit];
  if (seconds !== undefined) return timestampText(count * seconds, 0);
  switch (unit) {
    case 'Y':
      return yearText(1970n + count);
    case 'M':
      return monthText(count);
    case 'W':
      return dateText(count * 7n);
    case 'D':
      return dateText(count);
    default:
      return `${count} ${unit}`;
  }
}

function damaged(description: Literal | undefined): DecodeError {
  const what = typeof description === 'string' ? ` "${description.slice(0, 60)}"` : '';
  return new DecodeError('damaged', `The header of the numpy array names no known type${what}.`);
}
