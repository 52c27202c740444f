import type { ByteSource } from '../ByteSource';
import { DecodeError } from '../DecodeError';
import { MAX_BUFFER, MAX_KEPT } from '../limits';
import { sizeText } from '../shorten';
import { decompressLz4 } from './lz4';
import { decompressZstd } from './zstd';

export type Codec = 'lz4' | 'zstd';

/** Where a file's bytes come from: `near` keeps blocks for small reads near each other. */
export interface Sources {
  readonly near: ByteSource;
  readonly far: ByteSource;
  readonly kept: Kept;
}

/**
 * The buffers that were decompressed last, by their place in the file, so that the next page of the
 * same record batch decompresses nothing. The oldest go first; one that is larger than all the room is
 * kept alone, since the page that asked for it reads it row by row.
 */
export class Kept {
  readonly #room: number;
  readonly #buffers = new Map<number, Uint8Array>();
  #size = 0;

  constructor(room = MAX_KEPT) {
    this.#room = room;
  }

  get(place: number, decompress: () => Uint8Array): Uint8Array {
    const found = this.#buffers.get(place);
    if (found !== undefined) {
      // Taken out and put back, it is the youngest again.
      this.#buffers.delete(place);
      this.#buffers.set(place, found);
      return found;
    }
    const bytes = decompress();
    for (const [oldest, { length }] of this.#buffers) {
      if (this.#size + bytes.length <= this.#room) break;
      this.#buffers.delete(oldest);
      this.#size -= length;
    }
    this.#buffers.set(place, bytes);
    this.#size += bytes.length;
    return bytes;
  }
}

/** Marks, in place of a compressed buffer's length, bytes that were not worth compressing. */
const STORED = -1n;
/** Before each compressed buffer stands its decompressed length. */
const PREFIX = 8;
/** No LZ4 block grows more than this. */
const LZ4_GROWTH = 255;

/**
 * One buffer of a record batch: validity bits, offsets, values. Of an uncompressed one, only the bytes
 * that are asked for are read. A compressed one is decompressed whole, the first time it is touched.
 */
export class Buffer {
  readonly #sources: Sources;
  readonly #codec: Codec | undefined;
  readonly #offset: number;
  readonly #stored: number;
  #found: Contents | undefined;

  /** @param stored bytes it takes in the file, from `offset` on */
  constructor(sources: Sources, codec: Codec | undefined, offset: number, stored: number) {
    this.#sources = sources;
    this.#codec = codec;
    this.#offset = offset;
    this.#stored = stored;
  }

  /** Bytes it holds. */
  get length(): number {
    return this.#contents.length;
  }

  /** Bytes of memory that it takes once it is touched: none, where it is read by range. */
  get cost(): number {
    return this.#contents.codec === undefined ? 0 : this.#contents.length;
  }

  /** @throws {DecodeError} when they are not all there, or cannot be decompressed */
  bytes(offset: number, length: number): Uint8Array {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.length)) {
      throw damaged(`has ${this.length} bytes where ${offset + length} are needed`);
    }
    const { codec, place } = this.#contents;
    if (codec === undefined) return this.#sources.near.read(place + offset, length);
    return this.#decompressed(codec).subarray(offset, offset + length);
  }

  view(offset: number, length: number): DataView {
    const bytes = this.bytes(offset, length);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  }

  int32(index: number): number {
    return this.view(index * 4, 4).getInt32(0, true);
  }

  int64(index: number): bigint {
    return this.view(index * 8, 8).getBigInt64(0, true);
  }

  /** The integer of `bits` bits at `index`, as a place or a length: beyond 2^53 nothing is found. */
  integer(index: number, bits: 8 | 16 | 32 | 64, signed = true): number {
    const view = this.view((index * bits) / 8, bits / 8);
    switch (bits) {
      case 8:
        return signed ? view.getInt8(0) : view.getUint8(0);
      case 16:
        return signed ? view.getInt16(0, true) : view.getUint16(0, true);
      case 32:
        return signed ? view.getInt32(0, true) : view.getUint32(0, true);
      case 64:
        return Number(signed ? view.getBigInt64(0, true) : view.getBigUint64(0, true));
    }
  }

  bit(index: number): boolean {
    const byte = this.bytes(Math.floor(index / 8), 1)[0] ?? 0;
    return ((byte >> (index % 8)) & 1) === 1;
  }

  #decompressed(codec: Codec): Uint8Array {
    const { place, length } = this.#contents;
    return this.#sources.kept.get(place, () => {
      if (length > MAX_BUFFER) {
        const message = `A column's buffer would take ${sizeText(length)} of memory.`;
        throw new DecodeError('tooLarge', message);
      }
      const stored = this.#sources.far.read(place, this.#stored - PREFIX);
      return codec === 'lz4' ? decompressLz4(stored, length) : decompressZstd(stored, length);
    });
  }

  get #contents(): Contents {
    return (this.#found ??= this.#look());
  }

  #look(): Contents {
    if (this.#codec === undefined || this.#stored === 0) {
      return { codec: undefined, place: this.#offset, length: this.#stored };
    }
    // Not by `near`: the block around eight bytes would be read for nothing.
    const prefix = this.#sources.far.read(this.#offset, PREFIX);
    const length = new DataView(prefix.buffer, prefix.byteOffset).getBigInt64(0, true);
    const stored = this.#stored - PREFIX;
    const place = this.#offset + PREFIX;
    if (stored < 0) throw damaged('is shorter than its own length');
    if (length === STORED) return { codec: undefined, place, length: stored };
    if (length < 0n || (this.#codec === 'lz4' && length > BigInt(stored * LZ4_GROWTH))) {
      throw damaged(`claims ${length} bytes, which its compressed ones cannot stand for`);
    }
    return { codec: this.#codec, place, length: Number(length) };
  }
}

/** What the first bytes of a buffer tell; `codec` is absent where it is read by range. */
interface Contents {
  readonly codec: Codec | undefined;
  readonly place: number;
  readonly length: number;
}

function damaged(what: string): DecodeError {
  return new DecodeError('damaged', `A buffer of the record batch ${what}.`);
}
