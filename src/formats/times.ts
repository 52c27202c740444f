/**
 * Times as text. They are counted in BigInt throughout: JavaScript's own dates end at milliseconds, and
 * at the year 275760. The calendar is the proleptic Gregorian one, as in Arrow and numpy.
 */

const DAY = 86_400n;

/** @param days since 1970-01-01 */
export function dateText(days: bigint): string {
  const { year, month, day } = civil(days);
  return `${yearText(year)}-${two(month)}-${two(day)}`;
}

/** @param months since 1970-01 */
export function monthText(months: bigint): string {
  return `${yearText(1970n + floorDivide(months, 12n))}-${two(modulo(months, 12n) + 1n)}`;
}

export function yearText(year: bigint): string {
  const size = String(year < 0n ? -year : year).padStart(4, '0');
  return year < 0n ? `-${size}` : size;
}

/**
 * `2024-01-02 03:04:05.123456`; the fraction is left out where it is zero.
 * @param count of units since 1970-01-01, of which 10^`digits` make a second
 */
export function timestampText(count: bigint, digits: number): string {
  const perDay = DAY * 10n ** BigInt(digits);
  const days = floorDivide(count, perDay);
  return `${dateText(days)} ${clockText(count - days * perDay, digits)}`;
}

/** `03:04:05.123456`. @param count of units since midnight, of which 10^`digits` make a second */
export function clockText(count: bigint, digits: number): string {
  const perSecond = 10n ** BigInt(digits);
  const seconds = count / perSecond;
  const fraction = count % perSecond;
  const clock = `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}`;
  return fraction === 0n ? clock : `${clock}.${String(fraction).padStart(digits, '0')}`;
}

/** `-1d 02:03:04.5`: days and hours are both subtracted. @param count as for `clockText` */
export function durationText(count: bigint, digits: number): string {
  const size = count < 0n ? -count : count;
  const perDay = DAY * 10n ** BigInt(digits);
  const days = size / perDay;
  const clock = clockText(size % perDay, digits);
  return `${count < 0n ? '-' : ''}${days === 0n ? '' : `${days}d `}${clock}`;
}

/** @returns seconds that a zone's clocks are ahead of UTC at a time in seconds since 1970 */
export type ZoneOffset = (seconds: bigint) => bigint | undefined;

/** Both ends of what JavaScript's dates can hold, in seconds. */
const LAST_DATE = 8_640_000_000_000n;

/**
 * @param zone a name of the IANA database, or an offset like `+05:30`
 * @returns a function that gives `undefined` where the zone, or its history, is not known
 */
export function zoneOffset(zone: string): ZoneOffset {
  const fixed = /^([+-])(\d\d):?(\d\d)$/.exec(zone);
  if (fixed) {
    const offset = secondsOf(fixed[1], fixed[2], fixed[3]);
    return () => offset;
  }
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  } catch {
    return () => undefined;
  }
  return (seconds) => {
    if (seconds < -LAST_DATE || seconds > LAST_DATE) return undefined;
    const parts = format.formatToParts(Number(seconds) * 1000);
    const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
    const match = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(name);
    return match ? secondsOf(match[1], match[2], match[3], match[4]) : undefined;
  };
}

/**
 * A time on the clocks of a zone, with its offset: `2024-01-02 04:04:05+01:00`. Where the zone is not
 * known, on those of UTC, with `Z`.
 */
export function zonedText(count: bigint, digits: number, offsetAt: ZoneOffset): string {
  const perSecond = 10n ** BigInt(digits);
  const offset = offsetAt(floorDivide(count, perSecond));
  if (offset === undefined) return `${timestampText(count, digits)}Z`;
  const size = offset < 0n ? -offset : offset;
  const rest = size % 60n === 0n ? '' : `:${two(size % 60n)}`;
  const sign = offset < 0n ? '-' : '+';
  const suffix = `${sign}${two(size / 3600n)}:${two((size / 60n) % 60n)}${rest}`;
  return `${timestampText(count + offset * perSecond, digits)}${suffix}`;
}

function secondsOf(sign = '+', hours = '0', minutes = '0', seconds = '0'): bigint {
  const size = BigInt(hours) * 3600n + BigInt(minutes) * 60n + BigInt(seconds);
  return sign === '-' ? -size : size;
}

/** Source: Howard Hinnant, https://howardhinnant.github.io/date_algorithms.html#civil_from_days */
function civil(days: bigint): { year: bigint; month: bigint; day: bigint } {
  const shifted = days + 719_468n;
  const era = floorDivide(shifted, 146_097n);
  const dayOfEra = shifted - era * 146_097n;
  const yearOfEra = (dayOfEra - dayOfEra / 1460n + dayOfEra / 36_524n - dayOfEra / 146_096n) / 365n;
  const dayOfYear = dayOfEra - (365n * yearOfEra + yearOfEra / 4n - yearOfEra / 100n);
  const shiftedMonth = (5n * dayOfYear + 2n) / 153n;
  const month = shiftedMonth < 10n ? shiftedMonth + 3n : shiftedMonth - 9n;
  return {
    year: yearOfEra + era * 400n + (month <= 2n ? 1n : 0n),
    month,
    day: dayOfYear - (153n * shiftedMonth + 2n) / 5n + 1n,
  };
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}

function modulo(a: bigint, b: bigint): bigint {
  return a - floorDivide(a, b) * b;
}

function two(value: bigint): string {
  return String(value).padStart(2, '0');
}
