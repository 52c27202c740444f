/** What is said to be saved. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { makeCache, makeEntry, makeItem, openCache, runSql } from './cacheFolder';
import { insert, node, oneCell, type Row } from './entryRows';

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

test('what a notebook is served as it stands in an editor is current, though another ran last', async (t) => {
  const path = await makeCache(t);
  await runSql(
    path,
    oneCell +
      [
        { id: 1, created: 10, node: node('a'), runtime: 1 },
        { id: 2, created: 11, node: node('a'), runtime: 2, name: 'block' },
        { id: 3, created: 20, node: node('b'), runtime: 4 },
        { id: 4, created: 21, node: node('b'), runtime: 8, name: 'block' },
        { id: 5, created: 5, runtime: 16, name: 'other block' },
      ]
        .map(insert)
        .join('') +
      'INSERT INTO costs VALUES (1, 0.25, 1), (3, 0.5, 1);',
  );
  const loader = await openCache(t, path);
  const told = async (...ids: readonly number[]) => {
    const open = { idle: new Set<number>(), returned: new Set<number>(), earlier: new Set(ids) };
    const [[app], [cell], entries] = await Promise.all([
      loader.apps(open),
      loader.cells(1, open),
      loader.entries(1, open),
    ]);
    const current = entries.filter((entry) => entry.current).map(({ entryId }) => entryId);
    for (const { entryId } of entries) {
      const is = (await loader.entry(entryId, open))?.current;
      assert.equal(is, current.includes(entryId));
    }
    const notebooks = new Map([[1, 'nb.py']]);
    const found = await loader.search({ text: '', notebooks, most: 9, open });
    const shown = found.filter(({ entry }) => entry.current).map(({ entry }) => entry.entryId);
    assert.deepEqual(shown.sort(), [...current].sort());
    return { current: current.sort(), app: [app?.saves, app?.amount], cell: cell?.saves };
  };
  const asRan = { current: [3, 4, 5], app: [4, 0.5], cell: 24 };
  assert.deepEqual(await told(), asRan);
  assert.deepEqual(await told(3), asRan);
  // Of a block that the earlier code had no result of, the last one stays.
  assert.deepEqual(await told(1), { current: [1, 2, 5], app: [1, 0.25], cell: 18 });
  await runSql(path, `UPDATE entries SET versions = '{"cache":1}' WHERE entry_id <> 5`);
  await runSql(
    path,
    `UPDATE entries SET versions = '{"cache":0}', created_at = 1 WHERE entry_id = 5`,
  );
  assert.deepEqual(await told(1), { current: [1, 2, 5], app: [1, 0.25], cell: 2 });
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
    const [without] = await loader.apps({
      idle: new Set(idle),
      returned: new Set(),
      earlier: new Set(),
    });
    assert.deepEqual([without?.saves, without?.amount], [saves, amount]);
    assert.equal(without?.size, app?.size);
  }
  // One that came back, as an editor knows, does, unless it is not served for another reason.
  const [back] = await loader.apps({ idle: new Set(), returned: new Set([4]), earlier: new Set() });
  assert.deepEqual([back?.saves, back?.amount], [14.6, 1.75]);
  const [idle] = await loader.apps({
    idle: new Set([4]),
    returned: new Set([4]),
    earlier: new Set(),
  });
  assert.deepEqual([idle?.saves, idle?.amount], [6.6, 0.75]);
});

test('what is saved is less what it last took to load', async (t) => {
  const path = await makeCache(t);
  const rows: Row[] = [
    { id: 1, created: 1, runtime: 8, node: node('a') },
    { id: 2, created: 2, runtime: 4, cell: 2, node: node('b') },
    { id: 3, created: 3, runtime: 3, cell: 2, node: node('c') },
    { id: 4, created: 4, runtime: 2, cell: 3 },
    { id: 5, created: 5, cell: 4 },
    { id: 6, created: 6, runtime: 9, cell: 5, name: 'block' },
  ];
  const hit = (cell: number, id: number, seconds: number | string, name = 'cell_cache') =>
    `INSERT INTO lookups (cell_id, cache_name, hash, outcome, at, seconds)
       VALUES (${cell}, '${name}', 'h${id}', 'hit', 1, ${seconds});`;
  await runSql(
    path,
    `${oneCell} INSERT INTO cells (cell_id, app_id, ordinal, code, last_seen_at)
       VALUES (2, 1, 1, 'y', 9), (3, 1, 2, 'z', 9), (4, 1, 3, 'u', 9), (5, 1, 4, 'v', 9);
     ${rows.map(insert).join('')}
     ${hit(1, 1, 0.5)} ${hit(1, 1, 9.8)} ${hit(2, 2, 1)} ${hit(2, 3, 0.5)} ${hit(3, 4, 'NULL')}
     ${hit(4, 5, 1)} ${hit(5, 6, 4, 'other')} ${hit(5, 6, 1, 'block')}
     UPDATE lookups SET outcome = 'miss' WHERE seconds = 4;`,
  );
  const loader = await openCache(t, path);
  const ofCells = (await loader.cells(1)).map(({ cellId, saves }) => [cellId, saves]);
  // Of the second one, only what stands on the node that was used last counts.
  assert.deepEqual(ofCells.sort(), [
    [1, 0],
    [2, 2.5],
    [3, 2],
    [4, 0],
    [5, 8],
  ]);
  const [app] = await loader.apps();
  assert.deepEqual([app?.saves, app?.runtime], [12.5, 26]);
  const entries = await Promise.all([1, 2, 4].map((cell) => loader.entries(cell)));
  assert.deepEqual(
    entries.flat().map(({ entryId, saves }) => [entryId, saves]),
    [
      [1, 0],
      [3, 2.5],
      // What was served before is not asked for its load.
      [2, 4],
      [5, undefined],
    ],
  );
  const record = await loader.record(app?.notebook ?? '');
  assert.deepEqual(record?.entries.map(({ entryId, saves }) => [entryId, saves]).sort(), [
    [1, 0],
    [2, 4],
    [3, 2.5],
    [4, 2],
    [5, undefined],
    [6, 8],
  ]);
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
     ${lookup(8, 5, '["ui", {"kind":"input","name":"ui"}]')} ${lookup(9, 2, '[]', 'ask')}`,
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
