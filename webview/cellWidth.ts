/** How wide a table's column has to be for a text, in the width of a `0`. */

/** Characters that a column's width may be: enough for a date with time, not for a novel. */
const widest = 44;
const narrowest = 6;

/**
 * Characters that take the width of two, as those of Chinese, Japanese and Korean do. Those that take two
 * UTF-16 code units, emoji among them, count as two anyway.
 * Source: https://www.unicode.org/reports/tr11/
 */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff60\uffe0-\uffe6]/g;

/** @returns how many `0` are as wide as `text`, no more than a column may be */
export function cellWidth(text: string): number {
  const seen = text.slice(0, widest);
  return Math.min(widest, seen.length + (seen.match(wide)?.length ?? 0));
}

/** @returns the width of a column that holds texts of these widths */
export function columnWidth(widths: readonly number[]): number {
  return Math.min(widest, Math.max(narrowest, ...widths));
}

/** Whether a text may be cut in the narrowest column. */
export function mayBeCut(text: string): boolean {
  return cellWidth(text) > narrowest;
}
