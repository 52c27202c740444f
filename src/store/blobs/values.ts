import { BlobFolder, lost } from './BlobFolder';
import { Checksums, sealOf } from './checksums';
import type { BlobFile, Bytes, ItemSummary, Lost } from '../rows';
import type { Connection } from '../database/Connection';

/** A row of SQLite larger than this is not read: all of it would have to be in memory. */
const inlineLimit = 1 << 20;

/** What the database says of a value's bytes at this moment. */
interface Stored {
  readonly key: string;
  readonly digest: string;
  readonly size: number;
  readonly crc32: number;
  readonly seal: number;
  readonly file: string | undefined;
  /** Bytes in the row, when there are any; told without reading them. */
  readonly length: number | undefined;
}

/** The file of a value, for reading by range; what it holds is not yet verified. */
export async function findFile(
  connection: Connection,
  blobs: BlobFolder,
  item: ItemSummary,
): Promise<BlobFile | Lost> {
  const stored = await find(connection, item);
  if ('why' in stored) return stored;
  return stored.file === undefined
    ? lost('missing')
    : blobs.find(stored.file, stored.digest, stored.size);
}

/** The bytes of a value that lives in its row, verified. */
export async function readInline(connection: Connection, item: ItemSummary): Promise<Bytes | Lost> {
  const stored = await find(connection, item);
  if ('why' in stored) return stored;
  if (stored.length === undefined) return lost('missing');
  if (stored.length > inlineLimit) return lost('tooLarge');
  const row = await connection.get(
    'SELECT content FROM blobs WHERE digest = ?',
    Buffer.from(stored.digest, 'hex'),
  );
  const bytes = row?.content;
  if (!Buffer.isBuffer(bytes)) return lost('cleared');
  const sums = new Checksums();
  sums.add(bytes);
  const fault = compare(stored, sums);
  return fault ?? { kind: 'bytes', bytes };
}

/** Reads all bytes of a value and compares size, CRC-32, seal and digest. */
export async function verify(
  connection: Connection,
  blobs: BlobFolder,
  item: ItemSummary,
  signal?: AbortSignal,
): Promise<{ readonly kind: 'right' } | Lost> {
  const stored = await find(connection, item);
  if ('why' in stored) return stored;
  if (stored.file === undefined) {
    const read = await readInline(connection, item);
    return read.kind === 'lost' ? read : { kind: 'right' };
  }
  const file = await blobs.find(stored.file, stored.digest, stored.size);
  if (file.kind === 'lost') return file;
  const sums = await blobs.check(file, signal);
  if ('why' in sums) return sums;
  return compare(stored, sums) ?? { kind: 'right' };
}

/** Marks bytes as wrong, so that nobody is served them again; part of a transaction. */
export async function quarantine(
  connection: Connection,
  digest: string,
  now: number,
): Promise<void> {
  await connection.run(
    'UPDATE blobs SET quarantined_at = ? WHERE digest = ?',
    now,
    Buffer.from(digest, 'hex'),
  );
}

async function find(connection: Connection, item: ItemSummary): Promise<Stored | Lost> {
  const row = await connection.get(
    `SELECT lower(hex(i.digest)) AS digest, i.seal, b.size, b.crc32, b.file, b.quarantined_at,
       CASE typeof(b.content) WHEN 'blob' THEN length(b.content) END AS length
     FROM items AS i JOIN blobs AS b USING (digest) WHERE i.entry_id = ? AND i.key = ?`,
    item.entryId,
    item.key,
  );
  if (row?.digest !== item.digest) return lost('cleared');
  if (row.quarantined_at !== null) return lost('quarantined');
  const { size, crc32, seal, file, length } = row;
  if (typeof size !== 'number' || typeof crc32 !== 'number' || typeof seal !== 'number') {
    return lost('wrongBytes');
  }
  return {
    key: item.key,
    digest: item.digest,
    size,
    crc32,
    seal,
    file: typeof file === 'string' ? file : undefined,
    length: typeof length === 'number' ? length : undefined,
  };
}

function compare(stored: Stored, sums: Checksums): Lost | undefined {
  if (sums.size !== stored.size) return lost('wrongSize');
  if (sums.crc32 !== stored.crc32 || sums.digest() !== stored.digest) return lost('wrongBytes');
  if (stored.seal !== sealOf(stored.key, stored.digest, stored.size)) return lost('wrongSeal');
  return undefined;
}
