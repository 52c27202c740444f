/** What a text finds in the caches of a workspace, and how it is told. */
import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { mostLines, ResultSearch } from '../../../src/explorer/commands/ResultSearch';
import type { Found } from '../../../src/explorer/tree/found';
import type { Doubt } from '../../../src/protocol/standing';
import { Caches } from '../../../src/store/Caches';
import { atEnd, creation, makeFolder, runSql } from '../store/cacheFolder';
import { insert, type Row } from '../store/entryRows';

const never = new AbortController().signal;

/** A workspace with a cache in each of some folders; `chat.py` of each has the cell `answers`. */
async function setUp(t: TestContext, folders: readonly string[] = ['.']) {
  const root = await makeFolder(t);
  const databases = folders.map((folder) => path.join(root, folder, '__marimo__/cache/cache.db'));
  for (const database of databases) {
    await runSql(database, creation);
    await runSql(
      database,
      `INSERT INTO apps VALUES (1, '../../chat.py', 1);
       INSERT INTO cells (cell_id, app_id, ordinal, code, last_seen_at, name)
         VALUES (1, 1, 0, 'answers = ask()', 1, 'answers'), (2, 1, 1, 'prices = load()', 1, NULL);`,
    );
    await writeFile(path.join(path.dirname(database), '../../chat.py'), '');
  }
  const caches = new Caches();
  atEnd(t, () => caches.close());
  const orphaned = new Set<number>();
  const doubts = new Map<number, Doubt>();
  const found: Found = {
    folders: [{ kind: 'folder', name: 'work', path: root }],
    databases: databases.map((database) => ({ path: database, folder: root, chosen: false })),
    gone: [],
    files: [],
  };
  const search = (of = found) =>
    new ResultSearch(caches, {
      found: Promise.resolve(of),
      openCells: () => ({ orphaned, returned: new Set(), earlier: new Set(), doubts }),
      nameOf: ({ notebook }) => path.relative(root, notebook),
      reader: () => ({ locale: 'en', now: 7300 }),
    });
  const [database = ''] = databases;
  return { root, databases, database, caches, orphaned, doubts, found, search };
}

const asked = (id: number, prompt: string, different: Partial<Row> = {}) =>
  insert({ id, name: 'ask', created: 100, runtime: 2.5, ...different }) +
  `INSERT INTO calls VALUES (${id},
     '${JSON.stringify({ prompt, model: "'small'" }).replaceAll("'", "''")}');`;

test('a call is told by its label, how it stands, where it is, and what it was made with', async (t) => {
  const { database, search } = await setUp(t);
  await runSql(
    database,
    asked(1, "'Why is the sky blue?'") +
      asked(2, "'Who are you?'", { hit: 200, pinned: true }) +
      insert({ id: 3, cell: 2, created: 300 }),
  );
  const { lines, more, isAny, faults } = await search().find('', never);
  assert.deepEqual(
    lines.map(({ label, description, detail, isPinned }) => [label, description, detail, isPinned]),
    [
      ['prices = load()', 'current, 0 bytes, 1 h ago, chat.py', undefined, false],
      [
        "ask('Who are you?')",
        'saves 2.5 s, pinned, 0 bytes, 2 h ago, chat.py › answers',
        "prompt='Who are you?', model='small'",
        true,
      ],
      [
        "ask('Why is the sky bl…')",
        'outdated, 0 bytes, 2 h ago, chat.py › answers',
        "prompt='Why is the sky blue?', model='small'",
        false,
      ],
    ],
  );
  assert.deepEqual([more, isAny, faults], [false, true, []]);
});

test('what was found is seen, in a long prompt or in the code of a cell', async (t) => {
  const { database, search } = await setUp(t);
  const prompt = `'${'Tell me of many things and then more. '.repeat(6)}Is the evening red?'`;
  await runSql(database, asked(1, prompt) + insert({ id: 2, cell: 2, created: 1 }));
  const [line] = (await search().find('EVENING', never)).lines;
  assert.equal(line?.detail, "…things and then more. Is the evening red?', model='small'");
  const [own] = (await search().find('load', never)).lines;
  assert.deepEqual([own?.label, own?.detail], ['prices = load()', 'prices = load()']);
});

test('text from a database makes no icons, lines or turns of writing', async (t) => {
  const { database, search } = await setUp(t);
  await runSql(
    database,
    asked(1, "'$(trash) \u202e a\\nb \u0007'") +
      insert({ id: 2, cell: 2, created: 1 }) +
      `UPDATE cells SET name = '$(trash)' || char(10) || 'x' WHERE cell_id = 2`,
  );
  for (const { label, description, detail } of (await search().find('', never)).lines) {
    const all = [label, description, detail ?? ''].join();
    assert.match(all, /\$ \(trash\)/);
    assert.doesNotMatch(all, /\$\(|[\p{Cc}\p{Cf}]/u);
  }
});

test('orphaned, doubted and obsolete results are said so, in the words of the view', async (t) => {
  const { root, database, orphaned, doubts, search } = await setUp(t);
  await runSql(database, asked(1, "'sky'") + insert({ id: 2, cell: 2, created: 1 }));
  const told = async () =>
    (await search().find('', never)).lines.map(
      ({ description, isInNotebook }) => `${description.split(',')[0]} ${isInNotebook}`,
    );
  assert.deepEqual(await told(), ['saves 2.5 s true', 'current true']);
  doubts.set(1, { state: 'disabled', outdated: false, label: 'disabled', reason: '' });
  orphaned.add(2);
  assert.deepEqual(await told(), ['disabled true', 'not in the editor false']);
  await runSql(database, 'UPDATE cells SET retired_at = 1 WHERE cell_id = 2');
  assert.deepEqual(await told(), ['disabled true', 'orphaned false']);
  await runSql(database, 'UPDATE cells SET retired_at = NULL');
  doubts.clear();
  orphaned.clear();
  await runSql(
    database,
    `UPDATE entries SET versions = '{"cache":"1"}';
     UPDATE entries SET versions = '{"cache":"2"}' WHERE entry_id = 2`,
  );
  assert.deepEqual(await told(), ['saves 2.5 s true', 'obsolete true']);
  await rm(path.join(root, 'chat.py'));
  assert.deepEqual(await told(), ['saves 2.5 s false', 'obsolete false']);
});

test('several caches are one list by time, and one that cannot be read hides no other', async (t) => {
  const { databases, database, found, search } = await setUp(t, ['a', 'b', 'c', 'd']);
  const [, second = '', third = '', fourth = ''] = databases;
  await runSql(database, asked(1, "'sky in a'", { created: 10, hit: 30 }));
  // Of equal ids calls are told apart within each cache.
  await runSql(second, asked(1, "'sky in b'", { created: 20 }) + asked(2, "'sea'"));
  await writeFile(third, 'no database');
  await rm(fourth);
  const all = search();
  const labels = async (text: string) =>
    (await all.find(text, never)).lines.map(
      ({ label, description }) => `${label} ${description.split(', ').at(-1)}`,
    );
  assert.deepEqual(await labels('sky'), [
    "ask('sky in a') a/chat.py › answers",
    "ask('sky in b') b/chat.py › answers",
  ]);
  assert.deepEqual(await labels('b/chat'), [
    "ask('sea') b/chat.py › answers",
    "ask('sky in b') b/chat.py › answers",
  ]);
  const [fault, ...others] = (await all.find('', never)).faults;
  assert.match(String(fault), /not an SQLite database/);
  assert.deepEqual(others, []);
  const damaged = { ...found, databases: found.databases.filter((each) => each.path === third) };
  await assert.rejects(search(damaged).find('', never));
});

test('of a cache that settings put elsewhere only what belongs to the workspace is found', async (t) => {
  const { root, database, found, search } = await setUp(t);
  await runSql(
    database,
    `INSERT INTO apps VALUES (2, '../../../elsewhere/other.py', 1);
     INSERT INTO cells (cell_id, app_id, ordinal, code, last_seen_at) VALUES (3, 2, 0, 'x', 1);
     ${insert({ id: 1, cell: 3, created: 9 })} ${insert({ id: 2, cell: 2, created: 1 })}`,
  );
  // Twice, as two folders with a part in it have it.
  const one = { path: database, folder: root, chosen: true };
  const lines = async (of: Found) => (await search(of).find('', never)).lines;
  assert.equal(
    (await lines({ ...found, databases: [one, { ...one, folder: '/none' }] })).length,
    1,
  );
  assert.equal((await lines(found)).length, 2);
});

test('the list has an end, and says that there is more', async (t) => {
  const { database, search } = await setUp(t);
  await runSql(
    database,
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${mostLines + 1})
       INSERT INTO entries (cell_id, cache_name, cache_type, hash, loader, created_at)
       SELECT 1, 'ask' || i, 'C', 'h' || i, 'pickle', i FROM n;`,
  );
  const { lines, more } = await search().find('', never);
  assert.deepEqual([lines.length, lines[0]?.label, more], [mostLines, `ask${mostLines + 1}`, true]);
  // Those beyond are found.
  assert.deepEqual(
    (await search().find('h ask1', never)).lines.length,
    [...Array(mostLines + 2).keys()].filter((i) => String(i).startsWith('1')).length,
  );
  assert.equal((await search().find('ask100', never)).more, false);
});

test('where nothing is kept, nothing could be found', async (t) => {
  const { found, search } = await setUp(t);
  const nothing = { lines: [], more: false, isAny: false, faults: [] };
  assert.deepEqual(await search().find('', never), nothing);
  const none = { ...found, databases: [] };
  assert.equal((await search(none).find('x', never)).isAny, false);
});

test('a result that went, or whose id or place another has by now, is not there', async (t) => {
  const { database, search } = await setUp(t);
  await runSql(database, asked(1, "'sky'") + asked(2, "'sea'"));
  const all = search();
  const { lines } = await all.find('', never);
  const [sky, sea] = [1, 2].map((id) => lines.find(({ entry }) => entry.entryId === id));
  assert.ok(sky && sea);
  assert.deepEqual([await all.isThere(sky.entry), await all.isThere(sea.entry)], [true, true]);
  await runSql(database, 'DELETE FROM entries WHERE entry_id = 2');
  assert.deepEqual([await all.isThere(sky.entry), await all.isThere(sea.entry)], [true, false]);
  await runSql(database, insert({ id: 2, created: 1 }).replace("'h2'", "'another'"));
  assert.equal(await all.isThere(sea.entry), false);
  await rm(path.dirname(database), { recursive: true });
  assert.equal(await all.isThere(sky.entry), false);
  await mkdir(path.dirname(database), { recursive: true });
  await runSql(database, creation);
  await runSql(
    database,
    `INSERT INTO apps VALUES (1, '../../chat.py', 1);
     INSERT INTO cells (cell_id, app_id, ordinal, code, last_seen_at) VALUES (1, 1, 0, 'x', 1);
     ${insert({ id: 1, created: 1 })}`,
  );
  assert.equal(await all.isThere(sky.entry), false, 'of a cache that was begun anew');
});

test('a search that is not wanted any more ends with the reason', async (t) => {
  const { database, search } = await setUp(t);
  await runSql(database, asked(1, "'sky'"));
  const stop = new AbortController();
  const found = search().find('sky', stop.signal);
  stop.abort(new Error('typed on'));
  await assert.rejects(found, /typed on/);
});
