import assert from 'node:assert/strict';
import test from 'node:test';
import {
  Field,
  Int8,
  Schema,
  Table,
  tableFromArrays,
  tableToIPC,
  Union,
  UnionMode,
} from 'apache-arrow';
import { openValue } from '../../../src/formats/formats';
import { MAX_COLUMNS, MAX_ROWS } from '../../../src/formats/limits';
import {
  ALL,
  as,
  CountingSource,
  expected,
  fixture,
  noPause,
  pageOf,
  type TableExpectation,
} from './fixtures';

function expectation(name: string): TableExpectation {
  const found = expected.tables[name];
  if (found === undefined) throw new Error(`Nothing is expected of ${name}.`);
  return 'as' in found ? expectation(found.as) : found;
}

for (const name of Object.keys(expected.tables)) {
  void test(`${name} shows every value as pyarrow reads it`, async () => {
    const { columns, rows } = expectation(name);
    const page = as('table', await pageOf(fixture(name), 'arrow'));
    assert.deepEqual(
      page.columns.map(({ name, unreadable }) => ({ name, unreadable })),
      columns.map((name) => ({ name, unreadable: undefined })),
    );
    assert.equal(page.total, rows.length);
    for (const [row, texts] of rows.entries()) {
      for (const [column, text] of texts.entries()) {
        const where = `${columns[column] ?? ''}, row ${row}`;
        assert.equal(page.rows[row]?.[column], text, where);
      }
    }
  });
}

void test('a byte-order mark belongs to the text or name that it begins', async () => {
  const frame = tableFromArrays({ '\ufeffid': ['\ufeff1', '2'] });
  const page = as('table', await pageOf(tableToIPC(frame, 'file'), 'arrow'));
  assert.deepEqual(
    page.columns.map(({ name }) => name),
    ['\ufeffid'],
  );
  assert.deepEqual(page.rows, [['\ufeff1'], ['2']]);
});

void test('columns tell their types and how to align them', async () => {
  const page = as('table', await pageOf(fixture('pyarrow-plain.arrow'), 'arrow'));
  const types = new Map(page.columns.map(({ name, type, align }) => [name, `${type} ${align}`]));
  const wanted = {
    int64: 'int64 right',
    uint8: 'uint8 right',
    float16: 'float16 right',
    decimal128: 'decimal128(38, 2) right',
    date32: 'date32 left',
    stamp_us: 'timestamp[us] left',
    zone_berlin: 'timestamp[us, Europe/Berlin] left',
    text_string: 'string left',
    text_string_view: 'string_view left',
    dictionary: 'dictionary<int32, string> left',
    struct: 'struct<a: int64, b: list<string>, c: struct<d: bool>> left',
    map: 'map<string, int32> left',
    runs: 'run_end_encoded<int16, string> left',
    dense: 'dense_union<number: int64, word: string> left',
  };
  for (const [name, type] of Object.entries(wanted)) assert.equal(types.get(name), type, name);
});

for (const compression of ['plain', 'lz4', 'zstd']) {
  void test(`pages of ${compression} batches go on where the one before ended`, async () => {
    const value = await openValue(
      new CountingSource(fixture(`batches-${compression}.arrow`)),
      'arrow',
      noPause,
    );
    for (let from = 0; from < 3000; from += 150) {
      const page = as('table', await value.page({ ...ALL, from, count: 150 }, noPause));
      assert.equal(page.total, 3000);
      assert.equal(page.batches, 3);
      assert.equal(page.from, from);
      assert.deepEqual(
        page.rows.map((row) => row.slice(0, 4)),
        Array.from({ length: 150 }, (_, i) => [
          String(from + i),
          `row ${from + i}`,
          `${(from + i) ** 2}.0`,
          `group ${(from + i) % 7}`,
        ]),
      );
    }
  });
}

void test('opening a file reads none of its values', async () => {
  const source = new CountingSource(fixture('batches-lz4.arrow'));
  await openValue(source, 'arrow', noPause);
  // Blocks of 4 kB: two at most for the file's end, and for the metadata of three batches and one
  // dictionary.
  assert.ok(source.count <= 11 * 4096, `${source.count} bytes were read of ${source.size}`);
});

void test('the last row costs its own record batch and no other', async () => {
  const bytes = fixture('batches-lz4.arrow');
  const source = new CountingSource(bytes);
  const value = await openValue(source, 'arrow', noPause);
  source.reset();
  const page = as('table', await value.page({ ...ALL, from: 2999, count: 1 }, noPause));
  assert.equal(page.rows[0]?.[1], 'row 2999');
  const batch = bytes.length / 3;
  assert.ok(source.count < batch + 2 * 4096, `${source.count} bytes were read of ${bytes.length}`);
  // The dictionary stands at the beginning; of the first two batches, nothing is read.
  const elsewhere = source.ranges.filter(([start, end]) => end > 4096 && start < bytes.length / 2);
  assert.deepEqual(elsewhere, []);
});

void test('an uncompressed batch is read by range, so that it is never costly', async () => {
  const source = new CountingSource(fixture('batches-plain.arrow'));
  const value = await openValue(source, 'arrow', noPause);
  source.reset();
  const request = { ...ALL, from: 1500, count: 1, allowCostly: false, maxBatchSize: 1 };
  const page = as('table', await value.page(request, noPause));
  assert.equal(page.rows[0]?.[1], 'row 1500');
});

void test('the next page of a batch decompresses nothing again', async () => {
  const source = new CountingSource(fixture('batches-zstd.arrow'));
  const value = await openValue(source, 'arrow', noPause);
  await value.page({ ...ALL, from: 1000, count: 100 }, noPause);
  source.reset();
  const page = as('table', await value.page({ ...ALL, from: 1100, count: 100 }, noPause));
  assert.equal(page.rows[0]?.[0], '1100');
  // Only the lengths before the buffers are looked at again.
  assert.ok(source.ranges.every(([start, end]) => end - start === 8));
});

void test('a batch over the limit is costly until it is asked for', async () => {
  const value = await openValue(new CountingSource(fixture('batches-lz4.arrow')), 'arrow', noPause);
  const request = { ...ALL, from: 0, count: 10, maxBatchSize: 10_000 };
  const costly = as('costly', await value.page({ ...request, allowCostly: false }, noPause));
  assert.equal(costly.total, 3000);
  assert.equal(costly.batchRows, 1000);
  // 1,000 values of 8, 8, 4 and 4 bytes, texts with offsets, and validity where there is some.
  assert.ok(costly.batchSize > 24_000 && costly.batchSize < 60_000, String(costly.batchSize));
  assert.deepEqual(
    costly.columns.map(({ name }) => name),
    ['row', 'name', 'square', 'group', 'noise'],
  );
  const page = as('table', await value.page({ ...request, allowCostly: true }, noPause));
  assert.equal(page.rows.length, 10);
});

void test('a page stays within the table, whatever is asked', async () => {
  const bytes = fixture('batches-plain.arrow');
  const page = async (from: number, count: number): Promise<[number, number]> => {
    const found = as('table', await pageOf(bytes, 'arrow', { from, count }));
    return [found.from, found.rows.length];
  };
  assert.deepEqual(await page(2990, 200), [2990, 10]);
  assert.deepEqual(await page(3000, 200), [3000, 0]);
  assert.deepEqual(await page(1e9, 1e9), [3000, 0]);
  assert.deepEqual(await page(-5, 1e9), [0, MAX_ROWS]);
  assert.deepEqual(await page(NaN, 3), [0, 3]);
});

void test('a wide table is shown by windows of columns', async () => {
  const bytes = fixture('pyarrow-lz4.arrow');
  const all = as('table', await pageOf(bytes, 'arrow'));
  assert.ok(all.totalColumns < MAX_COLUMNS && all.fromColumn === 0);
  const rest = as('table', await pageOf(bytes, 'arrow', { fromColumn: 50 }));
  assert.equal(rest.fromColumn, 50);
  assert.equal(rest.totalColumns, all.totalColumns);
  assert.deepEqual(rest.columns, all.columns.slice(50));
  assert.deepEqual(
    rest.rows,
    all.rows.map((row) => row.slice(50)),
  );
});

void test('what is not Arrow, or cut short, is told apart', async () => {
  const bytes = fixture('batches-plain.arrow');
  const cases: [string, Uint8Array, RegExp][] = [
    ['empty', new Uint8Array(0), /begin with no schema/],
    ['text', new TextEncoder().encode('{"a": 1}'), /begin with no schema/],
    ['old', new TextEncoder().encode('FEA1 and more'), /Feather files of version 1/],
    ['half', bytes.subarray(0, bytes.length / 2), /cut short: its footer is missing/],
    ['head', bytes.subarray(0, 8), /cut short: its footer is missing/],
  ];
  for (const [name, part, message] of cases) {
    await assert.rejects(pageOf(part, 'arrow'), { name: 'DecodeError', message }, name);
  }
  const stream = fixture('pyarrow-stream.arrows');
  await assert.rejects(pageOf(stream.subarray(0, stream.length - 2000), 'arrow'), {
    message: /cut short: \d+ bytes are missing/,
  });
});

void test('a column that is damaged leaves the others readable', async () => {
  const bytes = fixture('batches-lz4.arrow');
  const whole = as('table', await pageOf(bytes, 'arrow', { count: 20 }));
  // The first frame of the first batch's first buffer of values.
  const magic = Buffer.from([0x04, 0x22, 0x4d, 0x18]);
  const frames: number[] = [];
  for (let at = 0; (at = Buffer.from(bytes).indexOf(magic, at)) !== -1; at += 4) frames.push(at);
  let damagedColumns = 0;
  for (const frame of frames.slice(0, 6)) {
    const broken = bytes.slice();
    broken[frame] = 0;
    const page = as('table', await pageOf(broken, 'arrow', { count: 20 }));
    for (const [index, column] of page.columns.entries()) {
      const texts = page.rows.map((row) => row[index]);
      if (column.unreadable === undefined) {
        assert.deepEqual(
          texts,
          whole.rows.map((row) => row[index]),
        );
        continue;
      }
      damagedColumns += 1;
      assert.match(column.unreadable, /LZ4 data is damaged: its first bytes/);
      assert.deepEqual(texts, new Array(20).fill(null));
    }
  }
  assert.ok(damagedColumns > 0);
});

void test('a type that is not known hides itself and what follows, not what stands before', async () => {
  const bytes = fixture('batches-plain.arrow');
  // Somewhere in the footer stands the number of the second column's type, Utf8.
  const UTF8 = 5;
  let found = 0;
  for (let at = bytes.length - 1000; at < bytes.length; at += 1) {
    if (bytes[at] !== UTF8) continue;
    const younger = bytes.slice();
    younger[at] = 99;
    const page = await pageOf(younger, 'arrow', { count: 3 }).catch(() => undefined);
    if (page?.kind !== 'table' || page.columns[1]?.type !== 'type 99') continue;
    found += 1;
    const reason = 'Columns from "name" on cannot be read: Arrow type 99 is not known.';
    assert.deepEqual(
      page.columns.map(({ unreadable }) => unreadable),
      [undefined, reason, reason, reason, reason],
    );
    assert.deepEqual(
      page.rows.map((row) => row[0]),
      ['0', '1', '2'],
    );
  }
  assert.equal(found, 1);
});

void test('a union of more members than a byte tells apart is not believed', async () => {
  const ids = Array.from({ length: 129 }, (_, id) => id);
  const members = ids.map((id) => new Field(String(id), new Int8()));
  const union = (count: number) =>
    new Union(UnionMode.Sparse, ids.slice(0, count), members.slice(0, count));
  const bytes = (count: number) =>
    tableToIPC(new Table(new Schema([new Field('u', union(count))])), 'stream');
  as('table', await pageOf(bytes(128), 'arrow'));
  await assert.rejects(pageOf(bytes(129), 'arrow'), { message: 'A union has 129 members.' });
});

void test('a buffer that claims to grow beyond all measure is not believed', async () => {
  for (const [name, magic] of [
    ['batches-lz4.arrow', [0x04, 0x22, 0x4d, 0x18]],
    ['batches-zstd.arrow', [0x28, 0xb5, 0x2f, 0xfd]],
  ] as const) {
    const bytes = Buffer.from(fixture(name));
    // Before each compressed buffer stands its length. The dictionary's come first.
    let frames = 0;
    for (let at = 0; (at = bytes.indexOf(Buffer.from(magic), at)) !== -1; at += 4) {
      bytes.writeBigInt64LE(2n ** 40n, at - 8);
      frames += 1;
    }
    assert.ok(frames > 10);
    const page = as('table', await pageOf(bytes, 'arrow', { count: 5 }));
    assert.match(
      page.columns[0]?.unreadable ?? '',
      /claims 1099511627776 bytes|would take 1\.1 TB of memory/,
    );
  }
});

void test('a request that is cancelled stops between two columns', async () => {
  const value = await openValue(
    new CountingSource(fixture('pyarrow-zstd.arrow')),
    'arrow',
    noPause,
  );
  let calls = 0;
  const pause = (): Promise<void> => {
    calls += 1;
    return calls < 5 ? Promise.resolve() : Promise.reject(new Error('cancelled'));
  };
  await assert.rejects(value.page(ALL, pause), { message: 'cancelled' });
  assert.equal(calls, 5);
});
