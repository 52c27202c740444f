// An entry and pages of its values, as a host would send them.
import type { Column, Page, TablePage } from '../../../src/protocol/pages';
import type { EntryView, ToHost, ToPage, ValueView } from '../../../src/protocol/preview';
import type { Answer } from './browser';

const value = (name: string, kind: string, size: string, format: string): ValueView => ({
  key: `cell_cache/9f2c/${name}.${format}`,
  name,
  kind,
  size,
  check: { kind: 'unread' },
});

export const values = [
  value('digits', 'DataFrame (Arrow)', '412 kB', 'arrow'),
  value('return', 'output (Arrow)', '412 kB', 'arrow'),
  value('report', 'dict (JSON)', '1.3 kB', 'json'),
  value('images', 'ndarray (NumPy)', '920 kB', 'npy'),
  value('model', 'RandomForestClassifier (pickle)', '4.8 MB', 'pickle'),
  value('thumbnail', 'bytes', '3.1 kB', 'bin'),
  value('everything', 'DataFrame (Arrow)', '1.9 GB', 'arrow'),
  value('random state', 'JSON', '6.9 kB', 'json'),
];

export const entry: EntryView = {
  bookmark: { database: 0, entryId: 12, hash: '9f2c', createdAt: 1_700_000_000.25 },
  title: 'load_digits',
  call: [],
  summary: 'digits.py, saves 34 s, 12.4 MB, 2 h ago',
  badges: [{ text: 'current', explanation: 'The cell’s most recently used result.' }],
  facts: [
    { label: 'Cell', text: 'load_digits', detail: undefined, code: false },
    { label: 'Notebook', text: 'digits.py', detail: '/home/ada/notebooks/digits.py', code: true },
    { label: 'Hash', text: 'b3HXm6oXgAqHk2Yk6uJ2vQ', detail: undefined, code: true },
    { label: 'Cache', text: 'cell_cache', detail: 'Made by cell caching.', code: true },
    { label: 'Kind', text: 'Content addressed', detail: 'Found by its inputs.', code: false },
    { label: 'Loader', text: 'lazy', detail: undefined, code: true },
    { label: 'Formats', text: 'Arrow, JSON, NumPy, pickle', detail: undefined, code: false },
    { label: 'Size', text: '12.4 MB', detail: '12,412,331 bytes', code: false },
    { label: 'Runtime', text: '34 s', detail: undefined, code: false },
    { label: 'Created', text: '2 h ago', detail: '14 November 2023, 22:13:20', code: false },
    { label: 'Last hit', text: '5 min ago', detail: undefined, code: false },
    { label: 'Hits', text: '17', detail: undefined, code: false },
    { label: 'Made by', text: 'marimo 0.25.2, Python 3.12.3', detail: undefined, code: false },
  ],
  values,
  fate: { kind: 'present' },
  clearing: { kind: 'allowed' },
  revealing: true,
};

/** 1,797 handwritten digits, 64 pixels each, as scikit-learn has them. */
export function table(from: number, count: number, total = 1797): TablePage {
  const columns: Column[] = [
    { name: 'target', type: 'int64', align: 'right' },
    { name: 'name', type: 'dictionary<int32, string>', align: 'left' },
    { name: 'seen', type: 'timestamp[us]', align: 'left' },
    ...Array.from({ length: 62 }, (_, at) => ({
      name: `pixel_${Math.floor(at / 8)}_${at % 8}`,
      type: 'float64',
      align: 'right' as const,
    })),
  ];
  const names = ['zero', 'one', 'two', 'three', 'null', '<b>five</b>', 'six', 'seven', 'eight'];
  const rows = Array.from({ length: Math.max(0, Math.min(count, total - from)) }, (_, at) => {
    const row = from + at;
    return [
      String(row % 10),
      names[row % 10] ?? null,
      `2023-11-14T22:13:${String(row % 60).padStart(2, '0')}`,
      ...Array.from({ length: 62 }, (_, pixel) => `${(row * 7 + pixel * 13) % 17}`),
    ];
  });
  const width = columns.length;
  return {
    kind: 'table',
    columns,
    rows,
    from,
    total,
    fromColumn: 0,
    totalColumns: width,
    batches: 1,
  };
}

const report: Page = {
  kind: 'tree',
  incomplete: undefined,
  root: {
    key: '',
    type: 'object',
    text: '5',
    children: [
      { key: 'accuracy', type: 'number', text: '0.9722222222222222' },
      { key: 'best', type: 'boolean', text: 'true' },
      { key: 'note', type: 'string', text: '<img src=x onerror=alert(1)>' },
      {
        key: 'parameters',
        type: 'object',
        text: '2',
        children: [
          { key: 'n_estimators', type: 'number', text: '200' },
          { key: 'max_depth', type: 'null', text: 'null' },
        ],
      },
      {
        key: 'scores',
        type: 'array',
        text: '3',
        children: ['0.96', '0.97', '0.98'].map((text, at) => ({
          key: String(at),
          type: 'number',
          text,
        })),
      },
    ],
  },
};

const images: Page = {
  kind: 'array',
  dtype: 'float64',
  shape: [1797, 8, 8],
  fortranOrder: false,
  rows: Array.from({ length: 16 }, (_, row) =>
    Array.from({ length: 8 }, (_, at) => `${(row * 5 + at * 3) % 17}.`),
  ),
  labels: Array.from({ length: 16 }, (_, row) => `${Math.floor(row / 8)}, ${row % 8}`),
  truncated: true,
  unreadable: undefined,
};

const model: Page = {
  kind: 'pickle',
  protocol: 5,
  size: 4_812_331,
  root: {
    key: '',
    type: 'instance',
    text: 'sklearn.ensemble._forest.RandomForestClassifier',
    children: [
      { key: 'n_estimators', type: 'number', text: '100' },
      { key: 'criterion', type: 'string', text: 'gini' },
      { key: 'classes_', type: 'instance', text: '[0, 1, 2]' },
    ],
  },
  refersTo: [
    'sklearn.ensemble._forest.RandomForestClassifier',
    'sklearn.tree._classes.DecisionTreeClassifier',
    'numpy._core.multiarray._reconstruct',
    'numpy.ndarray',
    'numpy.dtype',
  ],
  strings: [],
  incomplete: undefined,
};

const bytes: Page = {
  kind: 'bytes',
  size: 3100,
  head: Array.from({ length: 32 }, (_, line) => {
    const all = Array.from({ length: 16 }, (_, at) => (line * 16 + at * 7) % 256);
    const hex = all.map((each) => each.toString(16).padStart(2, '0')).join(' ');
    const shown = all.map((each) => (each >= 32 && each < 127 ? String.fromCharCode(each) : '.'));
    return `${(line * 16).toString(16).padStart(8, '0')}  ${hex}  ${shown.join('')}`;
  }),
};

const random: Page = {
  kind: 'random',
  generators: [
    { name: 'random', of: 'python', seeded: false },
    { name: 'numpy.random', of: 'numpy', seeded: true },
    { name: 'rng', of: 'notebook', seeded: false },
  ],
};

const costly: Page = {
  kind: 'costly',
  columns: table(0, 0).columns.slice(0, 6),
  total: 3_000_000,
  batchRows: 3_000_000,
  batchSize: 1_912_000_000,
};

/** Answers as a host that has read everything already. */
export const answer: Answer = (message: ToHost): ToPage[] => {
  if (message.type !== 'page') return [];
  const { request, key, from, count, allowCostly } = message;
  const name = values.find((each) => each.key === key)?.name;
  const page = (): Page => {
    switch (name) {
      case 'report':
        return report;
      case 'images':
        return images;
      case 'model':
        return model;
      case 'thumbnail':
        return bytes;
      case 'random state':
        return random;
      case 'everything':
        return allowCostly ? table(from, count, 3_000_000) : costly;
      case undefined:
      default:
        return table(from, count);
    }
  };
  return [{ type: 'page', request, page: page() }];
};
