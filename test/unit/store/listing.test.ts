import assert from 'node:assert/strict';
import test from 'node:test';
import { makeCache, makeEntry, makeItem, openCache, runSql } from './cacheFolder';

const node = (letter: string) => `x'${letter.repeat(64)}'`;

/** An app with one cell. */
const oneCell = `INSERT INTO apps VALUES (1, '../../nb.py', 100);
  INSERT INTO cells (cell_id, app_id, ordinal, code, last_seen_at) VALUES (1, 1, 0, 'x = 1', 100);`;

interface Row {
  readonly id: number;
  readonly name?: string;
  readonly node?: string;
  readonly runtime?: number;
  readonly created: number;
  readonly hit?: number;
  readonly cell?: number;
  readonly pinned?: boolean;
}

function insert({ id, created, hit, runtime, pinned, ...row }: Row): string {
  return `INSERT INTO entries (entry_id, cell_id, cache_name, cache_type, hash, loader, node, runtime,
      created_at, last_hit_at, pinned)
    VALUES (${id}, ${row.cell ?? 1}, '${row.name ?? 'cell_cache'}', 'C', 'h${id}', 'lazy',
      ${row.node ?? 'NULL'}, ${runtime ?? 'NULL'}, ${created}, ${hit ?? 'NULL'}, ${pinned ? 1 : 0});`;
}

const cases: { name: string; rows: Row[]; current: number[] }[] = [
  { name: 'no entries', rows: [], current: [] },
  { name: 'one entry', rows: [{ id: 1, created: 1, node: node('a') }], current: [1] },
  { name: 'one entry without a node', rows: [{ id: 1, created: 1 }], current: [1] },
  {
    name: 'a later one on another node',
    rows: [
      { id: 1, created: 1, node: node('a') },
      { id: 2, created: 2, node: node('b') },
    ],
    current: [2],
  },
  {
    name: 'an older one that was hit since',
    rows: [
      { id: 1, created: 1, hit: 3, node: node('a') },
      { id: 2, created: 2, node: node('b') },
    ],
    current: [1],
  },
  {
    name: 'a hit that is older than the making of another',
    rows: [
      { id: 1, created: 1, hit: 2, node: node('a') },
      { id: 2, created: 3, node: node('b') },
    ],
    current: [2],
  },
  {
    name: 'several on one node, as values of UI elements make them',
    rows: [
      { id: 1, created: 1, node: node('a') },
      { id: 2, created: 2, node: node('b') },
      { id: 3, created: 3, node: node('a') },
    ],
    current: [1, 3],
  },
  {
    name: 'without a node the last one alone',
    rows: [
      { id: 1, created: 1 },
      { id: 2, created: 2 },
    ],
    current: [2],
  },
  {
    name: 'a node does not revive entries without one, nor the reverse',
    rows: [
      { id: 1, created: 1, node: node('a') },
      { id: 2, created: 2 },
      { id: 3, created: 3 },
    ],
    current: [3],
  },
  {
    name: 'each name for itself',
    rows: [
      { id: 1, created: 1, name: 'block', node: node('a') },
      { id: 2, created: 2, name: 'cell_cache', node: node('b') },
      { id: 3, created: 3, name: 'block', node: node('b') },
    ],
    current: [2, 3],
  },
  {
    name: 'at the same moment the one made last',
    rows: [
      { id: 2, created: 1, node: node('b') },
      { id: 1, created: 1, node: node('a') },
    ],
    current: [2],
  },
];

for (const { name, rows, current } of cases) {
  test(`current entries: ${name}`, async (t) => {
    const path = await makeCache(t);
    await runSql(path, oneCell + rows.map(insert).join(''));
    const loader = await openCache(t, path);
    const listed = await loader.entries(1);
    const found = listed.filter((entry) => entry.current).map(({ entryId }) => entryId);
    assert.deepEqual(found.sort(), current);
    for (const { id } of rows) {
      assert.equal((await loader.entry(id))?.current, current.includes(id), `entry ${id} alone`);
    }
  });
}

test('a cell tells what its current entries save, what is pinned and when it was used', async (t) => {
  const path = await makeCache(t);
  await runSql(
    path,
    oneCell +
      [
        { id: 1, created: 10, node: node('a'), runtime: 1, pinned: true },
        { id: 2, created: 20, node: node('b'), runtime: 2 },
        { id: 3, created: 5, hit: 30, node: node('b'), runtime: 4 },
        { id: 4, created: 7, name: 'block', runtime: 8 },
      ]
        .map(insert)
        .join(''),
  );
  const loader = await openCache(t, path);
  const [cell] = await loader.cells(1);
  assert.deepEqual(
    [cell?.entries, cell?.runtime, cell?.saves, cell?.pinned, cell?.lastUsedAt],
    [4, 15, 8, 1, 30],
  );
  assert.deepEqual(await loader.cell(1), cell);
  const [app] = await loader.apps();
  assert.deepEqual([app?.cells, app?.entries, app?.saves, app?.lastUsedAt], [1, 4, 6, 30]);
  assert.deepEqual(await loader.app(1), { ...app, saves: undefined, lastUsedAt: undefined });
});

test('what is of another format than its notebook was last served in saves nothing', async (t) => {
  const path = await makeCache(t);
  const rows: Row[] = [
    { id: 1, created: 1, runtime: 1, pinned: true },
    { id: 2, created: 2, runtime: 2, cell: 2 },
    { id: 3, created: 3, runtime: 4, cell: 2, name: 'block' },
    { id: 4, created: 4, runtime: 8, cell: 3 },
    { id: 5, created: 5, runtime: 16, cell: 4 },
  ];
  const format = (cache: string, ids: string) =>
    `UPDATE entries SET versions = '{"marimo":"1","cache":${cache}}' WHERE entry_id IN (${ids});`;
  await runSql(
    path,
    `${oneCell} INSERT INTO apps VALUES (2, '../../other.py', 100);
     INSERT INTO cells (cell_id, app_id, ordinal, code, last_seen_at)
       VALUES (2, 1, 1, 'y', 100), (3, 1, 2, 'z', 100), (4, 2, 0, 'x', 100);
     ${rows.map(insert).join('')} ${format('1', '1, 3, 5')} ${format('"2"', '2, 4')}
     UPDATE entries SET versions = 'no JSON' WHERE entry_id = 4;
     INSERT INTO costs VALUES (1, 0.1, 1), (2, 0.2, 1), (5, 0.4, 1);`,
  );
  const loader = await openCache(t, path);
  const savings = async () => ({
    apps: (await loader.apps()).map(({ saves, amount }) => [saves, amount]),
    cells: (await loader.cells(1)).map(({ saves, amount, obsolete }) => [saves, amount, obsolete]),
  });
  // What was saved last, of those that name a format, is of the first one.
  assert.deepEqual(await savings(), {
    apps: [
      [13, 0.1],
      [16, 0.4],
    ],
    cells: [
      [1, 0.1, false],
      [4, undefined, false],
      [8, undefined, false],
    ],
  });
  await runSql(path, 'UPDATE entries SET last_hit_at = 9 WHERE entry_id = 2');
  assert.deepEqual(await savings(), {
    apps: [
      [10, 0.2],
      [16, 0.4],
    ],
    cells: [
      [0, undefined, true],
      [2, 0.2, false],
      [8, undefined, false],
    ],
  });
  const [first] = await loader.cells(1);
  assert.deepEqual([first?.pinned, first?.lastUsedAt, first?.entries], [1, 1, 1]);
  assert.deepEqual(await loader.cell(1), first);
  const entries = await loader.entries(2);
  assert.deepEqual(
    entries.map(({ entryId, obsolete }) => [entryId, obsolete]),
    [
      [3, true],
      [2, false],
    ],
  );
  assert.equal((await loader.entry(3))?.obsolete, true);
});

test('notebooks come by path, cells in their order, entries newest first, values by key', async (t) => {
  const path = await makeCache(t);
  await runSql(
    path,
    `INSERT INTO apps VALUES (1, '../../b.py', 1), (2, '../../a.py', 1), (3, '../../Z.py', 1);
     INSERT INTO cells (cell_id, app_id, ordinal, code, last_seen_at, retired_at, name) VALUES
       (1, 1, 2, 'c', 1, NULL, 'last'), (2, 1, 0, 'a', 1, NULL, NULL), (3, 1, 1, 'b', 1, 50, NULL),
       (4, 1, -1, '', 1, NULL, '(outside any cell)');
     ${insert({ id: 1, cell: 2, created: 1 })} ${insert({ id: 2, cell: 2, created: 3 })}
     ${insert({ id: 3, cell: 2, created: 2 })}
     INSERT INTO blobs (blob_id, digest, size, crc32, content) VALUES
       (1, ${node('a')}, 3, 0, x'010203'), (2, ${node('b')}, 4, 0, x'01020304');
     INSERT INTO items (cell_id, entry_id, key, name, format, digest, seal) VALUES
       (2, 1, 'k/z', 'z', 'npy', ${node('a')}, 0), (2, 1, 'k/a', 'a', 'arrow', ${node('b')}, 0),
       (2, 1, 'k/b', 'return', 'arrow', ${node('b')}, 0);`,
  );
  const loader = await openCache(t, path, { allowed: [/wrong seal/, /^wrong-(bytes|size)/] });
  assert.deepEqual(
    (await loader.apps()).map((app) => app.path),
    ['../../Z.py', '../../a.py', '../../b.py'],
  );
  const cells = await loader.cells(1);
  assert.deepEqual(
    cells.map(({ cellId, name, retiredAt }) => [cellId, name, retiredAt]),
    [
      [4, '(outside any cell)', undefined],
      [2, undefined, undefined],
      [3, undefined, 50],
      [1, 'last', undefined],
    ],
  );
  const entries = await loader.entries(2);
  assert.deepEqual(
    entries.map(({ entryId }) => entryId),
    [2, 3, 1],
  );
  // Two of the three values share their bytes, which count once.
  assert.deepEqual([entries[2]?.items, entries[2]?.size], [3, 7]);
  assert.deepEqual(
    (await loader.items(1)).map(({ key, size, file }) => [key, size, file]),
    [
      ['k/a', 4, undefined],
      ['k/b', 4, undefined],
      ['k/z', 3, undefined],
    ],
  );
  assert.equal((await loader.item(1, 'k/z'))?.name, 'z');
});

test('what is not there is undefined or empty', async (t) => {
  const loader = await openCache(t, await makeCache(t));
  assert.deepEqual(await loader.apps(), []);
  assert.equal(await loader.app(1), undefined);
  assert.deepEqual(await loader.cells(1), []);
  assert.equal(await loader.cell(1), undefined);
  assert.deepEqual(await loader.entries(1), []);
  assert.equal(await loader.entry(1), undefined);
  assert.deepEqual(await loader.items(1), []);
  assert.equal(await loader.item(1, 'k'), undefined);
  assert.deepEqual(await loader.lookups(1, 5), []);
});

test('lookups come as they were written, the last one first, as many as are asked for', async (t) => {
  const path = await makeCache(t);
  await runSql(
    path,
    `${oneCell} INSERT INTO lookups (cell_id, cache_name, hash, outcome, at, seconds, why) VALUES
      (1, 'cell_cache', 'a', 'miss', 1, 2.5, 'nothing earlier'),
      -- By a clock that was ahead.
      (1, 'cell_cache', 'c', 'miss', 9e9, NULL, NULL), (1, 'cell_cache', 'b', 'hit', 3, 0.5, NULL);
     INSERT INTO reasons VALUES (2, '[{"kind":"cleared"}]');
     INSERT INTO entries (cell_id, cache_name, cache_type, hash, loader, runtime, created_at)
       VALUES (1, 'cell_cache', 'P', 'b', 'lazy', 2.25, 1);`,
  );
  const loader = await openCache(t, path);
  const [last, before] = await loader.lookups(1, 2);
  assert.deepEqual(last, {
    lookupId: 3,
    cellId: 1,
    cacheName: 'cell_cache',
    hash: 'b',
    outcome: 'hit',
    at: 3,
    seconds: 0.5,
    computedIn: 2.25,
    why: undefined,
    reasons: undefined,
  });
  assert.equal(before?.hash, 'c');
  assert.equal(before.computedIn, undefined);
  assert.equal(before.reasons, '[{"kind":"cleared"}]');
  assert.equal((await loader.lookups(1, 9)).at(-1)?.why, 'nothing earlier');
});

test('files that were read come by path, with how they are known', async (t) => {
  const path = await makeCache(t);
  await runSql(
    path,
    `${oneCell} INSERT INTO entries (entry_id, cell_id, cache_name, cache_type, hash, loader, created_at)
       VALUES (7, 1, 'cell_cache', 'P', 'h', 'lazy', 1);
     INSERT INTO reads VALUES (7, 'b.csv', 'named', 3, 1.5, NULL),
       (7, 'a.csv', 'opened', 2, 2.5, zeroblob(32))`,
  );
  const loader = await openCache(t, path);
  assert.deepEqual(await loader.reads(1), [
    {
      entryId: 7,
      path: 'a.csv',
      how: 'opened',
      size: 2,
      modifiedAt: 2.5,
      digest: '0'.repeat(64),
    },
    { entryId: 7, path: 'b.csv', how: 'named', size: 3, modifiedAt: 1.5, digest: undefined },
  ]);
  assert.deepEqual(await loader.reads(2), []);
});

for (const [what, sql] of [
  ['a name of bytes', "UPDATE cells SET code = x'00'"],
  ['an infinite time', 'UPDATE cells SET last_seen_at = 9e999'],
  ['a text for a number', "UPDATE cells SET ordinal = 'first'"],
] as const) {
  test(`a row with ${what} is damage that is told where it is met`, async (t) => {
    const path = await makeCache(t);
    await runSql(path, `${oneCell} ${sql}`);
    const loader = await openCache(t, path);
    await assert.rejects(loader.cells(1), { kind: 'damaged', message: /a cell whose \w+/ });
    assert.equal((await loader.apps()).length, 1);
    assert.deepEqual(await loader.entries(1), []);
  });
}

test('JSON that is not what it should be counts as nothing told', async (t) => {
  const path = await makeCache(t);
  await runSql(
    path,
    `${oneCell} UPDATE cells SET defs = '{"a": [';
     ${insert({ id: 1, created: 1 })} UPDATE entries SET versions = '[1]'; `,
  );
  const loader = await openCache(t, path);
  assert.deepEqual((await loader.cell(1))?.defs, []);
  assert.deepEqual((await loader.entry(1))?.versions, {});
});

test('text of any kind arrives as it was saved', async (t) => {
  const path = await makeCache(t);
  const code = 'x = "<img src=x onerror=alert(1)>" # \u2028 "quoted" \\ \u{1f377}\n\ty\u0001';
  await runSql(
    path,
    `${oneCell} UPDATE cells SET code = '${code}', name = '\u00e9\u0327', defs = '["\u00e9", 1, "x"]'`,
  );
  const cell = await (await openCache(t, path)).cell(1);
  assert.equal(cell?.code, code);
  assert.equal(cell.name, '\u00e9\u0327');
  assert.deepEqual(cell.defs, ['\u00e9', 'x']);
});

test('a thousand cells with ten entries each are listed whole', async (t) => {
  const path = await makeCache(t);
  await runSql(
    path,
    `INSERT INTO apps VALUES (1, '../../nb.py', 1);
     BEGIN;
     WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
       INSERT INTO cells (cell_id, app_id, ordinal, code, last_seen_at)
       SELECT i, 1, i, 'x' || i || ' = 1', 1 FROM n;
     WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
       INSERT INTO entries (cell_id, cache_name, cache_type, hash, loader, node, runtime, created_at)
       SELECT 1 + i / 10, 'cell_cache', 'C', 'h' || i, 'lazy', randomblob(32), 0.5, i FROM n;
     COMMIT;`,
  );
  const loader = await openCache(t, path);
  const cells = await loader.cells(1);
  assert.equal(cells.length, 1000);
  assert.ok(
    cells.every(({ entries, saves, runtime }) => entries === 10 && saves === 0.5 && runtime === 5),
  );
  assert.equal((await loader.apps())[0]?.saves, 500);
});

test('what a function took is not told again with the cell that called it', async (t) => {
  const path = await makeCache(t);
  await runSql(
    path,
    `${oneCell}
     INSERT INTO cells (cell_id, app_id, ordinal, code, last_seen_at, retired_at) VALUES
       (2, 1, 2, 'answers = [ask(n) for n in range(3)]', 1, NULL),
       (3, 1, 3, 'ask(3)', 1, NULL), (4, 1, -1, 'gone = 1', 1, 1);
     INSERT INTO entries (entry_id, cell_id, cache_name, cache_type, hash, loader, runtime, created_at)
     VALUES (1, 1, 'cell_cache', 'C', 'a', 'lazy', 0.1, 1), (2, 1, 'ask', 'C', 'b', 'pickle', 2, 1),
       (3, 2, 'cell_cache', 'C', 'c', 'lazy', 2.5, 1), (4, 3, 'ask', 'C', 'd', 'pickle', 4, 1),
       (5, 4, 'cell_cache', 'C', 'e', 'lazy', 8, 1);
     INSERT INTO costs VALUES (2, 0.25, 1), (3, 0.25, 1), (4, 0.5, 1), (5, 1, 1);`,
  );
  const loader = await openCache(t, path);
  const cells = await loader.cells(1);
  // A cell that is gone, and the functions of one that is only not cached itself, too.
  assert.deepEqual(cells.map(({ cellId, saves, amount }) => [cellId, saves, amount]).sort(), [
    [1, 2, 0.25],
    [2, 2.5, 0.25],
    [3, 4, 0.5],
    [4, 8, 1],
  ]);
  const [app] = await loader.apps();
  assert.deepEqual([app?.saves, app?.amount], [6.6, 0.75]);
  // What a cell that does not run keeps, and its functions, saves its notebook nothing.
  for (const [idle, saves, amount] of [
    [[2], 4.1, 0.5],
    [[3], 2.6, 0.25],
    [[2, 3], 0.1, undefined],
  ] as const) {
    const [without] = await loader.apps(new Set(idle));
    assert.deepEqual([without?.saves, without?.amount], [saves, amount]);
    assert.equal(without?.size, app?.size);
  }
});

test('what a cell took that makes UI elements is no saving, as its last run has it', async (t) => {
  const path = await makeCache(t);
  const lookup = (id: number, cell: number, reasons: string, name = 'cell_cache') =>
    `INSERT INTO lookups (lookup_id, cell_id, cache_name, hash, outcome, at)
       VALUES (${id}, ${cell}, '${name}', 'h', 'hit', ${id});
     INSERT INTO reasons VALUES (${id}, '${reasons}');`;
  const ui = '[{"kind":"ui","names":["b"]}]';
  await runSql(
    path,
    `${oneCell}
     INSERT INTO cells (cell_id, app_id, ordinal, code, last_seen_at) VALUES
       (2, 1, 1, 'b = ask()', 1), (3, 1, 2, 'c = 1', 1), (4, 1, 3, 'd = 1', 1), (5, 1, 4, 'e', 1);
     INSERT INTO entries (entry_id, cell_id, cache_name, cache_type, hash, loader, runtime, created_at)
     VALUES (1, 1, 'cell_cache', 'C', 'a', 'lazy', 1, 1), (2, 2, 'cell_cache', 'C', 'b', 'lazy', 2, 1),
       (3, 2, 'ask', 'C', 'b', 'pickle', 4, 1), (4, 3, 'cell_cache', 'C', 'c', 'lazy', 8, 1),
       (5, 4, 'cell_cache', 'C', 'd', 'lazy', 16, 1), (6, 5, 'cell_cache', 'C', 'e', 'lazy', 32, 1);
     INSERT INTO costs VALUES (1, 0.25, 1), (2, 0.25, 1), (3, 0.5, 1), (4, 1, 1);
     ${lookup(1, 1, '[{"kind":"first"}]')} ${lookup(2, 1, ui)} ${lookup(3, 2, ui)}
     ${lookup(4, 3, ui)} ${lookup(5, 3, '[]')}
     UPDATE lookups SET at = 9e9 WHERE lookup_id = 4; ${lookup(6, 4, 'no JSON')} ${lookup(7, 4, ui, 'x')}
     ${lookup(8, 5, '["ui", {"kind":"input","name":"ui"}]')}`,
  );
  const loader = await openCache(t, path);
  const told = async () =>
    (await loader.cells(1)).map(({ again, saves, amount }) => [again, saves, amount]);
  const expected = [
    [true, 0, undefined],
    [true, 4, 0.5],
    [false, 8, 1],
    [false, 16, undefined],
    [false, 32, undefined],
  ];
  assert.deepEqual(await told(), expected);
  const [app] = await loader.apps();
  assert.deepEqual([app?.saves, app?.amount], [60, 1.5]);
  const entries = await loader.entries(2);
  assert.deepEqual(entries.map(({ cacheName, again }) => [cacheName, again]).sort(), [
    ['ask', false],
    ['cell_cache', true],
  ]);
  // Where something is obsolete, all of it is added up in another way.
  await runSql(
    path,
    `UPDATE entries SET versions = '{"cache":1}' WHERE entry_id <> 6;
     UPDATE entries SET versions = '{"cache":0}', created_at = 0 WHERE entry_id = 6;`,
  );
  assert.deepEqual(await told(), [...expected.slice(0, 4), [false, 0, undefined]]);
  const [after] = await loader.apps();
  assert.deepEqual([after?.saves, after?.amount], [28, 1.5]);
});

test('what current results cost is listed with them, their cell and their notebook', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  const ids = [];
  for (const [hash, node] of [
    ['old', 'aa'],
    ['new', 'bb'],
  ] as const) {
    const known = (await loader.apps())[0];
    const cellId = known && (await loader.cells(known.appId))[0]?.cellId;
    const cell = { ...makeEntry().cell, cellId };
    const items = [makeItem(`k/${hash}`, 'x', Buffer.from(hash))];
    ids.push(await loader.save(makeEntry({ cell, hash, items })));
    await runSql(path, `UPDATE entries SET node = x'${node.repeat(32)}' WHERE hash = '${hash}'`);
  }
  await runSql(
    path,
    `UPDATE entries SET created_at = created_at - 60 WHERE hash = 'old';
     INSERT INTO costs SELECT entry_id, CASE hash WHEN 'old' THEN 2 ELSE 0.42 END, 1 FROM entries;`,
  );
  const [app] = await loader.apps();
  assert.equal(app?.amount, 0.42);
  const [cell] = await loader.cells(app.appId);
  assert.equal(cell?.amount, 0.42);
  const entries = await loader.entries(cell.cellId);
  assert.deepEqual(
    entries.map(({ hash, amount }) => [hash, amount]),
    [
      ['new', 0.42],
      ['old', 2],
    ],
  );
  assert.equal((await loader.entry(ids[0] ?? 0))?.amount, 2);
});
