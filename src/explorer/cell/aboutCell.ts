import type { DocumentCell, Place } from '../../protocol/cells';
import type { DatabaseReference, Reference } from '../../protocol/references';

/**
 * What commands call a cell of an open notebook: by the cache's id, or by its place where the cache does not
 * know it.
 * @param database what the cell's id is of; absent where there is none
 */
export function aboutCell(
  { cellId }: Pick<DocumentCell, 'cellId'>,
  database: DatabaseReference | undefined,
  place: Place,
): Extract<Reference, { kind: 'cell' }> | Place {
  return cellId === undefined || database === undefined
    ? place
    : { kind: 'cell', ...database, cellId };
}
