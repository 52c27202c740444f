import type { Connection } from '../database/Connection';
import { listEntries } from './listing';

/** What is pinned or let go: the results of a cell as it is, those of one state of it, or that of one call. */
export type PinTarget =
  | { readonly kind: 'cell'; readonly cellId: number }
  /**
   * Stands for all results of the cell that were made from the same code; where it is known of which call
   * of a function it is, for itself: one answer of a thousand is pinned for its own sake.
   */
  | { readonly kind: 'entry'; readonly entryId: number };

/**
 * Exempts results from eviction, or takes that back. Of a cell, what belongs to it as it last ran is
 * pinned, and whatever is pinned is let go.
 * @returns how many results are pinned now that were not, or the reverse
 */
export async function setPinned(
  connection: Connection,
  target: PinTarget,
  pinned: boolean,
): Promise<number> {
  const [one] =
    target.kind === 'entry' ? await listEntries(connection, { entryId: target.entryId }) : [];
  const cellId = target.kind === 'cell' ? target.cellId : one?.cellId;
  if (cellId === undefined) return 0;
  const among = one?.call === undefined ? await listEntries(connection, { cellId }) : [one];
  const changed = among.filter((entry) => {
    if (entry.pinned === pinned) return false;
    if (one === undefined) return entry.current || !pinned;
    return entry.entryId === one.entryId || (one.node !== undefined && entry.node === one.node);
  });
  for (const { entryId } of changed) {
    await connection.run(
      'UPDATE entries SET pinned = ? WHERE entry_id = ?',
      Number(pinned),
      entryId,
    );
  }
  return changed.length;
}
