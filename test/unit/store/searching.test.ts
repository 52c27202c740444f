/** What a text finds among results. */
import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { wordsOf } from '../../../src/store/entries/searching';
import type { SqliteLoader } from '../../../src/store/SqliteLoader';
import { makeCache, makeFolder, openCache, runSql } from './cacheFolder';
import { insert, node, type Row } from './entryRows';

/** Calls of a function `ask` in the nameless cell 1 of `chat.py`; the cell `prices` in `market.py` is 2. */
const notebooks = `INSERT INTO apps VALUES (1, '../../chat.py', 1), (2, '../../market.py', 1);
  INSERT INTO cells (cell_id, app_id, ordinal, code, last_seen_at, name, defs) VALUES
    (1, 1, 0, 'answers = [ask("Why is the sky blue?"), ask("Who?")]', 1, NULL, '["answers"]'),
    (2, 2, 0, 'prices = load()
letters = 1', 1, 'market_prices', '["letters"]');`;
const named = new Map([
  [1, 'talks/Chät.py'],
  [2, 'market.py'],
]);

const call = (id: number, words: Readonly<Record<string, string>>) =>
  `INSERT INTO calls VALUES (${id}, '${JSON.stringify(words).replaceAll("'", "''")}');`;

const asked = (id: number, prompt: string, different: Partial<Row> = {}) =>
  insert({ id, name: 'ask', created: id, ...different }) + call(id, { prompt, model: "'small'" });

async function openWith(t: TestContext, rows: string): Promise<SqliteLoader> {
  const database = await makeCache(t);
  await runSql(database, notebooks + rows);
  return openCache(t, database);
}

const find = async (loader: SqliteLoader, text: string, most = 10, wanted = named) =>
  (await loader.search({ text, notebooks: wanted, most })).map(({ entry }) => entry.entryId);

test('a text is searched by its words, and by what is read in the label of a call', () => {
  assert.deepEqual(wordsOf("  ask('Why is\tthe sky…', model='small')\n"), [
    'ask',
    "'Why",
    'is',
    'the',
    'sky',
    "'",
    'model',
    "'small'",
  ]);
  assert.deepEqual(wordsOf(''), []);
  assert.deepEqual(wordsOf(' ( '), []);
  assert.equal(wordsOf(Array.from({ length: 40 }, (_, i) => `word${i}`).join(' ')).length, 12);
});

test('before anything is typed, what was saved or served last comes first, and no more than asked for', async (t) => {
  const loader = await openWith(
    t,
    insert({ id: 1, cell: 2, created: 10, hit: 40 }) +
      insert({ id: 2, cell: 2, created: 20, hit: 15 }) +
      asked(3, "'a'", { created: 30 }) +
      asked(4, "'b'", { created: 30 }),
  );
  assert.deepEqual(await find(loader, ''), [1, 4, 3, 2]);
  assert.deepEqual(await find(loader, '  '), [1, 4, 3, 2]);
  assert.deepEqual(await find(loader, '', 2), [1, 4]);
});

test('each word is found in the call, or the names of function, cell, variable or notebook', async (t) => {
  const loader = await openWith(
    t,
    asked(1, "'Why is the sky blue?'") +
      asked(2, "'Who are you?'") +
      insert({ id: 3, cell: 2, created: 3 }) +
      insert({ id: 4, cell: 2, created: 4, name: 'search_index' }),
  );
  const cases: readonly (readonly [text: string, found: readonly number[]])[] = [
    ['sky', [1]],
    ['SKY why', [1]],
    ['sky who', []],
    ["ask('Why is…', model='small')", [1]],
    ['small', [2, 1]],
    ['prompt', [2, 1]],
    ['ask', [2, 1]],
    ['answers', [2, 1]],
    ['market_prices', [4, 3]],
    ['letters', [4, 3]],
    ['index', [4]],
    ['market.py', [4, 3]],
    ['talks', [2, 1]],
    ['CHÄT', [2, 1]],
    ['chät you', [2]],
    // Of the code only a cell's own result: all prompts may stand in it.
    ['load', [3]],
    ['blue', [1]],
    ['cell_cache', []],
  ];
  for (const [text, found] of cases) assert.deepEqual(await find(loader, text), found, text);
});

test('what is found by code alone comes after what is found by names and calls', async (t) => {
  const loader = await openWith(
    t,
    asked(1, "'Why is the sky blue?'") +
      insert({ id: 2, created: 20 }) +
      insert({ id: 3, cell: 2, created: 30 }) +
      asked(4, "'Is the sea blue?'"),
  );
  assert.deepEqual(await find(loader, 'blue'), [4, 1, 2]);
  assert.deepEqual(await find(loader, 'blue', 2), [4, 1]);
  // One of the words is in a name.
  assert.deepEqual(await find(loader, 'answers blue'), [4, 1, 2]);
  const found = await loader.search({ text: 'blue', notebooks: named, most: 10 });
  assert.deepEqual(
    found.map(({ isNamed }) => isNamed),
    [true, true, false],
  );
  assert.deepEqual(await find(loader, ''), [3, 2, 4, 1]);
});

test('signs that SQL or JSON has a meaning for are found as they are', async (t) => {
  const prompts = ['100% sure', '100 times', 'a_b', 'axb', String.raw`C:\dir`, 'a "word"', "it's"];
  const loader = await openWith(
    t,
    prompts.map((prompt, at) => asked(at + 1, `'${prompt}'`)).join(''),
  );
  const cases: readonly (readonly [text: string, found: readonly number[]])[] = [
    ['100%', [1]],
    ['a_b', [3]],
    [String.raw`C:\dir`, [5]],
    [String.raw`:\d`, [5]],
    ['"word"', [6]],
    ["it's", [7]],
    ['%', [1]],
    ['_', [3]],
    [String.raw`\%`, []],
    ["'; DROP TABLE entries; --", []],
  ];
  for (const [text, found] of cases) assert.deepEqual(await find(loader, text), found, text);
});

test('capitals of every alphabet are small letters, too', async (t) => {
  const loader = await openWith(
    t,
    asked(1, "'ÄPFEL'") + asked(2, "'Äpfel'") + asked(3, "'äpfel'") + asked(4, "'Ёлка'"),
  );
  for (const text of ['äpfel', 'Äpfel', 'ÄPFEL']) {
    assert.deepEqual(await find(loader, text), [3, 2, 1], text);
  }
  assert.deepEqual(await find(loader, 'ёлка'), [4]);
});

test('only notebooks that are asked for are searched', async (t) => {
  const loader = await openWith(t, asked(1, "'sky'") + insert({ id: 2, cell: 2, created: 2 }));
  const one = new Map([[2, 'market.py']]);
  assert.deepEqual(await find(loader, '', 10, one), [2]);
  assert.deepEqual(await find(loader, 'sky', 10, one), []);
  assert.deepEqual(await find(loader, '', 10, new Map()), []);
});

test('what is found is told as the view lists it', async (t) => {
  const loader = await openWith(
    t,
    asked(1, "'old'", { node: node('a') }) +
      asked(2, "'new'", { node: node('b'), pinned: true }) +
      'UPDATE cells SET retired_at = 7 WHERE cell_id = 1;',
  );
  const found = await loader.search({ text: '', notebooks: named, most: 10 });
  assert.deepEqual(
    found.map(({ entry }) => entry),
    await loader.entries(1),
  );
  assert.deepEqual(
    found.map(({ entry }) => [entry.current, entry.pinned, entry.call?.[0]]),
    [
      [true, true, { name: 'prompt', value: "'new'" }],
      [false, false, { name: 'prompt', value: "'old'" }],
    ],
  );
  assert.deepEqual(found[0]?.cell, {
    cellId: 1,
    appId: 1,
    name: undefined,
    code: 'answers = [ask("Why is the sky blue?"), ask("Who?")]',
    retiredAt: 7,
  });
});

test('arguments that are none hide nothing else', async (t) => {
  const loader = await openWith(
    t,
    asked(1, "'sky'") +
      insert({ id: 2, name: 'ask', created: 2 }) +
      insert({ id: 3, name: 'ask', created: 3 }) +
      `INSERT INTO calls VALUES (2, x'736b79'), (3, 'sky');`,
  );
  assert.deepEqual(await find(loader, 'sky'), [3, 1]);
  assert.deepEqual(await find(loader, 'ask'), [3, 2, 1]);
});

for (const format of ['1.0', '1.1']) {
  test(`a cache of format ${format}, which knows no calls, is searched by names`, async (t) => {
    const folder = await makeFolder(t);
    const kept = path.join(__dirname, '../../fixtures/store', format, 'cache');
    await cp(kept, folder, { recursive: true });
    const loader = await openCache(t, path.join(folder, 'cache.db'));
    const apps = await loader.apps();
    const wanted = new Map(apps.map(({ appId, path: app }) => [appId, app]));
    const all = await find(loader, '', 1000, wanted);
    assert.equal(
      all.length,
      apps.reduce((sum, { entries }) => sum + entries, 0),
    );
    assert.ok(all.length > 0);
    assert.deepEqual(await find(loader, '.py', 1000, wanted), all);
    assert.deepEqual(await find(loader, 'no such word', 1000, wanted), []);
  });
}

test('a search that is not wanted any more ends, and others go on', async (t) => {
  const loader = await openWith(
    t,
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
       INSERT INTO entries (cell_id, cache_name, cache_type, hash, loader, created_at)
       SELECT 1, 'ask', 'C', 'h' || i, 'pickle', i FROM n;
     INSERT INTO calls SELECT entry_id, json_object('prompt', 'number ' || entry_id) FROM entries;`,
  );
  const stop = new AbortController();
  const first = loader.search({ text: 'number', notebooks: named, most: 10 }, stop.signal);
  stop.abort(new Error('something else was typed'));
  await assert.rejects(first, /something else was typed/);
  assert.deepEqual(await find(loader, 'number 2999'), [2999]);
});
