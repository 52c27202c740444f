/** Which rows a page of a table shows. Rows count from 0 here, and from 1 before people. */

/** Rows of a page; the toolkit's grid renders every row that it is given. */
export const pageRows = 200;

/** Where a page begins, and how many rows the table has. */
export interface Place {
  readonly from: number;
  readonly total: number;
}

/** @returns the first row of the last page: 0 for an empty table */
export function lastPage(total: number): number {
  return Math.max(0, Math.ceil(total / pageRows) - 1) * pageRows;
}

/** @returns the first row of the page that a step leads to; `from` itself where there is no further */
export function turn({ from, total }: Place, step: 'first' | 'previous' | 'next' | 'last'): number {
  switch (step) {
    case 'first':
      return 0;
    case 'previous':
      return Math.max(0, from - pageRows);
    case 'next':
      return from + pageRows < total ? from + pageRows : from;
    case 'last':
      return lastPage(total);
  }
}

/**
 * @param typed what the user wrote for a row, counted from 1; spaces and separators do no harm, and a
 * number beyond the table means its last row
 * @returns the row counted from 0, or `undefined` when it is no number
 */
export function rowOf(typed: string, total: number): number | undefined {
  const digits = typed.replace(/[\s.,'’_\u00a0\u202f]/g, '');
  if (!/^\d{1,15}$/.test(digits) || total === 0) return undefined;
  return Math.min(Math.max(1, Number(digits)), total) - 1;
}

/** @returns the first row of the page that shows `row` */
export function pageOf(row: number): number {
  return Math.floor(row / pageRows) * pageRows;
}
