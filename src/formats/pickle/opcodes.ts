/**
 * Pickle's opcodes, protocols 0 to 5: how their arguments are written, and what they take from the
 * stack and put on it.
 * Source: https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */
import type { ByteSource } from '../ByteSource';
import { DecodeError } from '../DecodeError';
import { MAX_TEXT } from '../limits';

/** A byte-order mark belongs to the text that it begins. */
const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * How an argument is written: a number of bytes; one or two lines; or a length of 1, 4 or 8 bytes with
 * as many bytes behind it.
 */
type Shape = number | 'line' | 'two lines' | 'counted 1' | 'counted 4' | 'counted 8';

/** What an argument stands for, where the walk cares. */
type Meaning = 'text' | 'escaped text' | 'quoted text' | 'number' | 'decimal' | 'names';

export interface Opcode {
  readonly name: string;
  readonly shape: Shape;
  readonly meaning: Meaning | undefined;
  /** How many values it takes, those above the topmost mark not counted. */
  readonly takes: number;
  /** Whether it takes everything above the topmost mark, and the mark. */
  readonly toMark: boolean;
  /** How many values it puts. */
  readonly puts: number;
}

/** A text or number that is too long to matter comes as `undefined`. */
export type Argument = string | number | undefined;

const TABLE: readonly (readonly [string, string, Shape, Meaning | '', number, boolean, number])[] =
  [
    ['I', 'INT', 'line', '', 0, false, 1],
    ['J', 'BININT', 4, '', 0, false, 1],
    ['K', 'BININT1', 1, '', 0, false, 1],
    ['M', 'BININT2', 2, '', 0, false, 1],
    ['L', 'LONG', 'line', '', 0, false, 1],
    ['\x8a', 'LONG1', 'counted 1', '', 0, false, 1],
    ['\x8b', 'LONG4', 'counted 4', '', 0, false, 1],
    ['S', 'STRING', 'line', 'quoted text', 0, false, 1],
    ['T', 'BINSTRING', 'counted 4', 'text', 0, false, 1],
    ['U', 'SHORT_BINSTRING', 'counted 1', 'text', 0, false, 1],
    ['B', 'BINBYTES', 'counted 4', '', 0, false, 1],
    ['C', 'SHORT_BINBYTES', 'counted 1', '', 0, false, 1],
    ['\x8e', 'BINBYTES8', 'counted 8', '', 0, false, 1],
    ['\x96', 'BYTEARRAY8', 'counted 8', '', 0, false, 1],
    ['\x97', 'NEXT_BUFFER', 0, '', 0, false, 1],
    ['\x98', 'READONLY_BUFFER', 0, '', 1, false, 1],
    ['N', 'NONE', 0, '', 0, false, 1],
    ['\x88', 'NEWTRUE', 0, '', 0, false, 1],
    ['\x89', 'NEWFALSE', 0, '', 0, false, 1],
    ['V', 'UNICODE', 'line', 'escaped text', 0, false, 1],
    ['\x8c', 'SHORT_BINUNICODE', 'counted 1', 'text', 0, false, 1],
    ['X', 'BINUNICODE', 'counted 4', 'text', 0, false, 1],
    ['\x8d', 'BINUNICODE8', 'counted 8', 'text', 0, false, 1],
    ['F', 'FLOAT', 'line', '', 0, false, 1],
    ['G', 'BINFLOAT', 8, '', 0, false, 1],
    [']', 'EMPTY_LIST', 0, '', 0, false, 1],
    ['a', 'APPEND', 0, '', 2, false, 1],
    ['e', 'APPENDS', 0, '', 1, true, 1],
    ['l', 'LIST', 0, '', 0, true, 1],
    [')', 'EMPTY_TUPLE', 0, '', 0, false, 1],
    ['t', 'TUPLE', 0, '', 0, true, 1],
    ['\x85', 'TUPLE1', 0, '', 1, false, 1],
    ['\x86', 'TUPLE2', 0, '', 2, false, 1],
    ['\x87', 'TUPLE3', 0, '', 3, false, 1],
    ['}', 'EMPTY_DICT', 0, '', 0, false, 1],
    ['d', 'DICT', 0, '', 0, true, 1],
    ['s', 'SETITEM', 0, '', 3, false, 1],
    ['u', 'SETITEMS', 0, '', 1, true, 1],
    ['\x8f', 'EMPTY_SET', 0, '', 0, false, 1],
    ['\x90', 'ADDITEMS', 0, '', 1, true, 1],
    ['\x91', 'FROZENSET', 0, '', 0, true, 1],
    ['0', 'POP', 0, '', 1, false, 0],
    ['2', 'DUP', 0, '', 0, false, 0],
    ['(', 'MARK', 0, '', 0, false, 0],
    ['1', 'POP_MARK', 0, '', 0, true, 0],
    ['g', 'GET', 'line', 'decimal', 0, false, 0],
    ['h', 'BINGET', 1, 'number', 0, false, 0],
    ['j', 'LONG_BINGET', 4, 'number', 0, false, 0],
    ['p', 'PUT', 'line', 'decimal', 0, false, 0],
    ['q', 'BINPUT', 1, 'number', 0, false, 0],
    ['r', 'LONG_BINPUT', 4, 'number', 0, false, 0],
    ['\x94', 'MEMOIZE', 0, '', 0, false, 0],
    ['\x82', 'EXT1', 1, 'number', 0, false, 1],
    ['\x83', 'EXT2', 2, 'number', 0, false, 1],
    ['\x84', 'EXT4', 4, 'number', 0, false, 1],
    ['c', 'GLOBAL', 'two lines', 'names', 0, false, 1],
    ['\x93', 'STACK_GLOBAL', 0, '', 2, false, 1],
    ['R', 'REDUCE', 0, '', 2, false, 1],
    ['b', 'BUILD', 0, '', 2, false, 1],
    ['i', 'INST', 'two lines', 'names', 0, true, 1],
    ['o', 'OBJ', 0, '', 0, true, 1],
    ['\x81', 'NEWOBJ', 0, '', 2, false, 1],
    ['\x92', 'NEWOBJ_EX', 0, '', 3, false, 1],
    ['\x80', 'PROTO', 1, 'number', 0, false, 0],
    ['.', 'STOP', 0, '', 1, false, 0],
    ['\x95', 'FRAME', 8, '', 0, false, 0],
    ['P', 'PERSID', 'line', '', 0, false, 1],
    ['Q', 'BINPERSID', 0, '', 1, false, 1],
  ];

const OPCODES: ReadonlyMap<number, Opcode> = new Map(
  TABLE.map(([code, name, shape, meaning, takes, toMark, puts]) => [
    code.charCodeAt(0),
    { name, shape, meaning: meaning === '' ? undefined : meaning, takes, toMark, puts },
  ]),
);

/** A line is looked for within so many bytes; a line of digits may be long. */
const MAX_LINE = 65536;

/** An opcode as it stands in a pickle. */
export interface Step {
  readonly opcode: Opcode;
  readonly argument: Argument;
  /** Where its argument's contents begin, behind their length. */
  readonly start: number;
  /** Bytes of the contents. */
  readonly length: number;
  /** Where the next opcode stands. */
  readonly end: number;
}

/** @throws {DecodeError} `damaged` when there is no whole opcode at `at` */
export function readOpcode(source: ByteSource, at: number): Step {
  const code = source.read(at, 1)[0] ?? 0;
  const opcode = OPCODES.get(code);
  if (opcode === undefined) {
    throw new DecodeError('damaged', `there is no opcode 0x${code.toString(16).padStart(2, '0')}.`);
  }
  const { start, length, end } = extent(source, at + 1, opcode.shape);
  const argument = readArgument(source, opcode.meaning, start, length);
  return { opcode, argument, start, length, end };
}

/** Where an argument's contents stand, and where the next opcode does. Skips what nobody reads. */
function extent(
  source: ByteSource,
  at: number,
  shape: Shape,
): { start: number; length: number; end: number } {
  switch (shape) {
    case 'line':
    case 'two lines': {
      const lines = shape === 'line' ? 1 : 2;
      const end = endOfLines(source, at, lines);
      return { start: at, length: end - at - 1, end };
    }
    case 'counted 1':
    case 'counted 4':
    case 'counted 8': {
      const width = Number(shape.slice(-1));
      const length = unsigned(source.read(at, width));
      const start = at + width;
      if (start + length > source.size) {
        throw new DecodeError('damaged', `it is cut short: ${length} bytes are claimed.`);
      }
      return { start, length, end: start + length };
    }
    default:
      // Reading them shows that they are there.
      source.read(at, shape);
      return { start: at, length: shape, end: at + shape };
  }
}

function endOfLines(source: ByteSource, start: number, lines: number): number {
  let left = lines;
  const stop = Math.min(source.size, start + MAX_LINE);
  for (let at = start; at < stop;) {
    const bytes = source.read(at, Math.min(256, stop - at));
    for (const [i, byte] of bytes.entries()) {
      if (byte !== 10) continue;
      left -= 1;
      if (left === 0) return at + i + 1;
    }
    at += bytes.length;
  }
  throw new DecodeError('damaged', 'a line does not end.');
}

function readArgument(
  source: ByteSource,
  meaning: Meaning | undefined,
  start: number,
  length: number,
): Argument {
  if (meaning === undefined || length > 4 * MAX_TEXT) return undefined;
  const bytes = source.read(start, length);
  if (meaning === 'number') return unsigned(bytes);
  if (meaning === 'escaped text') return unescapeText(bytes);
  const text = UTF8.decode(bytes);
  switch (meaning) {
    case 'decimal':
      return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
    case 'quoted text':
      return text.replace(/^(['"])(.*)\1$/s, '$2');
    case 'text':
    case 'names':
      return text;
  }
}

/** Python's `raw-unicode-escape`: Latin-1, and an escape for every other character. */
function unescapeText(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes).replace(
    /\\u([0-9a-fA-F]{4})|\\U00(0[0-9a-fA-F]{5}|10[0-9a-fA-F]{4})/g,
    (_, short: string | undefined, long: string | undefined) =>
      String.fromCodePoint(Number.parseInt(short ?? long ?? '', 16)),
  );
}

function unsigned(bytes: Uint8Array): number {
  // Beyond 2^53 the sum is not exact, but far beyond any file all the same.
  return bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
}
