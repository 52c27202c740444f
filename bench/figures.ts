/** One measured figure of the table in RESULTS.md. */
export interface Figure {
  readonly what: string;
  readonly value: string;
  /** What was promised, such as `≤ 10 ms`. */
  readonly goal?: string;
  /** How it was measured, in a few words. */
  readonly how: string;
}

/** @returns the value below which the share `p` (0 to 1) of the values lies. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))];
  if (value === undefined) throw new Error('nothing was measured');
  return value;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export const milliseconds = (value: number): string =>
  `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
