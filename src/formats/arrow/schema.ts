/**
 * A schema as its metadata states it. The package `apache-arrow` has classes for types too, but throws
 * the whole file away at the first type that it does not know, and reads whatever vector lengths and
 * nesting a damaged file claims.
 * Source: https://github.com/apache/arrow/blob/main/format/Schema.fbs
 */
import { Date } from 'apache-arrow/fb/date';
import { DateUnit } from 'apache-arrow/fb/date-unit';
import { Decimal } from 'apache-arrow/fb/decimal';
import { Duration } from 'apache-arrow/fb/duration';
import { Endianness } from 'apache-arrow/fb/endianness';
import type { Field as FieldTable } from 'apache-arrow/fb/field';
import { FixedSizeBinary } from 'apache-arrow/fb/fixed-size-binary';
import { FixedSizeList } from 'apache-arrow/fb/fixed-size-list';
import { FloatingPoint } from 'apache-arrow/fb/floating-point';
import { Int } from 'apache-arrow/fb/int';
import { Interval } from 'apache-arrow/fb/interval';
import type { Schema as SchemaTable } from 'apache-arrow/fb/schema';
import { Time } from 'apache-arrow/fb/time';
import { Timestamp } from 'apache-arrow/fb/timestamp';
import { Type } from 'apache-arrow/fb/type';
import { Union } from 'apache-arrow/fb/union';
import { UnionMode } from 'apache-arrow/fb/union-mode';
import { Encoding } from 'flatbuffers';
import { DecodeError } from '../DecodeError';
import { checkCount, shortString } from './metadata';

/** In the order of Arrow's enumeration, as are the two below. */
const TIME_UNITS = ['SECOND', 'MILLISECOND', 'MICROSECOND', 'NANOSECOND'] as const;
const INTERVAL_UNITS = ['YEAR_MONTH', 'DAY_TIME', 'MONTH_DAY_NANO'] as const;
const FLOAT_BITS = [16, 32, 64] as const;

export type TimeUnit = (typeof TIME_UNITS)[number];
export type IntervalUnit = (typeof INTERVAL_UNITS)[number];

export interface IntType {
  readonly kind: 'int';
  readonly bits: 8 | 16 | 32 | 64;
  readonly signed: boolean;
}

export type ArrowType =
  | { readonly kind: 'null' }
  | IntType
  | { readonly kind: 'float'; readonly bits: 16 | 32 | 64 }
  | {
      readonly kind: 'decimal';
      readonly precision: number;
      readonly scale: number;
      readonly bits: number;
    }
  | { readonly kind: 'bool' }
  | { readonly kind: 'utf8'; readonly large: boolean }
  | { readonly kind: 'binary'; readonly large: boolean }
  | { readonly kind: 'utf8View' }
  | { readonly kind: 'binaryView' }
  | { readonly kind: 'fixedBinary'; readonly width: number }
  | { readonly kind: 'date'; readonly unit: 'DAY' | 'MILLISECOND' }
  | { readonly kind: 'time'; readonly unit: TimeUnit; readonly bits: 32 | 64 }
  | { readonly kind: 'timestamp'; readonly unit: TimeUnit; readonly timezone: string | undefined }
  | { readonly kind: 'duration'; readonly unit: TimeUnit }
  | { readonly kind: 'interval'; readonly unit: IntervalUnit }
  | { readonly kind: 'list'; readonly large: boolean }
  | { readonly kind: 'listView'; readonly large: boolean }
  | { readonly kind: 'fixedList'; readonly size: number }
  | { readonly kind: 'struct' }
  | { readonly kind: 'map' }
  | { readonly kind: 'union'; readonly dense: boolean; readonly typeIds: readonly number[] }
  | { readonly kind: 'runEndEncoded' }
  /** A type that is younger than this code. How many buffers it has is not known. */
  | { readonly kind: 'unknown'; readonly id: number };

export interface Field {
  readonly name: string;
  readonly type: ArrowType;
  readonly children: readonly Field[];
  /** Set when the values are indices into a dictionary, whose values are of `type`. */
  readonly dictionary: { readonly id: bigint; readonly index: IntType } | undefined;
}

const MAX_FIELDS = 100_000;
const MAX_DEPTH = 64;
/** Members of a union, which are told apart by a signed byte. */
const MAX_MEMBERS = 128;

/** @throws {DecodeError} when the schema is damaged or of big-endian data */
export function readSchema(table: SchemaTable | null): readonly Field[] {
  if (table === null) throw new DecodeError('damaged', 'The Arrow schema is missing.');
  if (table.endianness() !== Endianness.Little) {
    throw new DecodeError('unsupported', 'Arrow data of big-endian machines is not read.');
  }
  const count = checkCount(table.bb, table.fieldsLength(), 4, 'fields');
  const budget = { fields: MAX_FIELDS };
  return Array.from({ length: count }, (_, i) => readField(table.fields(i), budget, 0));
}

function readField(table: FieldTable | null, budget: { fields: number }, depth: number): Field {
  if (table === null) throw new DecodeError('damaged', 'A field of the Arrow schema is missing.');
  budget.fields -= 1;
  // Tables may refer to each other in circles, or to one child many times over.
  if (budget.fields < 0 || depth > MAX_DEPTH) {
    throw new DecodeError('damaged', 'The Arrow schema has too many fields, or nests too deeply.');
  }
  const count = checkCount(table.bb, table.childrenLength(), 4, 'child fields');
  const children = Array.from({ length: count }, (_, i) =>
    readField(table.children(i), budget, depth + 1),
  );
  const type = readType(table);
  checkChildren(type, children.length);
  const encoding = table.dictionary();
  const index = encoding?.indexType();
  return {
    name: shortString(table.name(Encoding.UTF8_BYTES)) ?? '',
    type,
    children,
    dictionary: encoding
      ? {
          id: encoding.id(),
          index: index ? readInt(index) : { kind: 'int', bits: 32, signed: true },
        }
      : undefined,
  };
}

function checkChildren(type: ArrowType, count: number): void {
  const wanted =
    type.kind === 'runEndEncoded'
      ? 2
      : ['list', 'listView', 'fixedList', 'map'].includes(type.kind)
        ? 1
        : undefined;
  if (wanted !== undefined && count !== wanted) {
    throw new DecodeError('damaged', `An Arrow ${type.kind} has ${count} child fields.`);
  }
}

function readType(field: FieldTable): ArrowType {
  const id = field.typeType();
  switch (id) {
    case Type.Null:
      return { kind: 'null' };
    case Type.Int:
      return readInt(table(field.type(new Int()) as Int | null));
    case Type.FloatingPoint: {
      const type = table(field.type(new FloatingPoint()) as FloatingPoint | null);
      return { kind: 'float', bits: known(FLOAT_BITS[type.precision()], 'a float') };
    }
    case Type.Decimal: {
      const type = table(field.type(new Decimal()) as Decimal | null);
      const bits = type.bitWidth();
      if (![32, 64, 128, 256].includes(bits)) {
        throw new DecodeError('damaged', `A decimal has ${bits} bits.`);
      }
      return { kind: 'decimal', precision: type.precision(), scale: type.scale(), bits };
    }
    case Type.Bool:
      return { kind: 'bool' };
    case Type.Utf8:
      return { kind: 'utf8', large: false };
    case Type.LargeUtf8:
      return { kind: 'utf8', large: true };
    case Type.Utf8View:
      return { kind: 'utf8View' };
    case Type.Binary:
      return { kind: 'binary', large: false };
    case Type.LargeBinary:
      return { kind: 'binary', large: true };
    case Type.BinaryView:
      return { kind: 'binaryView' };
    case Type.FixedSizeBinary: {
      const type = table(field.type(new FixedSizeBinary()) as FixedSizeBinary | null);
      return { kind: 'fixedBinary', width: notNegative(type.byteWidth()) };
    }
    case Type.Date: {
      const type = table(field.type(new Date()) as Date | null);
      return { kind: 'date', unit: type.unit() === DateUnit.DAY ? 'DAY' : 'MILLISECOND' };
    }
    case Type.Time: {
      const type = table(field.type(new Time()) as Time | null);
      return { kind: 'time', unit: timeUnit(type.unit()), bits: type.bitWidth() === 64 ? 64 : 32 };
    }
    case Type.Timestamp: {
      const type = table(field.type(new Timestamp()) as Timestamp | null);
      return {
        kind: 'timestamp',
        unit: timeUnit(type.unit()),
        timezone: shortString(type.timezone(Encoding.UTF8_BYTES)),
      };
    }
    case Type.Duration:
      return {
        kind: 'duration',
        unit: timeUnit(table(field.type(new Duration()) as Duration | null).unit()),
      };
    case Type.Interval: {
      const type = table(field.type(new Interval()) as Interval | null);
      return { kind: 'interval', unit: known(INTERVAL_UNITS[type.unit()], 'an interval') };
    }
    case Type.List:
      return { kind: 'list', large: false };
    case Type.LargeList:
      return { kind: 'list', large: true };
    case Type.ListView:
      return { kind: 'listView', large: false };
    case Type.LargeListView:
      return { kind: 'listView', large: true };
    case Type.FixedSizeList: {
      const type = table(field.type(new FixedSizeList()) as FixedSizeList | null);
      return { kind: 'fixedList', size: notNegative(type.listSize()) };
    }
    case Type.Struct_:
      return { kind: 'struct' };
    case Type.Map:
      return { kind: 'map' };
    case Type.Union: {
      const type = table(field.type(new Union()) as Union | null);
      const ids = checkCount(type.bb, type.typeIdsLength(), 4, 'members of a union');
      const count = ids === 0 ? field.childrenLength() : ids;
      if (count > MAX_MEMBERS) throw new DecodeError('damaged', `A union has ${count} members.`);
      return {
        kind: 'union',
        dense: type.mode() === UnionMode.Dense,
        // Without ids, members are numbered by their place.
        typeIds: Array.from({ length: count }, (_, i) => (ids === 0 ? i : (type.typeIds(i) ?? i))),
      };
    }
    case Type.RunEndEncoded:
      return { kind: 'runEndEncoded' };
    case Type.NONE:
    default:
      return { kind: 'unknown', id };
  }
}

function readInt(table: Int): IntType {
  const bits = table.bitWidth();
  if (bits !== 8 && bits !== 16 && bits !== 32 && bits !== 64) {
    throw new DecodeError('damaged', `An integer has ${bits} bits.`);
  }
  return { kind: 'int', bits, signed: table.isSigned() };
}

function timeUnit(unit: number): TimeUnit {
  return known(TIME_UNITS[unit], 'a time');
}

function known<T>(found: T | undefined, what: string): T {
  if (found !== undefined) return found;
  throw new DecodeError('damaged', `The Arrow schema does not say properly what ${what} is.`);
}

function table<T>(found: T | null): T {
  if (found === null) throw new DecodeError('damaged', 'A type of the Arrow schema is missing.');
  return found;
}

function notNegative(width: number): number {
  if (width < 0)
    throw new DecodeError('damaged', 'A type of the Arrow schema has a negative size.');
  return width;
}
