/**
 * Access to Arrow's metadata, which is FlatBuffers. The generated classes of `apache-arrow` read it
 * without a verifier: a wrong offset reads zeros, but a wrong length would have a loop run for hours.
 */
import { Footer } from 'apache-arrow/fb/footer';
import { Message } from 'apache-arrow/fb/message';
import { ByteBuffer } from 'flatbuffers';
import { DecodeError } from '../DecodeError';
import { MAX_TEXT } from '../limits';
import { shorten } from '../shorten';

/** A byte-order mark belongs to the name that it begins. */
const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * @param each the least bytes that one element takes
 * @returns `count`, when so many elements fit into the metadata at all
 * @throws {DecodeError} `damaged` otherwise
 */
export function checkCount(
  bytes: ByteBuffer | null,
  count: number,
  each: number,
  what: string,
): number {
  if (bytes !== null && count >= 0 && count * each <= bytes.capacity()) return count;
  throw new DecodeError('damaged', `The Arrow metadata claims ${count} ${what}.`);
}

/** @throws {DecodeError} `damaged` when a count cannot be one */
export function safeNumber(value: bigint, what: string): number {
  if (value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw new DecodeError('damaged', `The Arrow metadata gives ${value} as ${what}.`);
}

/**
 * A text of the metadata, cut where it is longer than anyone reads: a hundred thousand fields may all
 * claim one name of many megabytes.
 */
export function shortString(bytes: string | Uint8Array | null): string | undefined {
  if (bytes === null) return undefined;
  if (typeof bytes === 'string') return shorten(bytes);
  return shorten(UTF8.decode(bytes.subarray(0, 4 * MAX_TEXT)));
}

/** @param bytes an encapsulated message's metadata, without its length */
export function readMessage(bytes: Uint8Array): Message {
  return Message.getRootAsMessage(metadata(bytes));
}

/** @param bytes the footer of a file, without its length */
export function readFooter(bytes: Uint8Array): Footer {
  return Footer.getRootAsFooter(metadata(bytes));
}

function metadata(bytes: Uint8Array): ByteBuffer {
  if (bytes.length < 8) throw new DecodeError('damaged', 'Arrow metadata ends early.');
  return new ByteBuffer(bytes);
}
