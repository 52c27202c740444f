import type { BytesPage } from '../protocol/pages';
import type { ByteSource } from './ByteSource';

const HEAD = 512;
const ROW = 16;

/** The first bytes of a value whose format is not read, as `hexdump -C` shows them. */
export function bytesPage(source: ByteSource): BytesPage {
  const bytes = source.read(0, Math.min(HEAD, source.size));
  const head: string[] = [];
  for (let offset = 0; offset < bytes.length; offset += ROW) {
    head.push(hexRow(offset, bytes.subarray(offset, offset + ROW)));
  }
  return { kind: 'bytes', size: source.size, head };
}

function hexRow(offset: number, bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const text = Array.from(bytes, (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.',
  ).join('');
  return `${offset.toString(16).padStart(8, '0')}  ${hex.padEnd(ROW * 3 - 1)}  ${text}`;
}
