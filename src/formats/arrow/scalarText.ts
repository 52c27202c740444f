/** Values of fixed width as text. */
import { decimalText, floatText, halfToNumber, signedInteger } from '../numbers';
import { clockText, dateText, durationText, timestampText, zonedText, zoneOffset } from '../times';
import type { ZoneOffset } from '../times';
import type { Buffer } from './Buffer';
import type { ArrowType, IntervalUnit, TimeUnit } from './schema';

export type ScalarType = Extract<
  ArrowType,
  {
    kind:
      | 'int'
      | 'float'
      | 'decimal'
      | 'bool'
      | 'date'
      | 'time'
      | 'timestamp'
      | 'duration'
      | 'interval';
  }
>;

const DIGITS: Readonly<Record<TimeUnit, number>> = {
  SECOND: 0,
  MILLISECOND: 3,
  MICROSECOND: 6,
  NANOSECOND: 9,
};

/** @returns the value at `index` of a buffer of values of one width */
export function scalarText(type: ScalarType, buffer: Buffer, index: number): string {
  switch (type.kind) {
    case 'int':
      if (type.bits < 64) return String(buffer.integer(index, type.bits, type.signed));
      return String(type.signed ? buffer.int64(index) : BigInt.asUintN(64, buffer.int64(index)));
    case 'float': {
      const view = buffer.view((index * type.bits) / 8, type.bits / 8);
      if (type.bits === 16) return floatText(halfToNumber(view.getUint16(0, true)), 16);
      return floatText(
        type.bits === 32 ? view.getFloat32(0, true) : view.getFloat64(0, true),
        type.bits,
      );
    }
    case 'decimal': {
      const width = type.bits / 8;
      return decimalText(signedInteger(buffer.bytes(index * width, width)), type.scale);
    }
    case 'bool':
      return buffer.bit(index) ? 'True' : 'False';
    case 'date':
      if (type.unit === 'DAY') return dateText(BigInt(buffer.int32(index)));
      // Whole days by its definition; with a rest, what is there is shown.
      return timestampText(buffer.int64(index), 3).replace(/ 00:00:00$/, '');
    case 'time':
      return clockText(
        type.bits === 64 ? buffer.int64(index) : BigInt(buffer.int32(index)),
        DIGITS[type.unit],
      );
    case 'timestamp':
      return type.timezone === undefined
        ? timestampText(buffer.int64(index), DIGITS[type.unit])
        : zonedText(buffer.int64(index), DIGITS[type.unit], zone(type.timezone));
    case 'duration':
      return durationText(buffer.int64(index), DIGITS[type.unit]);
    case 'interval':
      return intervalText(type.unit, buffer, index);
    default:
      return type satisfies never;
  }
}

function intervalText(unit: IntervalUnit, buffer: Buffer, index: number): string {
  switch (unit) {
    case 'YEAR_MONTH':
      return `${buffer.int32(index)} months`;
    case 'DAY_TIME':
      return `${buffer.int32(index * 2)} days ${buffer.int32(index * 2 + 1)} ms`;
    case 'MONTH_DAY_NANO': {
      const months = buffer.int32(index * 4);
      return `${months} months ${buffer.int32(index * 4 + 1)} days ${buffer.int64(index * 2 + 1)} ns`;
    }
  }
}

/** Making a zone's formatter takes longer than using it a thousand times. */
const zones = new Map<string, ZoneOffset>();

function zone(name: string): ZoneOffset {
  const found = zones.get(name);
  if (found !== undefined) return found;
  const made = zoneOffset(name);
  if (zones.size > 100) zones.clear();
  zones.set(name, made);
  return made;
}
