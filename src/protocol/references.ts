/**
 * How commands, hover links and the preview name a thing in a cache: by numbers, never by a path. The
 * text of a hover or of a webview may come from a stranger's file, and a number that does not exist
 * is all that it could forge.
 */

/** A database, as it stood when something in it was named. */
export interface DatabaseReference {
  /** The number that this session's `Caches` gave to the database's place. */
  readonly cache: number;
  /**
   * Which of the databases that have stood there is meant, as `SqliteLoader.generation` tells it: where a
   * cache was deleted and begun anew, an id is another thing's.
   */
  readonly generation: string;
}

export type AppReference = DatabaseReference & { readonly kind: 'app'; readonly appId: number };

export type CellReference = DatabaseReference & { readonly kind: 'cell'; readonly cellId: number };

export type EntryReference = DatabaseReference & {
  readonly kind: 'entry';
  readonly entryId: number;
  /** marimo's store key of the item to show first. */
  readonly key?: string;
  /** marimo's key for the entry, where another entry that was given the id since must not be taken for it. */
  readonly hash?: string;
};

export type Reference = AppReference | CellReference | EntryReference;

/** @returns the reference, or `undefined` when `value` is anything else. */
export function parseReference(value: unknown): Reference | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { kind, cache, generation, appId, cellId, entryId, ...more } = value as Record<
    string,
    unknown
  >;
  if (!isId(cache) || !isGeneration(generation)) return undefined;
  const database = { cache, generation };
  switch (kind) {
    case 'app':
      return isId(appId) ? { kind, ...database, appId } : undefined;
    case 'cell':
      return isId(cellId) ? { kind, ...database, cellId } : undefined;
    case 'entry':
      if (!isId(entryId)) return undefined;
      return {
        kind,
        ...database,
        entryId,
        ...(typeof more.key === 'string' ? { key: more.key } : {}),
        ...(typeof more.hash === 'string' ? { hash: more.hash } : {}),
      };
    default:
      return undefined;
  }
}

function isGeneration(value: unknown): value is string {
  return typeof value === 'string' && /^\d{1,20}:\d{1,20}:\d{1,20}$/.test(value);
}

function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
