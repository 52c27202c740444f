import assert from 'node:assert/strict';
import test from 'node:test';
import type { ByteSource } from '../../../src/formats/ByteSource';
import { as, CountingSource, expected, fixture, pageOf } from './fixtures';

for (const [name, wanted] of Object.entries(expected.arrays)) {
  void test(`${name} shows what numpy reads`, async () => {
    const page = as('array', await pageOf(fixture(name), 'npy'));
    assert.deepEqual(page.shape, wanted.shape);
    assert.equal(page.fortranOrder, wanted.fortranOrder);
    assert.equal(page.unreadable === undefined, wanted.readable);
    if (!wanted.readable) return;
    assert.deepEqual(page.rows, wanted.rows);
    assert.equal(page.truncated, wanted.truncated);
    assert.equal(page.labels.length, page.rows.length);
  });
}

void test('values of no bytes that stand in one another very often come to an end', async () => {
  const type = (depth: number): string =>
    depth === 0 ? "'S0'" : `[('a', ${type(depth - 1)}, (300,))]`;
  const header = `{'descr': ${type(12)}, 'fortran_order': False, 'shape': (1,)}\n`;
  const length = String.fromCharCode(header.length % 256, Math.floor(header.length / 256));
  const bytes = Buffer.from(`\x93NUMPY\x01\0${length}${header}`, 'latin1');
  const { rows } = as('array', await pageOf(bytes, 'npy'));
  assert.match(rows[0]?.[0] ?? '', /^\(\[\(\[.*…$/);
});

void test('rows are labelled by their place in the outer dimensions', async () => {
  const cube = as('array', await pageOf(fixture('cube.npy'), 'npy'));
  assert.deepEqual(cube.labels, ['0, 0', '0, 1', '0, 2', '1, 0', '1, 1', '1, 2']);
  const vector = as('array', await pageOf(fixture('long.npy'), 'npy'));
  assert.deepEqual(vector.labels, ['']);
});

void test('types are named as numpy names them', async () => {
  const names = {
    'int_i8.npy': 'int64',
    'int_big_i4.npy': 'big-endian int32',
    'float16.npy': 'float16',
    'complex.npy': 'complex128',
    'text.npy': '<U3',
    'dates_25s.npy': 'datetime64[25s]',
    'record.npy': '(x: int32, y: float64, label: <U3)',
    'aligned.npy': '(a: int8, b: int64, pair: int16 × 2)',
    'objects.npy': 'object',
  };
  for (const [name, dtype] of Object.entries(names)) {
    assert.equal(as('array', await pageOf(fixture(name), 'npy')).dtype, dtype);
  }
});

void test('bytes that are longer than what is shown end in a mark', async () => {
  const header = "{'descr': '|S301', 'fortran_order': False, 'shape': (1,)}";
  const bytes = Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
    Buffer.from(Uint16Array.of(header.length).buffer),
    Buffer.from(header + 'x'.repeat(301)),
  ]);
  const page = as('array', await pageOf(bytes, 'npy'));
  assert.deepEqual(page.rows, [[`${'x'.repeat(299)}…`]]);
});

void test('only the values that are shown are read', async () => {
  const source = new CountingSource(fixture('wide.npy'));
  await pageOf(source, 'npy');
  // The header, twice its first bytes, and what lies between the first value shown and the last.
  assert.ok(source.count < 128 + 12 + 640 + 1, `${source.count} bytes were read of ${source.size}`);
});

void test('a header that lies is found out', async () => {
  const header = (text: string, values = 0): Uint8Array => {
    const bytes = Buffer.alloc(10 + text.length + values);
    bytes.write('\x93NUMPY\x01\x00', 'latin1');
    bytes.writeUInt16LE(text.length, 8);
    bytes.write(text, 10, 'latin1');
    return bytes;
  };
  const cases: [string, RegExp][] = [
    ["{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}", /cut short: 24 bytes/],
    ["{'descr': '<f8', 'fortran_order': False, 'shape': (9007199254740991, 9)}", /cut short: Most/],
    ["{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}", /tell the shape/],
    ["{'descr': '<f8', 'fortran_order': 0, 'shape': (1,)}", /order of values/],
    ["{'descr': '<f3', 'fortran_order': False, 'shape': ()}", /^unreadable/],
    ["{'descr': 'import os', 'fortran_order': False, 'shape': ()}", /names no known type/],
    ["{'descr': __import__('os').system('true')}", /damaged at character/],
    ['('.repeat(5000), /damaged at character/],
    ["{'descr': '<V99999999999', 'fortran_order': False, 'shape': ()}", /names no known type/],
    ["['no', 'dictionary']", /not a dictionary/],
  ];
  for (const [text, message] of cases) {
    if (message.source === '^unreadable') {
      const page = as('array', await pageOf(header(text, 8), 'npy'));
      assert.match(page.unreadable ?? '', /float24 are not read/);
      continue;
    }
    await assert.rejects(pageOf(header(text), 'npy'), { name: 'DecodeError', message }, text);
  }
  await assert.rejects(pageOf(fixture('cube.npy').subarray(0, 60), 'npy'), /claims \d+ bytes/);
  await assert.rejects(pageOf(new TextEncoder().encode('PK\x03\x04 and so on'), 'npy'), {
    message: /not a numpy array/,
  });
});

void test('an array of no bytes and endless shape shows a page of rows', async () => {
  const text = "{'descr': '|V0', 'fortran_order': True, 'shape': (1000000000, 1000000000)}";
  const bytes = Buffer.alloc(10 + text.length);
  bytes.write('\x93NUMPY\x01\x00', 'latin1');
  bytes.writeUInt16LE(text.length, 8);
  bytes.write(text, 10, 'latin1');
  const page = as('array', await pageOf(bytes, 'npy'));
  assert.equal(page.rows.length, 200);
  assert.equal(page.rows[0]?.length, 100);
  assert.equal(page.truncated, true);
});

void test('of large values no more are read than fit', async () => {
  const header = "{'descr': '|S3000000', 'fortran_order': False, 'shape': (1000,)}";
  const head = Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
    Buffer.from(Uint16Array.of(header.length).buffer),
    Buffer.from(header),
  ]);
  let count = 0;
  const source: ByteSource = {
    size: head.length + 3e9,
    read(offset, length) {
      count += length;
      return offset < head.length
        ? head.subarray(offset, offset + length)
        : new Uint8Array(length).fill(0x78);
    },
    close: () => undefined,
  };
  const page = as('array', await pageOf(source, 'npy'));
  assert.ok(count < 17e6, `${count} bytes were read`);
  assert.deepEqual([page.rows.length, page.rows[0]?.length, page.truncated], [1, 5, true]);
});
