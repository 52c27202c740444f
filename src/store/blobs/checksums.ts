import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * The seal of an item: the CRC-32 (as of zlib) over its key in UTF-8, its blob's digest and its
 * blob's size as eight bytes, little-endian. It ties the key to these bytes, which the blob's own
 * checks cannot.
 */
export function sealOf(key: string, digest: string, size: number): number {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(size));
  return crc32(Buffer.concat([Buffer.from(key), Buffer.from(digest, 'hex'), length]));
}

/** Size, CRC-32 and SHA-256 of bytes that come in pieces. */
export class Checksums {
  size = 0;
  crc32 = 0;
  readonly #sha256 = createHash('sha256');

  add(bytes: Uint8Array): void {
    this.size += bytes.byteLength;
    this.crc32 = crc32(bytes, this.crc32);
    this.#sha256.update(bytes);
  }

  /** Lower-case hex; ends the counting. */
  digest(): string {
    return this.#sha256.digest('hex');
  }
}
