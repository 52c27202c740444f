/**
 * Sizes, durations and ages as people read them. Pure: the locale and the clock are given. `Intl`
 * knows each language's words, so nothing here needs translating.
 */

/** @returns a number of things with its digits in groups, as `1,234` */
export function formatCount(count: number, locale: string): string {
  return count.toLocaleString(locale);
}

/**
 * @param size in bytes
 * @returns three digits at most in decimal units, as disks and file managers count: `512 bytes`,
 * `12.4 MB`, `640 kB`
 */
export function formatBytes(size: number, locale: string): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;
  let [amount, unit] = [size, 0];
  // 999.6 kB would be shown as 1,000 kB: it is rounded before the unit is chosen.
  while (Math.round(amount) >= 1000 && unit < units.length - 1) {
    amount /= 1000;
    unit++;
  }
  return numbers(
    locale,
    units[unit] ?? 'byte',
    unit === 0 ? 'long' : 'short',
    amount < 99.95 && unit > 0 ? 1 : 0,
  ).format(amount);
}

/**
 * @param seconds how long something took
 * @returns the two largest units at most: `0 s`, `<1 ms`, `120 ms`, `3.4 s`, `34 s`, `1 min 30 s`, `2 h 5 min`
 */
export function formatDuration(seconds: number, locale: string): string {
  if (seconds === 0) return amountOf(0, 'second', locale);
  if (seconds < 0.9995) {
    const milliseconds = seconds * 1000;
    // Below that, the digits say how long the clock took rather than the work.
    const least = milliseconds > 0 && milliseconds < 1;
    return `${least ? '<' : ''}${amountOf(least ? 1 : milliseconds, 'millisecond', locale)}`;
  }
  if (seconds < 9.95) return amountOf(seconds, 'second', locale, 1);
  const whole = Math.round(seconds);
  if (whole < 60) return amountOf(whole, 'second', locale);
  if (whole < 600) return pair(whole, 'minute', 60, 'second', locale);
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return amountOf(minutes, 'minute', locale);
  if (minutes < 24 * 60) return pair(minutes, 'hour', 60, 'minute', locale);
  return pair(Math.round(seconds / 3600), 'day', 24, 'hour', locale);
}

/**
 * @param at Unix seconds
 * @param now Unix seconds; a clock that runs behind makes no futures: the least age is "now"
 * @returns the largest unit alone: `2 h ago`, `yesterday`, `3 days ago`
 */
export function formatAge(at: number, now: number, locale: string): string {
  const seconds = Math.max(0, Math.floor(now - at));
  const [unit, length] = ageUnit(seconds);
  // "Now" and "yesterday" are plain; "last yr." is not, when a year may be two calendar years.
  const numeric = unit === 'second' || unit === 'day' ? 'auto' : 'always';
  return symbols(ages(locale, numeric).format(-Math.floor(seconds / length), unit));
}

/**
 * The same of what stays on the screen while it ages: what is younger than a minute is from now, and not
 * from the second in which it was read.
 */
export function formatRoughAge(at: number, now: number, locale: string): string {
  return formatAge(now - at < 60 ? now : at, now, locale);
}

function ageUnit(seconds: number): [Intl.RelativeTimeFormatUnit, number] {
  const day = 86_400;
  if (seconds < 60) return ['second', seconds < 10 ? Infinity : 1];
  if (seconds < 3600) return ['minute', 60];
  if (seconds < day) return ['hour', 3600];
  if (seconds < 14 * day) return ['day', day];
  if (seconds < 60 * day) return ['week', 7 * day];
  if (seconds < 365 * day) return ['month', 30 * day];
  return ['year', 365 * day];
}

/**
 * @param amount of money, in whatever currency the user counts in
 * @returns two decimals, or two digits where it is less than a tenth: `0.42`, `12.50`, `0.0031`
 */
export function formatAmount(amount: number, locale: string): string {
  const digits =
    amount > 0 && amount < 0.1
      ? { maximumSignificantDigits: 2 }
      : { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  return new Intl.NumberFormat(locale, digits).format(amount);
}

/**
 * @param editor the API of VS Code, of which this room knows nothing
 * @returns the language of quantities: that of the words around them. Where there are no translations for the
 * editor's, those are English, and "saved vor 2 Std." would be neither language.
 */
export function languageOf(editor: {
  readonly env: { readonly language: string };
  readonly l10n: { readonly bundle: object | undefined };
}): string {
  return editor.l10n.bundle === undefined ? 'en' : editor.env.language;
}

type TimeUnit = 'millisecond' | 'second' | 'minute' | 'hour' | 'day';

function pair(
  amount: number,
  large: TimeUnit,
  ratio: number,
  small: TimeUnit,
  locale: string,
): string {
  const rest = amount % ratio;
  const first = amountOf(Math.floor(amount / ratio), large, locale);
  return rest === 0 ? first : `${first} ${amountOf(rest, small, locale)}`;
}

function amountOf(amount: number, unit: TimeUnit, locale: string, decimals = 0): string {
  return symbols(numbers(locale, unit, 'short', decimals).format(amount));
}

/**
 * Making an `Intl` formatter takes longer than using it a hundred times, and a tree formats three
 * quantities a row: the few that there are (a locale's units) are kept.
 */
const kept = new Map<string, Intl.NumberFormat>();

function numbers(
  locale: string,
  unit: string,
  unitDisplay: 'long' | 'short',
  maximumFractionDigits: number,
): Intl.NumberFormat {
  const key = `${locale}/${unit}/${unitDisplay}/${maximumFractionDigits}`;
  let format = kept.get(key);
  if (format === undefined) {
    const options = { style: 'unit', unit, unitDisplay, maximumFractionDigits } as const;
    kept.set(key, (format = new Intl.NumberFormat(locale, options)));
  }
  return format;
}

const keptAges = new Map<string, Intl.RelativeTimeFormat>();

function ages(locale: string, numeric: 'auto' | 'always'): Intl.RelativeTimeFormat {
  const key = `${locale}/${numeric}`;
  let format = keptAges.get(key);
  if (format === undefined) {
    keptAges.set(key, (format = new Intl.RelativeTimeFormat(locale, { style: 'short', numeric })));
  }
  return format;
}

/** English abbreviates units of time as `sec`, `min.` and `hr.`; these are the symbols of the SI. */
function symbols(text: string): string {
  return text.replace(/(\d) (sec|min|hr)\b\.?/g, (_, digit: string, unit: string) => {
    const symbol = unit === 'sec' ? 's' : unit === 'hr' ? 'h' : 'min';
    return `${digit} ${symbol}`;
  });
}
