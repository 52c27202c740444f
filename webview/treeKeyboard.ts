/**
 * The keyboard of a tree, as the ARIA Authoring Practices describe it
 * (https://www.w3.org/WAI/ARIA/apg/patterns/treeview/), over the rows that are to be seen.
 */

/** A row of the tree, in the order of the screen. */
export interface TreeRow {
  /** From 1 for the root. */
  readonly level: number;
  /** `undefined` for a row that has no children. */
  readonly expanded: boolean | undefined;
  /** What type-ahead looks at. */
  readonly label: string;
}

export type TreeMove =
  { readonly kind: 'focus' | 'expand' | 'collapse'; readonly index: number } | undefined;

/** @returns what `key` does when the row `index` has the focus; `undefined` for nothing */
export function onKey(rows: readonly TreeRow[], index: number, key: string): TreeMove {
  const row = rows[index];
  if (row === undefined) return undefined;
  const focus = (to: number): TreeMove =>
    to === index || rows[to] === undefined ? undefined : { kind: 'focus', index: to };
  switch (key) {
    case 'ArrowDown':
      return focus(index + 1);
    case 'ArrowUp':
      return focus(index - 1);
    case 'Home':
      return focus(0);
    case 'End':
      return focus(rows.length - 1);
    case 'ArrowRight':
      if (row.expanded === undefined) return undefined;
      return row.expanded ? focus(index + 1) : { kind: 'expand', index };
    case 'ArrowLeft':
      return row.expanded === true ? { kind: 'collapse', index } : focus(parentOf(rows, index));
    case 'Enter':
    case ' ':
      if (row.expanded === undefined) return undefined;
      return { kind: row.expanded ? 'collapse' : 'expand', index };
    default:
      return undefined;
  }
}

/**
 * @param typed what was typed in quick succession; one letter goes on to the next row that begins with
 * it, several may stay where they are
 * @returns the row to go to, or `undefined` when none begins so
 */
export function typeAhead(
  rows: readonly TreeRow[],
  index: number,
  typed: string,
): number | undefined {
  const wanted = typed.toLowerCase();
  const start = typed.length === 1 ? index + 1 : index;
  for (let step = 0; step < rows.length; step++) {
    const at = (start + step) % rows.length;
    if (rows[at]?.label.toLowerCase().startsWith(wanted)) return at;
  }
  return undefined;
}

function parentOf(rows: readonly TreeRow[], index: number): number {
  const level = rows[index]?.level ?? 1;
  for (let at = index - 1; at >= 0; at--) {
    if ((rows[at]?.level ?? level) < level) return at;
  }
  return index;
}
