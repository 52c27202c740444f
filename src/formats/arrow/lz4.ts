/**
 * LZ4 frames, decompressed with every length and checksum verified.
 * Sources: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and lz4_Block_format.md there.
 *
 * The package `lz4js` is not used: its frame reader skips block checksums in the wrong place, so that
 * what polars writes comes out wrong without an error, it verifies no checksum, and its block reader
 * checks no bound.
 */
import { DecodeError } from '../DecodeError';
import { xxh32 } from './xxh32';

const MAGIC = 0x184d2204;
const BLOCK_SIZES: Readonly<Record<number, number>> = {
  4: 64 * 1024,
  5: 256 * 1024,
  6: 1024 * 1024,
  7: 4 * 1024 * 1024,
};

/**
 * @param length bytes that come out
 * @throws {DecodeError} `damaged` when the frame is not whole, a checksum differs, or another number of
 *   bytes comes out
 */
export function decompressLz4(frame: Uint8Array, length: number): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const header = readHeader(frame, view, length);
  const out = new Uint8Array(length);
  let at = header.end;
  let end = 0;
  for (;;) {
    need(frame, at, 4);
    const word = view.getUint32(at, true);
    at += 4;
    if (word === 0) break;
    const size = word & 0x7fffffff;
    if (size > header.maxBlock) throw damaged('a block is larger than its header allows');
    need(frame, at, size + (header.blockChecksums ? 4 : 0));
    const block = frame.subarray(at, at + size);
    at += size;
    if (header.blockChecksums) {
      if (xxh32(block) !== view.getUint32(at, true)) throw damaged("a block's checksum differs");
      at += 4;
    }
    // Blocks may refer to the 64 kB before them. They all go into one array, so those are at hand;
    // only independent blocks must stay within themselves.
    const from = header.independent ? end : 0;
    if (word >>> 31 === 1) {
      if (end + size > length) throw damaged('more bytes come out than announced');
      out.set(block, end);
      end += size;
    } else {
      end = decompressBlock(block, out, end, from);
    }
  }
  if (end !== length) throw damaged(`${end} bytes come out where ${length} were announced`);
  if (header.contentChecksum) {
    need(frame, at, 4);
    if (xxh32(out) !== view.getUint32(at, true)) throw damaged("the content's checksum differs");
  }
  return out;
}

interface Header {
  readonly independent: boolean;
  readonly blockChecksums: boolean;
  readonly contentChecksum: boolean;
  readonly maxBlock: number;
  readonly end: number;
}

function readHeader(frame: Uint8Array, view: DataView, length: number): Header {
  need(frame, 0, 7);
  if (view.getUint32(0, true) !== MAGIC) throw damaged('its first bytes are not those of a frame');
  const flags = view.getUint8(4);
  const hasSize = (flags & 0x08) !== 0;
  const hasDictionary = (flags & 0x01) !== 0;
  const maxBlock = BLOCK_SIZES[(view.getUint8(5) >> 4) & 7];
  if (flags >> 6 !== 1 || (flags & 0x02) !== 0 || maxBlock === undefined) {
    throw damaged('its header is not of version 1');
  }
  const end = 6 + (hasSize ? 8 : 0) + (hasDictionary ? 4 : 0);
  need(frame, 0, end + 1);
  if (((xxh32(frame.subarray(4, end)) >>> 8) & 0xff) !== frame[end]) {
    throw damaged("its header's checksum differs");
  }
  if (hasDictionary) throw new DecodeError('unsupported', 'LZ4 with a dictionary is not read.');
  if (hasSize && view.getBigUint64(6, true) !== BigInt(length)) {
    throw damaged('its header and the record batch announce different sizes');
  }
  return {
    independent: (flags & 0x20) !== 0,
    blockChecksums: (flags & 0x10) !== 0,
    contentChecksum: (flags & 0x04) !== 0,
    maxBlock,
    end: end + 1,
  };
}

/**
 * @param from the first byte of `out` that a match may refer to
 * @returns where in `out` the block's bytes end
 */
function decompressBlock(block: Uint8Array, out: Uint8Array, start: number, from: number): number {
  const { length } = block;
  let at = 0;
  let end = start;
  /** The rest of a length whose four bits in the token are all set. */
  const longer = (): number => {
    for (let sum = 0; at < length;) {
      const byte = block[at] ?? 0;
      at += 1;
      sum += byte;
      if (byte !== 255) return sum;
    }
    throw damaged('a block ends within a length');
  };
  while (at < length) {
    const token = block[at] ?? 0;
    at += 1;
    let literals = token >> 4;
    if (literals === 15) literals += longer();
    if (at + literals > length) throw damaged('a block ends within its literals');
    if (end + literals > out.length) throw damaged('more bytes come out than announced');
    if (literals > 16) {
      out.set(block.subarray(at, at + literals), end);
      at += literals;
      end += literals;
    } else {
      for (const stop = at + literals; at < stop;) out[end++] = block[at++] ?? 0;
    }
    // The last sequence has no match.
    if (at === length) return end;
    if (at + 2 > length) throw damaged('a block ends within an offset');
    const offset = (block[at] ?? 0) | ((block[at + 1] ?? 0) << 8);
    at += 2;
    let match = token & 15;
    if (match === 15) match += longer();
    match += 4;
    if (offset === 0 || end - offset < from)
      throw damaged('a match refers to before the beginning');
    if (end + match > out.length) throw damaged('more bytes come out than announced');
    if (offset >= match) {
      out.copyWithin(end, end - offset, end - offset + match);
      end += match;
    } else {
      // Source and target overlap: the bytes just written are read again, one by one.
      for (const stop = end + match; end < stop; end += 1) out[end] = out[end - offset] ?? 0;
    }
  }
  throw damaged('a block ends without its last literals');
}

function need(frame: Uint8Array, at: number, count: number): void {
  if (at + count > frame.length) throw damaged('it ends early');
}

function damaged(what: string): DecodeError {
  return new DecodeError('damaged', `LZ4 data is damaged: ${what}.`);
}
