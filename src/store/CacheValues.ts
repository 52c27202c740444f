import type { Access } from './Access';
import type { BlobFile, Bytes, ItemSummary, Lost } from './rows';
import { findFile, quarantine, readInline, verify } from './blobs/values';

/** The bytes of one cache's values. */
export class CacheValues {
  constructor(private readonly access: Access) {}

  /** The file of a value whose `file` is set, for reading by range. Its bytes are not yet verified. */
  file(item: ItemSummary): Promise<BlobFile | Lost> {
    return this.access.read(({ connection }, blobs) => findFile(connection, blobs, item));
  }

  /** The bytes of a value whose `file` is not set, verified. */
  inline(item: ItemSummary): Promise<Bytes | Lost> {
    return this.access.read(({ connection }) => readInline(connection, item));
  }

  /**
   * Reads all bytes of a value, never whole into memory when they are a file, and compares size,
   * CRC-32, seal and digest. With `quarantine`, wrong bytes are marked so that nobody is served them
   * again; pass it only where the workspace is trusted. A cache that is read-only is left as it is.
   */
  async verify(
    item: ItemSummary,
    options: { readonly quarantine: boolean; readonly signal?: AbortSignal },
  ): Promise<{ readonly kind: 'right' } | Lost> {
    const verdict = await this.access.read(({ connection }, blobs) =>
      verify(connection, blobs, item, options.signal),
    );
    const wrong =
      verdict.kind === 'lost' && (verdict.why === 'wrongBytes' || verdict.why === 'wrongSize');
    if (wrong && options.quarantine && (await this.access.isWritable())) {
      await this.access.write((writer) =>
        writer.transaction((connection) => quarantine(connection, item.digest, now())),
      );
    }
    return verdict;
  }
}

/** Unix seconds. */
function now(): number {
  return Date.now() / 1000;
}
