import type { CellsResult } from '../../protocol/cells';
import type { DatabaseReference } from '../../protocol/references';
import type { Caches } from '../../store/Caches';

/** What the ids in an answer of the language server are of; `undefined` where there is no database. */
export function databaseOfAnswer(
  { database, generation }: CellsResult,
  caches: Caches,
): DatabaseReference | undefined {
  if (database === undefined || generation === undefined) return undefined;
  return { cache: caches.number(database), generation };
}
