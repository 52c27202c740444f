/** Times and zones as Python's and pandas' objects are pickled. */
import type { ByteSource } from '../../ByteSource';
import { clockText, durationText, timestampText, zonedText, zoneOffset } from '../../times';
import { isBytes, isCall, isCallOf, isGlobal, type Node } from '../Unpickled';

/** How many digits of a second pandas' units have, by their numbers in a pickle. */
const DIGITS: Readonly<Record<number, number>> = { 7: 0, 8: 3, 9: 6, 10: 9 };

/** @returns a date, time or span of `datetime` or pandas as text, `undefined` where it is none */
export function timeText(node: Node, source: ByteSource): string | undefined {
  if (!isCall(node)) return undefined;
  const [first, second, third, fourth] = node.args;
  if (isGlobal(node.of, 'pandas', '_unpickle_timestamp')) {
    const digits = DIGITS[Number(fourth)];
    if (!isInteger(first) || digits === undefined) return undefined;
    if (third === null) return timestampText(BigInt(first), digits);
    const zone = zoneName(third);
    return zone === undefined
      ? undefined
      : zonedText(BigInt(first), digits, zoneOffset(zoneKey(zone)));
  }
  if (isGlobal(node.of, 'pandas', '_timedelta_unpickle')) {
    const digits = DIGITS[Number(second)];
    if (!isInteger(first) || digits === undefined) return undefined;
    return durationText(BigInt(first), digits);
  }
  if (isGlobal(node.of, 'datetime', 'timedelta')) {
    const count = microseconds(node);
    return count === undefined ? undefined : durationText(count, 6);
  }
  if (!isBytes(first) || first.length > 10) return undefined;
  const bytes = source.read(first.place, first.length);
  if (isGlobal(node.of, 'datetime', 'date') && bytes.length === 4) return dateOf(bytes);
  if (isGlobal(node.of, 'datetime', 'time') && bytes.length === 6 && second === undefined) {
    return clockOf(bytes);
  }
  // What has a zone of its own is left to its name: its offset would take more than its bytes.
  if (isGlobal(node.of, 'datetime', 'datetime') && bytes.length === 10 && second === undefined) {
    return `${dateOf(bytes)} ${clockOf(bytes.subarray(4))}`;
  }
  return undefined;
}

/** @returns a zone's name as pandas says it, such as `Europe/Berlin`, `UTC` or `UTC+02:00` */
export function zoneName(node: Node | undefined): string | undefined {
  if (isGlobal(node, 'pytz', '_UTC') || isCallOf(node, 'pytz', '_UTC')) return 'UTC';
  if (isCallOf(node, 'datetime', 'timezone')) {
    const count = isCall(node.args[0]) ? microseconds(node.args[0]) : undefined;
    if (count === undefined || count % 60_000_000n !== 0n) return undefined;
    return count === 0n ? 'UTC' : `UTC${offsetText(count / 60_000_000n)}`;
  }
  if (!isCall(node)) return undefined;
  // zoneinfo calls `getattr(ZoneInfo, '_unpickle')(name, 1)`, and pytz `_p(name, ...)`.
  const isZoneInfo = isCall(node.of) && isGlobal(node.of.args[0], 'zoneinfo', 'ZoneInfo');
  const [name] = node.args;
  const isNamed = isZoneInfo || isGlobal(node.of, 'pytz', '_p');
  return isNamed && typeof name === 'string' ? name : undefined;
}

/** What `zoneOffset` takes, of a zone's name. */
export function zoneKey(name: string): string {
  return name.replace(/^UTC(?=[+-])/, '');
}

function microseconds(node: Node): bigint | undefined {
  if (!isCallOf(node, 'datetime', 'timedelta')) return undefined;
  const [days = 0, seconds = 0, rest = 0] = node.args;
  if (!isInteger(days) || !isInteger(seconds) || !isInteger(rest)) return undefined;
  return (BigInt(days) * 86_400n + BigInt(seconds)) * 1_000_000n + BigInt(rest);
}

function offsetText(minutes: bigint): string {
  const size = minutes < 0n ? -minutes : minutes;
  const two = (value: bigint): string => String(value).padStart(2, '0');
  return `${minutes < 0n ? '-' : '+'}${two(size / 60n)}:${two(size % 60n)}`;
}

function dateOf(bytes: Uint8Array): string {
  const [high = 0, low = 0, month = 0, day = 0] = bytes;
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${String(high * 256 + low).padStart(4, '0')}-${two(month)}-${two(day)}`;
}

function clockOf(bytes: Uint8Array): string {
  const [hour = 0, minute = 0, second = 0, high = 0, middle = 0, low = 0] = bytes;
  // Higher bits tell apart what comes twice when clocks are put back.
  const seconds = ((hour & 31) * 60 + minute) * 60 + second;
  return clockText(BigInt(seconds * 1_000_000 + (high * 256 + middle) * 256 + low), 6);
}

function isInteger(node: Node | undefined): node is number | bigint {
  return typeof node === 'number' || typeof node === 'bigint';
}
