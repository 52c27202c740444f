// Reads entries of real databases, through the real loader, with the real decoder in its thread.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import type { TestContext } from 'node:test';
import { DecodingWorker } from '../../../src/formats/DecodingWorker';
import { EntryReader, Unshowable } from '../../../src/preview/EntryReader';
import type { Check, WantedPage } from '../../../src/protocol/preview';
import type { NewItem } from '../../../src/store/rows';
import type { SqliteLoader } from '../../../src/store/SqliteLoader';
import { buildDecoder } from '../formats/buildDecoder';
import { atEnd, makeCache, makeEntry, openCache } from '../store/cacheFolder';

const formats = path.join(import.meta.dirname, '../../fixtures/formats');
/** Larger than what is kept in a row, so a file; its bytes are padded behind the JSON. */
const longJson = Buffer.from(`{"answer": 42}${' '.repeat(70_000)}`);

let folder = '';
let decoder = '';

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'cellar-preview-'));
  decoder = await buildDecoder(folder);
});

after(() => {
  rmSync(folder, { recursive: true });
});

interface Made {
  readonly loader: SqliteLoader;
  readonly reader: EntryReader;
  /** Absolute path of a value's file. */
  readonly file: (name: string) => string;
  readonly entryId: number;
  readonly cellId: number;
  /** Waits until a value's bytes have been judged. */
  readonly judged: (name: string) => Promise<Check>;
}

interface MakeOptions {
  readonly trusted?: boolean;
  readonly maxBatchSize?: number;
  /** What the store's check may find in the end, where a test does harm. */
  readonly allowed?: readonly RegExp[];
}

async function make(
  t: TestContext,
  { trusted = true, maxBatchSize = 64e6, allowed = [] }: MakeOptions = {},
): Promise<Made> {
  const database = await makeCache(t);
  const loader = await openCache(t, database, { allowed });
  const value = (name: string, format: NewItem['format'], bytes: Uint8Array): NewItem => ({
    key: `cell_cache/h1/${name}`,
    name,
    format,
    typeHint: undefined,
    content: [bytes],
  });
  const table = readFileSync(path.join(formats, 'batches-lz4.arrow'));
  const entryId = await loader.save(
    makeEntry({
      items: [
        value('table', 'arrow', table),
        value('settings', 'json', Buffer.from('{"depth": 3}')),
        value('long', 'json', longJson),
      ],
    }),
  );
  const entry = await loader.entry(entryId);
  assert.ok(entry !== undefined);
  const items = new Map((await loader.items(entryId)).map((item) => [item.name, item]));
  const waiting = new Set<() => void>();
  const reader = new EntryReader(loader, entryId, new DecodingWorker(decoder), {
    maxBatchSize: () => maxBatchSize,
    mayQuarantine: () => trusted,
    onCheck: () => {
      for (const each of [...waiting]) each();
    },
    report: () => undefined,
  });
  atEnd(t, () => reader.close());
  const judged = (name: string): Promise<Check> =>
    new Promise((resolve) => {
      const look = (): void => {
        const check = reader.checks.get(`cell_cache/h1/${name}`);
        if (check === undefined || check.kind === 'checking') return;
        waiting.delete(look);
        resolve(check);
      };
      waiting.add(look);
      look();
    });
  const file = (name: string): string => {
    const item = items.get(name);
    assert.ok(item?.file !== undefined);
    return path.join(path.dirname(database), 'blobs', item.file);
  };
  return { loader, reader, file, entryId, cellId: entry.cellId, judged };
}

const wanted = (name: string, different: Partial<WantedPage> = {}): WantedPage => ({
  key: `cell_cache/h1/${name}`,
  from: 0,
  count: 200,
  fromColumn: 0,
  allowCostly: false,
  ...different,
});

const noSignal = new AbortController().signal;

async function problemOf(page: Promise<unknown>): Promise<Unshowable['problem']> {
  const error = await page.then(
    () => assert.fail('It was shown.'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Unshowable, String(error));
  return error.problem;
}

test('a value in a row is verified by being read', async (t) => {
  const { reader } = await make(t);
  const page = await reader.page(wanted('settings'), noSignal);
  assert.equal(page.kind, 'tree');
  assert.deepEqual([...reader.checks], [['cell_cache/h1/settings', { kind: 'verified' }]]);
});

test('a file is shown first and verified in the background', async (t) => {
  const { reader, judged, file } = await make(t);
  assert.match(file('long'), /\.json$/);
  const page = await reader.page(wanted('long'), noSignal);
  assert.equal(page.kind, 'tree');
  assert.equal(reader.checks.get('cell_cache/h1/long')?.kind, 'checking');
  assert.deepEqual(await judged('long'), { kind: 'verified' });
});

test('pages asked for at once are each of their own value', async (t) => {
  const { reader } = await make(t);
  const pages = await Promise.all([
    reader.page(wanted('settings'), noSignal),
    reader.page(wanted('table'), noSignal),
    reader.page(wanted('long'), noSignal),
    reader.page(wanted('table', { from: 1, count: 1 }), noSignal),
  ]);
  assert.deepEqual(
    pages.map(({ kind }) => kind),
    ['tree', 'table', 'tree', 'table'],
  );
  const last = pages[3];
  assert.ok(last.kind === 'table' && last.from === 1 && last.rows.length === 1);
});

test('a large batch is read when the user agrees', async (t) => {
  const { reader } = await make(t, { maxBatchSize: 1 });
  assert.equal((await reader.page(wanted('table'), noSignal)).kind, 'costly');
  const shown = await reader.page(wanted('table', { allowCostly: true }), noSignal);
  assert.equal(shown.kind, 'table');
});

test('who cancels is free, and the next one is served', async (t) => {
  const { reader } = await make(t);
  const asked = new AbortController();
  const first = reader.page(wanted('table'), noSignal);
  const second = reader.page(wanted('settings'), asked.signal);
  const third = reader.page(wanted('long'), noSignal);
  asked.abort();
  await assert.rejects(second, { name: 'AbortError' });
  assert.equal((await first).kind, 'table');
  assert.equal((await third).kind, 'tree');
  assert.equal(reader.checks.get('cell_cache/h1/settings'), undefined);
});

test('closing settles what is under way', async (t) => {
  const { reader } = await make(t);
  const page = reader.page(wanted('table'), noSignal);
  const rejected = assert.rejects(page);
  await reader.close();
  await rejected;
  await assert.rejects(reader.page(wanted('settings'), noSignal));
});

test('wrong bytes that still parse are found in the background, and set aside', async (t) => {
  const made = await make(t, { allowed: [/digest|crc|bytes|size/i] });
  const bytes = Buffer.from(longJson);
  bytes.write('43', bytes.indexOf('42'));
  await writeFile(made.file('long'), bytes);
  assert.equal((await made.reader.page(wanted('long'), noSignal)).kind, 'tree');
  const check = await made.judged('long');
  assert.ok(check.kind === 'damaged');
  assert.match(check.problem.message, /not those that were saved/);
  assert.equal(check.problem.file, made.file('long'));
  const item = await made.loader.item(made.entryId, 'cell_cache/h1/long');
  assert.equal(item?.quarantined, true);
});

test('in Restricted Mode wrong bytes are told, and nothing is changed', async (t) => {
  const made = await make(t, { trusted: false, allowed: [/digest|crc|bytes|size/i] });
  const bytes = Buffer.from(longJson);
  bytes.write('43', bytes.indexOf('42'));
  await writeFile(made.file('long'), bytes);
  await made.reader.page(wanted('long'), noSignal);
  assert.equal((await made.judged('long')).kind, 'damaged');
  const item = await made.loader.item(made.entryId, 'cell_cache/h1/long');
  assert.equal(item?.quarantined, false);
});

test('a file that is missing or cut short is named, and the rest still shows', async (t) => {
  const made = await make(t, { allowed: [/missing|size|no file|not there/i] });
  const file = made.file('long');
  await rename(file, `${file}.away`);
  const missing = await problemOf(made.reader.page(wanted('long'), noSignal));
  assert.match(missing.message, /not there/);
  assert.equal(missing.file, file);
  assert.match(missing.wayOut, /run it again/);
  await rename(`${file}.away`, file);
  await truncate(file, 1000);
  const short = await problemOf(made.reader.page(wanted('long'), noSignal));
  assert.match(short.message, /fewer or more/);
  assert.equal((await made.reader.page(wanted('settings'), noSignal)).kind, 'tree');
  await rm(file);
});

test('an entry that was cleared says so, and is not called damaged', async (t) => {
  const made = await make(t);
  await made.loader.clearCell(made.cellId);
  const problem = await problemOf(made.reader.page(wanted('settings'), noSignal));
  assert.match(problem.message, /cleared/);
  assert.equal(made.reader.checks.size, 0);
});
