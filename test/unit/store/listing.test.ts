/** What is listed, and in what order. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { makeCache, openCache, runSql } from './cacheFolder';
import { insert, node, oneCell } from './entryRows';

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

test('many calls of a function leave what the cell itself met', async (t) => {
  const path = await makeCache(t);
  await runSql(
    path,
    `${oneCell} INSERT INTO lookups (cell_id, cache_name, hash, outcome, at) VALUES
      (1, 'cell_cache', 'a', 'hit', 1);
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
     INSERT INTO lookups (cell_id, cache_name, hash, outcome, at)
       SELECT 1, 'ask', 'call' || i, 'miss', 1 + i FROM n;`,
  );
  const loader = await openCache(t, path);
  assert.deepEqual(
    (await loader.lookups(1, 2)).map(({ cacheName, hash }) => [cacheName, hash]),
    [
      ['ask', 'call50'],
      ['ask', 'call49'],
      ['cell_cache', 'a'],
    ],
  );
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
