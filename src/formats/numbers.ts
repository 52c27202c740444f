/**
 * Numbers as Python's `repr` writes them, since the people who look at them work in Python: the
 * shortest text that reads back as the same value, `1.0` and not `1`, `1e-05` and `nan`.
 */

/**
 * From these on, and below `LEAST`, an exponent is written, as numpy does, whose limits differ by
 * precision: the half-precision float 65504 is written `6.55e+04`, not `65500.0`.
 */
const LARGE = { 16: 1e3, 32: 1e6, 64: 1e16 } as const;
/** The value counts and not its digits: 0.0001 in single precision is a little less, and `1e-04`. */
const LEAST = 1e-4;

export function floatText(value: number, bits: 16 | 32 | 64): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const size = Math.abs(value);
  const [mantissa = '', tens = '0'] = shortest(size, bits).split('e');
  const digits = mantissa.replace('.', '');
  const exponent = Number(tens);
  const sign = value < 0 ? '-' : '';
  if (size < LEAST || size >= LARGE[bits]) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
    const power = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${digits.slice(0, 1)}${fraction}e${exponent < 0 ? '-' : '+'}${power}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

/** The shortest digits that round to `value` in its own precision, as `d.ddde±d`. */
function shortest(value: number, bits: 16 | 32 | 64): string {
  if (bits === 64) return value.toExponential();
  for (let digits = 0; digits < 9; digits += 1) {
    const text = evenAtTie(value, value.toExponential(digits), digits);
    const back = Number(text);
    if ((bits === 32 ? Math.fround(back) : roundToHalf(back)) === value) {
      // `toExponential` pads with zeros where fewer digits are enough, which cannot be the case here
      // but for the first digit.
      return text;
    }
  }
  return value.toExponential();
}

/** `toExponential` rounds a tie up; numpy, to the even digit: 5.3125 with four digits is `5.312`. */
function evenAtTie(value: number, text: string, digits: number): string {
  const [more = ''] = value.toExponential(digits + 1).split('e');
  const isTie = more.endsWith('5') && Number(value.toExponential(digits + 1)) === value;
  if (!isTie) return text;
  return text.replace(/([13579])e/, (_, odd: string) => `${Number(odd) - 1}e`);
}

/** @param half the 16 bits of an IEEE 754 half-precision float */
export function halfToNumber(half: number): number {
  const sign = half >> 15 === 1 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The half-precision float next to a positive number, ties to even. */
function roundToHalf(value: number): number {
  const exponent = Math.max(Math.floor(Math.log2(value)), -14);
  const unit = 2 ** (exponent - 10);
  const steps = value / unit;
  const low = Math.floor(steps);
  const rest = steps - low;
  const up = rest > 0.5 || (rest === 0.5 && low % 2 === 1);
  return (low + (up ? 1 : 0)) * unit;
}

/** @param scale digits after the point; a negative one stands for zeros before it */
export function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : '';
  const digits = String(unscaled < 0n ? -unscaled : unscaled);
  if (scale <= 0)
    return unscaled === 0n ? '0' : `${sign}${digits}${'0'.repeat(Math.min(-scale, 300))}`;
  // A scale beyond all types' digits comes from a damaged file, and would fill the page with zeros.
  const padded = digits.padStart(Math.min(scale, 300) + 1, '0');
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}

/** @returns the two's-complement integer of `bytes`, least significant byte first */
export function signedInteger(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let at = bytes.length - 1; at >= 0; at -= 1) value = (value << 8n) | BigInt(bytes[at] ?? 0);
  return BigInt.asIntN(bytes.length * 8, value);
}
