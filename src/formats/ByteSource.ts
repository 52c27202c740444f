/**
 * Where a decoder's bytes come from. Reads are synchronous: decoders run on a thread of their own,
 * which has nothing else to do, and are far simpler for it.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { DecodeError } from './DecodeError';

export interface ByteSource {
  /** In bytes, as it was when the source was opened. */
  readonly size: number;
  /**
   * Bytes `offset` to `offset + length`, which the caller must not change.
   * @throws {DecodeError} `damaged` when they are not all there
   */
  read(offset: number, length: number): Uint8Array;
  /** Harmless to call twice. */
  close(): void;
}

export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read(offset, length) {
      checkRange(offset, length, bytes.length);
      return bytes.subarray(offset, offset + length);
    },
    close() {
      // Bytes in memory have nothing to close.
    },
  };
}

/**
 * A plain file, read by range. A link in its last name is not followed: the path comes out of a
 * database that a stranger may have written.
 * @throws {DecodeError} `unreadable` when it is missing, is not a plain file or may not be read
 */
export function fileSource(path: string): ByteSource {
  const { file, size } = openPlainFile(path);
  let open = true;
  return {
    size,
    read(offset, length) {
      checkRange(offset, length, size);
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length;) {
        const count = readSync(file, bytes, done, length - done, offset + done);
        if (count === 0)
          throw new DecodeError('damaged', `The file was cut short while it was read.`);
        done += count;
      }
      return bytes;
    },
    close() {
      if (open) closeSync(file);
      open = false;
    },
  };
}

/**
 * Windows has neither flag, and `undefined` counts as none. Opening without blocking keeps a pipe in
 * the file's place from holding the thread for ever.
 */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

function openPlainFile(path: string): { file: number; size: number } {
  let file: number;
  try {
    // Where there is no O_NOFOLLOW, this is all that looks for a link.
    if (lstatSync(path).isSymbolicLink()) throw new Error('it is a link');
    file = openSync(path, OPEN_FLAGS);
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    const status = fstatSync(file);
    if (!status.isFile()) throw new Error('it is not a plain file');
    return { file, size: status.size };
  } catch (error) {
    closeSync(file);
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): DecodeError {
  const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
  const why = missing ? 'it is missing' : error instanceof Error ? error.message : String(error);
  return new DecodeError('unreadable', `The file ${path} cannot be read: ${why}.`, {
    cause: error,
  });
}

function checkRange(offset: number, length: number, size: number): void {
  if (
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= size
  ) {
    return;
  }
  throw new DecodeError(
    'damaged',
    `The value is cut short or damaged: ${length} bytes are missing at ${offset} of ${size}.`,
  );
}

/**
 * The same bytes, kept in blocks, so that many small reads near each other cost few reads of the file.
 * Memory is bounded by `blockSize * blocks`; a read longer than a block goes straight through.
 */
export function cachedSource(source: ByteSource, blockSize = 4096, blocks = 1024): ByteSource {
  const kept = new Map<number, Uint8Array>();
  const block = (index: number): Uint8Array => {
    const found = kept.get(index);
    if (found !== undefined) return found;
    const start = index * blockSize;
    const bytes = source.read(start, Math.min(blockSize, source.size - start));
    if (kept.size >= blocks) {
      const oldest = kept.keys().next();
      if (oldest.done !== true) kept.delete(oldest.value);
    }
    kept.set(index, bytes);
    return bytes;
  };
  return {
    size: source.size,
    read(offset, length) {
      checkRange(offset, length, source.size);
      if (length === 0) return new Uint8Array(0);
      if (length > blockSize) return source.read(offset, length);
      const first = Math.floor(offset / blockSize);
      const last = Math.floor((offset + length - 1) / blockSize);
      const start = offset - first * blockSize;
      if (first === last) return block(first).subarray(start, start + length);
      const bytes = new Uint8Array(length);
      const head = block(first).subarray(start);
      bytes.set(head);
      bytes.set(block(last).subarray(0, length - head.length), head.length);
      return bytes;
    },
    close() {
      kept.clear();
      source.close();
    },
  };
}
