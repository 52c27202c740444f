/**
 * How commands, hover links and the preview name a thing in a cache: by numbers, never by a path. The
 * text of a hover or of a webview may come from a stranger's file, and a number that does not exist
 * is all that it could forge.
 */

/** `cache` is the number that this session's `Caches` gave to a database. */
export type Reference =
  | { readonly kind: 'app'; readonly cache: number; readonly appId: number }
  | { readonly kind: 'cell'; readonly cache: number; readonly cellId: number }
  | {
      readonly kind: 'entry';
      readonly cache: number;
      readonly entryId: number;
      /** marimo's store key of the item to show first. */
      readonly key?: string;
    };

/** @returns the reference, or `undefined` when `value` is anything else. */
export function parseReference(value: unknown): Reference | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { kind, cache, appId, cellId, entryId, key } = value as Record<string, unknown>;
  if (!isId(cache)) return undefined;
  switch (kind) {
    case 'app':
      return isId(appId) ? { kind, cache, appId } : undefined;
    case 'cell':
      return isId(cellId) ? { kind, cache, cellId } : undefined;
    case 'entry':
      if (!isId(entryId)) return undefined;
      return typeof key === 'string' ? { kind, cache, entryId, key } : { kind, cache, entryId };
    default:
      return undefined;
  }
}

function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
