/**
 * Zstandard frames, decompressed by `fzstd` after a walk over their headers, since `fzstd` takes any
 * window for granted, mixes several frames up and stops at no length.
 * Source: https://www.rfc-editor.org/rfc/rfc8878
 */
import { Decompress, decompress } from 'fzstd';
import { DecodeError } from '../DecodeError';

const MAGIC = 0xfd2fb528;
/** zstd's own limit for a decoder that was not told otherwise (`ZSTD_WINDOWLOG_LIMIT_DEFAULT`). */
const MAX_WINDOW = 2 ** 27;

/**
 * @param length bytes that come out
 * @throws {DecodeError} `damaged` when the frame is not whole or another number of bytes comes out
 */
export function decompressZstd(frame: Uint8Array, length: number): Uint8Array {
  const { contentSize, window, end } = walk(frame);
  if (contentSize !== undefined && contentSize !== length) {
    throw damaged('its header and the record batch announce different sizes');
  }
  if (contentSize === undefined && window > MAX_WINDOW) {
    throw new DecodeError('unsupported', 'Zstandard data with so large a window is not read.');
  }
  try {
    return contentSize === undefined
      ? decompressStream(frame.subarray(0, end), length)
      : decompress(frame.subarray(0, end), new Uint8Array(length));
  } catch (error) {
    if (error instanceof DecodeError) throw error;
    const what = error instanceof Error ? error.message : String(error);
    throw damaged(what, { cause: error });
  }
}

/** Stops as soon as more comes out than announced: four bytes can stand for two million. */
function decompressStream(frame: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let end = 0;
  const stream = new Decompress((chunk) => {
    if (end + chunk.length > length) throw damaged('more bytes come out than announced');
    // The chunk is a view that fzstd uses again, so it is copied.
    out.set(chunk, end);
    end += chunk.length;
  });
  stream.push(frame, true);
  if (end !== length) throw damaged(`${end} bytes come out where ${length} were announced`);
  return out;
}

/** Goes from block to block without looking into them, and requires one frame that is whole. */
function walk(frame: Uint8Array): {
  contentSize: number | undefined;
  window: number;
  end: number;
} {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  need(frame, 6);
  if (view.getUint32(0, true) !== MAGIC) throw damaged('its first bytes are not those of a frame');
  const flags = view.getUint8(4);
  const singleSegment = (flags & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][flags & 3] ?? 0;
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0;
  if ((flags & 0x08) !== 0) throw damaged('its header has a reserved bit set');
  let at = 5 + (singleSegment ? 0 : 1);
  need(frame, at + dictionaryBytes + sizeBytes);
  if (frame.subarray(at, at + dictionaryBytes).some((byte) => byte !== 0)) {
    throw new DecodeError('unsupported', 'Zstandard data with a dictionary is not read.');
  }
  at += dictionaryBytes;
  const contentSize = readSize(view, at, sizeBytes);
  at += sizeBytes;
  const descriptor = view.getUint8(5);
  const base = 2 ** (10 + (descriptor >> 3));
  const window = singleSegment ? (contentSize ?? 0) : base + (base / 8) * (descriptor & 7);
  for (let last = false; !last;) {
    need(frame, at + 3);
    const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    last = (header & 1) === 1;
    const type = (header >> 1) & 3;
    if (type === 3) throw damaged('a block is of a reserved kind');
    at += 3 + (type === 1 ? 1 : header >> 3);
  }
  at += (flags & 0x04) === 0 ? 0 : 4;
  need(frame, at);
  // Some writers count the padding between buffers as the buffer's own.
  if (frame.subarray(at).some((byte) => byte !== 0)) throw damaged('bytes follow after its end');
  return { contentSize, window, end: at };
}

function readSize(view: DataView, at: number, bytes: number): number | undefined {
  switch (bytes) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    case 8:
      return Number(view.getBigUint64(at, true));
    default:
      return undefined;
  }
}

function need(frame: Uint8Array, end: number): void {
  if (end > frame.length) throw damaged('it ends early');
}

function damaged(what: string, options?: ErrorOptions): DecodeError {
  return new DecodeError('damaged', `Zstandard data is damaged: ${what}.`, options);
}
