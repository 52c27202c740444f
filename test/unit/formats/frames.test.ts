import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { openValue } from '../../../src/formats/formats';
import { ALL, as, CountingSource, fixture, fixturePath, noPause, pageOf } from './fixtures';

interface Expectation {
  readonly columns: readonly string[];
  readonly types: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** What pandas itself says of each frame, by the version that pickled it. */
function expected(version: string): [string, Expectation][] {
  const text = readFileSync(fixturePath(`frames/${version}.json`), 'utf8');
  return Object.entries(JSON.parse(text) as Record<string, Expectation>);
}

for (const version of ['pandas2', 'pandas3']) {
  for (const [name, wanted] of expected(version)) {
    if (name === 'unknown' || name === 'paged') continue;
    for (const protocol of [4, 5]) {
      void test(`${name} of ${version}, protocol ${protocol}, is the table that it was`, async () => {
        const bytes = fixture(`frames/${version}-${name}-${protocol}.pickle`);
        const page = as('table', await pageOf(bytes, 'pickle'));
        assert.deepEqual(
          page.columns.map((column) => column.name),
          wanted.columns,
        );
        assert.deepEqual(
          page.columns.map(({ type }) => type),
          wanted.types,
        );
        assert.deepEqual(page.rows, wanted.rows);
        assert.deepEqual(
          page.columns.filter(({ unreadable }) => unreadable !== undefined),
          [],
        );
      });
    }
  }
}

void test('a column that is not understood is said to be so, beside the others', async () => {
  const page = as('table', await pageOf(fixture('frames/pandas3-unknown-5.pickle'), 'pickle'));
  const [sparse, known] = page.columns;
  assert.match(sparse?.unreadable ?? '', /^Values of pandas\.arrays\.SparseArray are not read/);
  assert.equal(known?.unreadable, undefined);
  assert.deepEqual(page.rows, [
    [null, '1'],
    [null, '2'],
    [null, '3'],
  ]);
});

void test('pages of rows and of columns', async () => {
  const bytes = fixture('frames/pandas2-paged-5.pickle');
  const page = as('table', await pageOf(bytes, 'pickle', { from: 400, count: 100 }));
  assert.equal(page.total, 450);
  assert.equal(page.from, 400);
  assert.equal(page.rows.length, 50);
  assert.deepEqual(page.rows.at(-1), ['449', '[449]']);
  const second = as('table', await pageOf(bytes, 'pickle', { fromColumn: 1, count: 1 }));
  assert.deepEqual([second.fromColumn, second.totalColumns, second.rows], [1, 2, [['[0]']]]);
  const beyond = as('table', await pageOf(bytes, 'pickle', { from: 1000 }));
  assert.deepEqual(beyond.rows, []);
});

/** What a function under `persistent_cache` returned, as marimo pickles it. */
function result(value: Uint8Array, key = 'return'): Uint8Array {
  const text = (of: string) => `X${String.fromCharCode(of.length)}\0\0\0${of}`;
  const before = `\x80\x05cmarimo._save.cache\nCache\n)\x81}(${text('defs')}}${text('hit')}\x89`;
  return Buffer.concat([
    Buffer.from(`${before}${text('meta')}}(${text(key)}`, 'latin1'),
    // Without its protocol and its end. What comes before it remembers nothing, so its memo holds.
    value.subarray(2, -1),
    Buffer.from(`${text('version')}K\x06uub.`, 'latin1'),
  ]);
}

void test('a frame that a cached function returned is the table that it was', async () => {
  for (const version of ['pandas2', 'pandas3']) {
    const bytes = fixture(`frames/${version}-paged-5.pickle`);
    const alone = as('table', await pageOf(bytes, 'pickle'));
    assert.deepEqual(as('table', await pageOf(result(bytes), 'pickle')), alone);
    // What else marimo keeps beside it is not what was returned.
    as('pickle', await pageOf(result(bytes, 'other'), 'pickle'));
  }
  as('pickle', await pageOf(result(fixture('numpy.pickle')), 'pickle'));
});

const name = (module: string, each: string): string => `c${module}\n${each}\n`;
const dtype = (code: string, order: string): string =>
  `${name('numpy', 'dtype')}(\x8c\x02${code}\x89\x88tR(K\x03\x8c\x01${order}NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb`;

/** A pickle of a frame with one column, whose array and whose number of rows are given. */
function frameWith(array: string, rows: string): Uint8Array {
  const range = (stop: string): string =>
    `${name('pandas.core.indexes.base', '_new_Index')}(${name('pandas', 'RangeIndex')}\
}(\x8c\x04nameN\x8c\x05startK\x00\x8c\x04stop${stop}\x8c\x04stepK\x01utR`;
  const block = `${name('pandas._libs.internals', '_unpickle_block')}(${array}\
${name('builtins', 'slice')}(K\x00K\x01K\x01tRK\x02tR`;
  const manager = `${name('pandas.core.internals.managers', 'BlockManager')}(${block}\x85](${range('K\x01')}${range(rows)}etR`;
  const text = `\x80\x04${name('pandas', 'DataFrame')})\x81}(\x8c\x04_mgr${manager}ub.`;
  return Buffer.from(text, 'latin1');
}

/** A frame of one object. */
function frameOf(object: string): Uint8Array {
  const array = `${name('numpy._core.multiarray', '_reconstruct')}(${name('numpy', 'ndarray')}\
K\x00\x85C\x01btR(K\x01K\x01K\x01\x86${dtype('O8', '|')}\x89](${object}etb`;
  return frameWith(array, 'K\x01');
}

async function cellOf(object: string): Promise<string | null | undefined> {
  return as('table', await pageOf(frameOf(object), 'pickle')).rows[0]?.[0];
}

void test('objects of any class are named and never made', async () => {
  const cases: [string, string | null][] = [
    ['K\x07', '7'],
    ['cos\nsystem\n(\x8c\x04ruintR', '<os.system>'],
    ['csomewhere.models\nCustom\n)\x81}(\x8c\x01aK\x01ub', '<somewhere.models.Custom>'],
    ['ccollections\nOrderedDict\n)R(\x8c\x01aK\x01u', '<collections.OrderedDict>'],
    ['csomewhere.models\nCustom\n', '<somewhere.models.Custom>'],
    ['cpandas._libs.missing\nNA\n', null],
    ['](cpandas._libs.missing\nNA\nNe', '[<NA>, None]'],
    // The year 2024 in two bytes, month, day, hour, minute, second and microseconds.
    [
      'cdatetime\ndatetime\nC\x0a\x07\xe8\x02\x1d\x0c\x22\x38\x00\x00\x07\x85R',
      '2024-02-29 12:34:56.000007',
    ],
    ['cdatetime\ndatetime\n)R', '<datetime.datetime>'],
    ['cnumpy._core.multiarray\nscalar\n(NC\x01xtR', '<numpy.scalar>'],
  ];
  for (const [object, wanted] of cases) assert.equal(await cellOf(object), wanted, object);
});

void test('a list that holds itself, and lists that hold each other often, come to an end', async () => {
  assert.match((await cellOf(']\x94h\x00a')) ?? '', /^\[\[\[/);
  let nested = ']\x94';
  for (let depth = 0; depth < 60; depth += 1) {
    nested += `0](${`h${String.fromCharCode(depth)}`.repeat(10)}e\x94`;
  }
  assert.match((await cellOf(nested)) ?? '', /^\[\[\[.*…$/);
});

void test('an index whose labels are the index itself is no frame', async () => {
  const looped = `${name('pandas.core.indexes.base', '_new_Index')}(${name('pandas', 'Index')}\
}\x94tR\x940h\x00(\x8c\x04nameN\x8c\x04datah\x01u0h\x01`;
  const bytes = Buffer.from(frameOf('N')).toString('latin1');
  const [, range = ''] = /\x85\](\(cpandas[^]*?utR)/.exec(bytes) ?? [];
  const whole = bytes.replace(range, () => `(${looped}`);
  const page = as('pickle', await pageOf(Buffer.from(whole, 'latin1'), 'pickle'));
  assert.equal(page.incomplete, undefined);
});

void test('a block of places that no counting reaches, or that are taken, makes no frame', async () => {
  const bytes = Buffer.from(frameOf('N')).toString('latin1');
  const slice = `${name('builtins', 'slice')}(K\x00K\x01K\x01tR`;
  const least = `\x8a\x08${'\0'.repeat(7)}\x80`;
  const from = (start: string, step: string): string =>
    bytes.replace(slice, () => `${name('builtins', 'slice')}(${start}K\x01${step}tR`);
  const block = /c[^\n]*\n_unpickle_block\n[^]*?(?=\x85\]\()/.exec(bytes)?.[0] ?? '';
  const twice = bytes.replace(`${block}\x85`, () => `${block}${block}\x86`);
  for (const each of [from(least, 'K\x01'), from('K\x00', 'G'.padEnd(9, '\0')), twice]) {
    assert.notEqual(each, bytes);
    as('pickle', await pageOf(Buffer.from(each, 'latin1'), 'pickle'));
  }
});

void test('an index of intervals between intervals between intervals is no frame', async () => {
  let index = `${name('pandas.core.indexes.base', '_new_Index')}(${name('pandas', 'RangeIndex')}\
}(\x8c\x04nameN\x8c\x05startK\x00\x8c\x04stopK\x01\x8c\x04stepK\x01utR\x940`;
  for (let depth = 0; depth < 60; depth += 1) {
    const before = `h${String.fromCharCode(depth)}`;
    index += `${name('pandas', '_new_IntervalIndex')}(${name('pandas', 'IntervalIndex')}\
}(\x8c\x04left${before}\x8c\x05right${before}\x8c\x06closed\x8c\x05rightutR\x940`;
  }
  const bytes = Buffer.from(frameOf('N')).toString('latin1');
  const ranges = [...bytes.matchAll(/c[^\n]*\n_new_Index\n[^]*?utR/g)];
  const rows = ranges.at(-1);
  assert.ok(rows !== undefined);
  const end = rows.index + rows[0].length;
  const whole = `${bytes.slice(0, rows.index)}${index}h${String.fromCharCode(60)}${bytes.slice(end)}`;
  const page = as('pickle', await pageOf(Buffer.from(whole, 'latin1'), 'pickle'));
  assert.equal(page.incomplete, undefined);
});

void test("a column of several chunks of Arrow's, of which one is empty, shows each value", async () => {
  const type = `${name('pyarrow.lib', 'type_for_alias')}(\x8c\x05int64tR`;
  const chunk = (...values: number[]): string => {
    const bytes = values.map((value) => `${String.fromCharCode(value)}${'\0'.repeat(7)}`).join('');
    const buffer = `${name('pyarrow.lib', 'py_buffer')}(C${String.fromCharCode(bytes.length)}${bytes}tR`;
    const count = String.fromCharCode(values.length);
    return `${name('pyarrow.lib', '_restore_array')}((${type}K${count}K\x00K\x00](N${buffer}eNNttR`;
  };
  const chunks = `](${chunk(1)}${chunk()}${chunk(2, 3)}e`;
  const array = `${name('pandas.arrays', 'ArrowExtensionArray')})\x81}(\
\x8c\x09_pa_array${name('pyarrow.lib', 'chunked_array')}(${chunks}tR\
\x8c\x06_dtype${name('pandas', 'ArrowDtype')})\x81}\x8c\x0dpyarrow_dtype${type}sbub`;
  const page = as('table', await pageOf(frameWith(array, 'K\x03'), 'pickle'));
  assert.deepEqual(page.rows, [['1'], ['2'], ['3']]);
});

void test('a page of a large frame reads only what it shows', async () => {
  const rows = 1_000_000;
  const size = Buffer.from(BigUint64Array.of(BigInt(rows * 8)).buffer).toString('latin1');
  const values = Buffer.from(BigUint64Array.from({ length: rows }, (_, i) => BigInt(i)).buffer);
  const count = 'J\x40\x42\x0f\x00';
  const array = `${name('numpy._core.numeric', '_frombuffer')}(\x96${size}${values.toString('latin1')}\
${dtype('i8', '<')}K\x01${count}\x86\x8c\x01CtR`;
  const source = new CountingSource(frameWith(array, count));
  const value = await openValue(source, 'pickle', noPause);
  const page = as('table', await value.page({ ...ALL, from: 900_000 }, noPause));
  assert.deepEqual([page.total, page.rows[0]], [rows, ['900000']]);
  assert.ok(source.count < 500_000, `${source.count} bytes were read`);
});

void test('a frame of too many objects is shown as a pickle, and said to be one', async () => {
  const page = as('pickle', await pageOf(frameOf('N'.repeat(1_500_001)), 'pickle'));
  assert.match(page.incomplete ?? '', /^It holds more than can be kept/);
  assert.ok(page.refersTo.includes('pandas.DataFrame'));
});

void test('what is cut short or followed by something is no frame', async () => {
  const bytes = fixture('frames/pandas3-objects-5.pickle');
  for (const broken of [bytes.subarray(0, -1), Buffer.concat([bytes, bytes])]) {
    const page = as('pickle', await pageOf(broken, 'pickle'));
    assert.notEqual(page.incomplete, undefined);
  }
});
