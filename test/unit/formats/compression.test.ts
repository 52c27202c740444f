import assert from 'node:assert/strict';
import test from 'node:test';
import { decompressLz4 } from '../../../src/formats/arrow/lz4';
import { xxh32 } from '../../../src/formats/arrow/xxh32';
import { decompressZstd } from '../../../src/formats/arrow/zstd';

void test('xxh32 gives the values of its specification', () => {
  // Source: https://github.com/Cyan4973/xxHash/blob/dev/tests/sanity_test_vectors.h, and the values of
  // the reference command line tool for the texts.
  const hash = (text: string): number => xxh32(Buffer.from(text));
  assert.equal(hash(''), 0x02cc5d05);
  assert.equal(hash('a'), 0x550d7456);
  assert.equal(hash('abc'), 0x32d153ff);
  assert.equal(hash('Nobody inspects the spammish repetition'), 0xe2293b2f);
});

interface Frame {
  readonly flags?: number;
  readonly blocks: readonly { readonly bytes: readonly number[]; readonly stored?: boolean }[];
  readonly content?: readonly number[];
}

/** A frame written by hand, with every checksum that its flags ask for. */
function frame({ flags = 0x60, blocks, content }: Frame): Uint8Array {
  const out: number[] = [];
  const word = (value: number): number[] => [...Buffer.from(Uint32Array.of(value).buffer)];
  const header = [flags, 0x40];
  if ((flags & 8) !== 0) header.push(...word(content?.length ?? 0), ...word(0));
  out.push(...word(0x184d2204), ...header, (xxh32(Uint8Array.from(header)) >>> 8) & 255);
  for (const { bytes, stored } of blocks) {
    out.push(...word(bytes.length + (stored === true ? 0x80000000 : 0)), ...bytes);
    if ((flags & 16) !== 0) out.push(...word(xxh32(Uint8Array.from(bytes))));
  }
  out.push(...word(0));
  if ((flags & 4) !== 0) out.push(...word(xxh32(Uint8Array.from(content ?? []))));
  return Uint8Array.from(out);
}

/** `abcabcabcabc` and then the literals `xyzzy`. */
const BLOCK = [0x35, 0x61, 0x62, 0x63, 0x03, 0x00, 0x50, 0x78, 0x79, 0x7a, 0x7a, 0x79];
const TEXT = [...Buffer.from('abcabcabcabcxyzzy')];

void test('LZ4 frames come out whole, with and without each checksum', () => {
  for (const flags of [0x60, 0x64, 0x70, 0x74, 0x68, 0x7c, 0x54]) {
    const bytes = frame({ flags, blocks: [{ bytes: BLOCK }], content: TEXT });
    assert.deepEqual([...decompressLz4(bytes, TEXT.length)], TEXT, flags.toString(16));
  }
  const stored = frame({ blocks: [{ bytes: TEXT, stored: true }, { bytes: BLOCK }] });
  assert.deepEqual([...decompressLz4(stored, 34)], [...TEXT, ...TEXT]);
});

void test('a block refers to the one before it, unless blocks are independent', () => {
  // No literals, then a match of 8 bytes, 12 back: into the block before; then one literal.
  const second = [0x04, 12, 0, 0x10, 0x21];
  const blocks = [{ bytes: TEXT.slice(0, 12), stored: true }, { bytes: second }];
  const linked = decompressLz4(frame({ flags: 0x40, blocks }), 21);
  assert.equal(Buffer.from(linked).toString(), 'abcabcabcabcabcabcab!');
  assert.throws(() => decompressLz4(frame({ flags: 0x60, blocks }), 21), /before the beginning/);
});

void test('every bit flipped in a frame with checksums is found', () => {
  const bytes = frame({ flags: 0x7c, blocks: [{ bytes: BLOCK }], content: TEXT });
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const broken = bytes.slice();
    broken[bit >> 3] = (broken[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(() => decompressLz4(broken, TEXT.length), { name: 'DecodeError' }, `bit ${bit}`);
  }
});

void test('every LZ4 frame that is cut short is found, and every length that is wrong', () => {
  const bytes = frame({ flags: 0x64, blocks: [{ bytes: BLOCK }], content: TEXT });
  for (let end = 0; end < bytes.length; end += 1) {
    assert.throws(() => decompressLz4(bytes.subarray(0, end), TEXT.length), /ends|bytes/);
  }
  assert.throws(() => decompressLz4(bytes, TEXT.length + 1), /17 bytes come out where 18/);
  assert.throws(() => decompressLz4(bytes, TEXT.length - 1), /more bytes come out/);
});

void test('LZ4 blocks that are wrong in themselves are found', () => {
  const cases: [number[], RegExp][] = [
    [[0x10, 0x61, 0x00, 0x00, 0x00], /before the beginning/],
    [[0x10, 0x61, 0x02, 0x00, 0x00], /before the beginning/],
    [[0xf0, 0xff, 0xff], /within a length/],
    [[0x50, 0x61], /within its literals/],
    [[0x10, 0x61, 0x01], /within an offset/],
    [[0x1f, 0x61, 0x01, 0x00, 0xff, 0xff, 0xff, 0x00], /more bytes come out/],
    [[0x10, 0x61, 0x01, 0x00], /without its last literals/],
  ];
  for (const [bytes, message] of cases) {
    assert.throws(() => decompressLz4(frame({ blocks: [{ bytes }] }), 100), message);
  }
});

/** A Zstandard frame of one raw block and one of repeated bytes, without a content size or with one. */
function zstd(raw: number[], repeated: number, size?: number): Uint8Array {
  const head = size === undefined ? [0x00, 0x00] : [0x20, size];
  const block = (last: number, type: number, length: number): number[] => {
    const header = (length << 3) | (type << 1) | last;
    return [header & 255, (header >> 8) & 255, header >> 16];
  };
  const bytes = [0x28, 0xb5, 0x2f, 0xfd, ...head];
  bytes.push(...block(0, 0, raw.length), ...raw, ...block(1, 1, repeated), 0x7a);
  return Uint8Array.from(bytes);
}

void test('Zstandard frames come out whole, with and without a content size', () => {
  const wanted = 'abczzzzz';
  for (const size of [undefined, wanted.length]) {
    const bytes = zstd([...Buffer.from('abc')], 5, size);
    assert.equal(Buffer.from(decompressZstd(bytes, 8)).toString(), wanted);
    // Padding that a writer counts as the buffer's own does no harm.
    const padded = Uint8Array.from([...bytes, 0, 0, 0]);
    assert.equal(Buffer.from(decompressZstd(padded, 8)).toString(), wanted);
  }
});

void test('Zstandard frames that are wrong are found', () => {
  const bytes = zstd([1, 2, 3], 5);
  for (let end = 0; end < bytes.length; end += 1) {
    assert.throws(() => decompressZstd(bytes.subarray(0, end), 8), { name: 'DecodeError' });
  }
  assert.throws(() => decompressZstd(bytes, 9), /8 bytes come out where 9/);
  assert.throws(() => decompressZstd(bytes, 7), /more bytes come out/);
  assert.throws(() => decompressZstd(zstd([1, 2, 3], 5, 8), 9), /announce different sizes/);
  assert.throws(() => decompressZstd(Uint8Array.from([...bytes, 1]), 8), /follow after its end/);
  assert.throws(() => decompressZstd(Buffer.from('not zstd at all'), 8), /not those of a frame/);
  const huge = Uint8Array.from(bytes);
  huge[5] = 0xff;
  assert.throws(() => decompressZstd(huge, 8), { kind: 'unsupported' });
});
