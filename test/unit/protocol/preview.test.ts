import assert from 'node:assert/strict';
import test from 'node:test';
import { pageStrings } from '../../../src/preview/strings';
import type { Page } from '../../../src/protocol/pages';
import { parseBookmark, parseToHost, parseToPage } from '../../../src/protocol/preview';
import type { EntryView, ToHost, ToPage } from '../../../src/protocol/preview';
import { Misshapen } from '../../../src/protocol/shape';

/** What a message is after VS Code has carried it. */
const carried = (message: unknown): unknown => JSON.parse(JSON.stringify(message));

const problem = { message: 'It is gone.', wayOut: 'Run it again.', file: undefined };
const bookmark = { database: 0, entryId: 3, hash: 'abc', createdAt: 1_700_000_000.123456 };

const entry: EntryView = {
  bookmark,
  title: '<script>',
  call: [{ name: 'prompt', text: '<b>\n' }],
  summary: '',
  badges: [{ text: 'current', explanation: '' }],
  facts: [{ label: 'Hash', text: 'abc', detail: undefined, code: true }],
  values: [
    { key: 'a', name: 'df', kind: 'Arrow', size: '1 kB', check: { kind: 'unread' } },
    { key: 'b', name: 'x', kind: 'JSON', size: '1 kB', check: { kind: 'damaged', problem } },
  ],
  fate: { kind: 'cleared', newer: true },
  clearing: { kind: 'restricted', reason: 'Restricted Mode' },
  revealing: false,
};

const pages: Page[] = [
  {
    kind: 'table',
    columns: [
      { name: 'n', type: 'int64', align: 'right' },
      { name: 'u', type: 'Union', align: 'left', unreadable: 'No reader.' },
    ],
    rows: [['1', null]],
    from: 200,
    total: 201,
    fromColumn: 0,
    totalColumns: 2,
    batches: 1,
  },
  {
    kind: 'tree',
    incomplete: undefined,
    root: {
      key: '',
      type: 'array',
      text: '1',
      children: [{ key: '0', type: 'null', text: 'null' }],
    },
  },
  {
    kind: 'array',
    dtype: 'float64',
    shape: [2, 1],
    fortranOrder: true,
    rows: [['1.'], ['2.']],
    labels: ['0', '1'],
    truncated: false,
    unreadable: undefined,
  },
  {
    kind: 'pickle',
    protocol: undefined,
    size: 9,
    root: { key: '', type: 'instance', text: 'set (0)' },
    refersTo: ['os.system'],
    strings: [],
    incomplete: 'It ends early.',
  },
  { kind: 'bytes', size: 2, head: ['00000000  00 01  ..'] },
  { kind: 'random', generators: [{ name: 'rng', of: 'notebook', seeded: false }] },
  { kind: 'costly', columns: [], total: 9, batchRows: 9, batchSize: 9e9 },
];

test('every message of the page arrives as it was sent', () => {
  const wanted = { key: 'a', from: 0, count: 200, fromColumn: 0, allowCostly: false };
  const messages: ToHost[] = [
    { type: 'ready' },
    { type: 'page', request: 1, ...wanted },
    { type: 'cancel', request: 1 },
    { type: 'selected', key: 'a' },
    { type: 'command', command: 'clearCell' },
    { type: 'command', command: 'manageTrust' },
  ];
  for (const message of messages) assert.deepEqual(parseToHost(carried(message)), message);
});

test('every message of the host arrives as it was sent, but for what is undefined', () => {
  const messages: ToPage[] = [
    { type: 'begin', locale: 'en', strings: pageStrings() },
    { type: 'entry', entry },
    { type: 'unavailable', problem: { ...problem, file: '/cache.db' } },
    { type: 'select', key: 'a' },
    ...pages.map((page, request) => ({ type: 'page', request, page }) as const),
    { type: 'failed', request: 1, problem },
    { type: 'cancelled', request: 2 },
  ];
  for (const message of messages) {
    assert.deepEqual(parseToPage(carried(message)), carried(message));
  }
});

test('what is no message is refused, and the refusal says where it is wrong', () => {
  const refused: [unknown, RegExp][] = [
    [undefined, /message should be an object/],
    ['ready', /message should be an object/],
    [{ type: 'eval' }, /message\.type should be one of/],
    [{ type: 'constructor' }, /message\.type should be one of/],
    [{ type: 'cancel' }, /message\.request should be a whole number/],
    [{ type: 'cancel', request: -1 }, /message\.request/],
    [{ type: 'cancel', request: 1.5 }, /message\.request/],
    [{ type: 'command', command: 'workbench.action.quit' }, /message\.command should be one of/],
    [{ type: 'page', request: 1, key: 7 }, /message\.key should be a text/],
  ];
  for (const [message, where] of refused) {
    assert.throws(
      () => parseToHost(message),
      (error) => error instanceof Misshapen && where.test(error.message),
    );
  }
  const inTable = { type: 'page', request: 1, page: { ...pages[0], rows: [['1', 2]] } };
  assert.throws(() => parseToPage(inTable), /message\.page\.rows\[0\]\[1\] should be a text/);
});

test('members that nobody foresaw do not travel on', () => {
  const message = { type: 'cancel', request: 1, path: '/etc/passwd', __proto__: { admin: true } };
  assert.deepEqual(parseToHost(message), { type: 'cancel', request: 1 });
});

test('a bookmark is found in what a page kept, and nowhere else', () => {
  assert.deepEqual(parseBookmark(carried({ bookmark, key: 'a', from: 0 })), bookmark);
  for (const state of [undefined, null, {}, { bookmark: { ...bookmark, database: '/x' } }]) {
    assert.equal(parseBookmark(state), undefined);
  }
});
