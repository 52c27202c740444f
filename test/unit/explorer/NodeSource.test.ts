/** What is listed of the caches of a workspace. */
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import type { Branch } from '../../../src/explorer/tree/CellTree';
import type { Found } from '../../../src/explorer/tree/found';
import { creation, runSql } from '../store/cacheFolder';
import { child, entryOf, labels, setUp, withTwoCells } from './treeOfCaches';

test('notebooks, cells in their order, entries, values', async (t) => {
  const { tree, open, root } = await setUp(t);
  await writeFile(path.join(root, 'nb.py'), '');
  const loader = await open();
  await loader.save(entryOf(1, 'b'));
  await loader.save(entryOf(0, 'a'));
  const app = await child(tree, undefined, 'nb.py');
  assert.equal(app.row.context, 'app');
  assert.deepEqual(labels(await tree.children(app)), ['a', 'b']);
  const cell = await child(tree, app, 'a');
  const entry = await child(tree, cell, 'Result');
  assert.match(entry.row.description, /^current, saves 2\.5 s, 10 bytes/);
  assert.deepEqual(labels(await tree.children(entry)), ['df']);
  const [item] = await tree.children(entry);
  assert.deepEqual(item && (await tree.children(item)), []);
});

test('notebooks are sorted by their names, those of one name by their folders', async (t) => {
  const { tree, open } = await setUp(t);
  const loader = await open();
  for (const [ordinal, app] of ['a/model.py', 'answers.py', 'b/model.py', 'b/10.py'].entries()) {
    const entry = entryOf(ordinal, 'a');
    await loader.save({ ...entry, cell: { ...entry.cell, app: `../../${app}` } });
  }
  const rows = (await tree.children(undefined)).map(({ row }) => row);
  assert.deepEqual(
    rows.map(({ label, description }) => [label, description.split(', ')[0]]),
    [
      ['10.py', 'the file is gone'],
      ['answers.py', 'the file is gone'],
      ['model.py', 'a'],
      ['model.py', 'b'],
    ],
  );
});

test('what is served as a notebook stands in an editor is told of, not what ran last', async (t) => {
  const { tree, open, database, earlier } = await setUp(t);
  const loader = await open();
  await loader.save(entryOf(0, 'a'));
  const app = await child(tree, undefined, 'nb.py');
  const a = await child(tree, app, 'a');
  await loader.save(entryOf(0, 'a', { cell: a, hash: 'branch', runtime: 8 }));
  const node = (letter: string, hash: string) =>
    runSql(database, `UPDATE entries SET node = x'${letter.repeat(64)}' WHERE hash = '${hash}'`);
  await node('a', 'a-0');
  await node('b', 'branch');
  await tree.refresh();
  assert.match(app.row.description, /^the file is gone, saves 8 s, /);
  assert.match(a.row.description, /^saves 8 s, /);
  const [branch, main] = await tree.children(a);
  assert.ok(main?.node.kind === 'entry' && branch);
  earlier.add(main.node.entry.entryId);
  await tree.refresh();
  assert.match(app.row.description, /^the file is gone, saves 2\.5 s, /);
  assert.match(a.row.description, /^saves 2\.5 s, /);
  assert.match(main.row.description, /^current, saves 2\.5 s, /);
  assert.match(branch.row.description, /^outdated, /);
});

test('a cell that the notebook has no more is orphaned, by the editor or by the kernel', async (t) => {
  const { tree, open, database, orphans, returned } = await setUp(t);
  const loader = await open();
  for (const [ordinal, name] of ['a', 'b', 'c'].entries())
    await loader.save(entryOf(ordinal, name));
  const app = await child(tree, undefined, 'nb.py');
  const a = await child(tree, app, 'a');
  assert.ok(a.node.kind === 'cell');
  orphans.add(a.node.cell.cellId);
  assert.deepEqual(await tree.refresh(), [app, a]);
  assert.match(app.row.description, /saves 5 s, /);
  assert.match(a.row.description, /^not in the editor, /);
  assert.match((await child(tree, a, 'Result')).row.description, /^not in the editor, /);
  await runSql(database, "UPDATE cells SET retired_at = 1 WHERE name = 'b'");
  await tree.refresh();
  const gone = await child(tree, app, 'b');
  assert.match(gone.row.description, /^orphaned, /);
  assert.match((await child(tree, gone, 'Result')).row.description, /^orphaned, /);
  assert.doesNotMatch((await child(tree, app, 'c')).row.description, /orphaned/);
  assert.match(app.row.description, /saves 2\.5 s, /);
  // Until a kernel sees that it came back, only the editor knows.
  const b = await child(tree, app, 'b');
  assert.ok(b.node.kind === 'cell');
  returned.add(b.node.cell.cellId);
  await tree.refresh();
  assert.match(b.row.description, /^saves 2\.5 s, /);
  assert.match((await child(tree, b, 'Result')).row.description, /^current, saves 2\.5 s, /);
  assert.match(app.row.description, /saves 5 s, /);
  orphans.clear();
  await tree.refresh();
  assert.doesNotMatch(a.row.description, /orphaned|not in the editor/);
});

test('what stands at a cell in the editor is said of it and its result, and they save nothing', async (t) => {
  const { tree, open, doubts } = await setUp(t);
  const loader = await open();
  for (const [ordinal, name] of ['a', 'b'].entries()) await loader.save(entryOf(ordinal, name));
  const app = await child(tree, undefined, 'nb.py');
  const a = await child(tree, app, 'a');
  const entry = await child(tree, a, 'Result');
  assert.match(app.row.description, /saves 5 s, /);
  assert.ok(a.node.kind === 'cell');
  const reason = 'It is disabled.';
  const doubt = { state: 'disabled', outdated: false, label: 'disabled', reason } as const;
  doubts.set(a.node.cell.cellId, doubt);
  assert.deepEqual(await tree.refresh(a.node.cache), [app, a, entry]);
  assert.match(app.row.description, /saves 2\.5 s, /);
  assert.match(a.row.description, /^disabled, 10 bytes/);
  assert.match(entry.row.description, /^disabled, 10 bytes/);
  doubts.clear();
  assert.deepEqual(await tree.refresh(a.node.cache), [app, a, entry]);
  assert.match(app.row.description, /saves 5 s, /);
  assert.match(a.row.description, /^saves 2\.5 s/);
});

test('where cells are not cached, the result of a function in one is served all the same', async (t) => {
  const { tree, open, doubts } = await setUp(t);
  const loader = await open();
  await loader.save(entryOf(0, 'a'));
  const a = await child(tree, await child(tree, undefined, 'nb.py'), 'a');
  assert.ok(a.node.kind === 'cell');
  const { cellId } = a.node.cell;
  await loader.save({ ...entryOf(0, 'a', { cell: a, hash: 'f' }), cacheName: 'search' });
  const label = 'cached, but caching is off';
  doubts.set(cellId, { state: 'off', outdated: false, label, reason: '' });
  await tree.refresh();
  assert.ok(a.row.description.startsWith(label));
  const own = await child(tree, a, 'Result');
  const inIt = await child(tree, a, 'search');
  assert.ok(own.row.description.startsWith(label));
  assert.match(inIt.row.description, /^current, saves 2\.5 s/);
});

test('results of a function are told apart by their calls, anew when another joins them', async (t) => {
  const { tree, open, database } = await setUp(t);
  const loader = await open();
  await loader.save(entryOf(0, 'a'));
  const app = await child(tree, undefined, 'nb.py');
  const a = await child(tree, app, 'a');
  const ask = async (hash: string, call: Readonly<Record<string, string>> | undefined) => {
    await loader.save({ ...entryOf(0, 'a', { cell: a, hash }), cacheName: 'ask' });
    if (call === undefined) return;
    const json = JSON.stringify(call).replaceAll("'", "''");
    await runSql(
      database,
      `INSERT INTO calls (entry_id, arguments)
         SELECT entry_id, '${json}' FROM entries WHERE hash = '${hash}'`,
    );
  };
  await ask('before', undefined);
  await ask('1', { prompt: "'Why?'", model: "'small'" });
  const shown = async () => labels(await tree.children(a)).sort();
  assert.deepEqual(await shown(), ['Result', 'ask', "ask('Why?')"]);
  const why = await child(tree, a, "ask('Why?')");
  assert.ok(why.row.tooltip.lines.includes("model='small'"));
  await ask('2', { prompt: "'Why?'", model: "'large'" });
  assert.ok(why.node.kind === 'entry');
  await tree.refresh(why.node.cache);
  assert.deepEqual(await shown(), ['Result', 'ask', "ask(model='large')", "ask(model='small')"]);
  assert.equal(why.row.label, "ask(model='small')");
});

test('a result in a format that the notebook was not last served in is obsolete', async (t) => {
  const { tree, open, database } = await setUp(t);
  const loader = await open();
  await loader.save({ ...entryOf(0, 'a'), versions: { marimo: '0.24.0', cache: '1' } });
  const app = await child(tree, undefined, 'nb.py');
  const a = await child(tree, app, 'a');
  const entry = await child(tree, a, 'Result');
  assert.match(entry.row.description, /^current, /);
  await loader.save({ ...entryOf(1, 'b'), versions: { marimo: '9.9.9', cache: '2' } });
  await tree.refresh();
  assert.match(entry.row.description, /^obsolete, /);
  assert.match(a.row.description, /^obsolete, /);
  assert.doesNotMatch([a.row.description, ...a.row.tooltip.lines].join(' '), /saves|results save/);
  assert.match((await child(tree, app, 'b')).row.description, /saves 2\.5 s/);
  // Each took as much: the notebook tells of the one that marimo reads.
  assert.match(app.row.description, /saves 2\.5 s/);
  const b = await child(tree, await child(tree, app, 'b'), 'Result');
  assert.match(b.row.description, /^current, /);
  await runSql(database, "UPDATE entries SET last_hit_at = created_at + 9 WHERE hash = 'a-0'");
  await tree.refresh();
  assert.match(entry.row.description, /^current, /);
  assert.match(a.row.description, /saves 2\.5 s/);
  assert.match(b.row.description, /^obsolete, /);
});

test('of a cache of many entries the notebooks are shown before it is known what they save', async (t) => {
  const { tree, open, database } = await setUp(t);
  await (await open()).save(entryOf(0, 'a'));
  await runSql(database, 'UPDATE totals SET entries = 20001');
  const [app] = await tree.children();
  assert.doesNotMatch(app?.row.description ?? '', /saves/);
  assert.ok(tree.isShort);
  assert.deepEqual(await tree.refresh(), [app]);
  assert.match(app?.row.description ?? '', /saves 2\.5 s/);
  assert.ok(!tree.isShort);
});

test('a notebook whose file is gone is marked', async (t) => {
  const { tree, open } = await setUp(t);
  await (await open()).save(entryOf(0, 'a'));
  const app = await child(tree, undefined, 'nb.py');
  assert.equal(app.row.context, 'appGone');
  assert.match(app.row.description, /the file is gone/);
});

test('a database that cannot be read is a node, and the others are shown', async (t) => {
  const { tree, databases, caches, faults } = await setUp(t, ['good', 'broken']);
  const [good = '', broken = ''] = databases;
  await (await caches.open(good)).save(entryOf(0, 'a'));
  await writeFile(broken, 'these are not the bytes you are looking for\n'.repeat(300));
  const [problem, app] = await tree.children();
  assert.ok(problem && app);
  assert.equal(problem.row.context, 'problem');
  assert.equal(problem.row.description, 'broken/__marimo__/cache/cache.db');
  assert.equal(app.row.label, 'nb.py');
  assert.equal(tree.contents?.problems.length, 1);
  assert.ok(faults.length > 0, 'the log says it too');
});

test('notebooks of one name say which folder they are in', async (t) => {
  const { tree, databases, caches } = await setUp(t, ['one', 'two']);
  for (const database of databases) await (await caches.open(database)).save(entryOf(0, 'a'));
  const descriptions = (await tree.children()).map(({ row }) => row.description);
  assert.match(descriptions[0] ?? '', /^one, /);
  assert.match(descriptions[1] ?? '', /^two, /);
});

test('several workspace folders come first, but only those that hold something', async (t) => {
  const { tree, found, open, root } = await setUp(t);
  await (await open()).save(entryOf(0, 'a'));
  const other = { kind: 'folder', name: 'other', path: path.join(root, 'other') } as const;
  tree.setFound({ ...found, folders: [...found.folders, other] });
  const folder = await child(tree, undefined, 'work');
  assert.deepEqual(labels(await tree.children()), ['work']);
  assert.deepEqual(labels(await tree.children(folder)), ['nb.py']);
});

test("marimo's own files are a node beside caches, and alone they leave the tree empty", async (t) => {
  const { tree, found, open, root } = await setUp(t);
  const files = [{ path: path.join(root, 'b', '__marimo__', 'cache'), folder: root }];
  tree.setFound({ ...found, databases: [], files });
  assert.deepEqual(await tree.children(), []);
  assert.equal(tree.contents?.files, 1);
  await (await open()).save(entryOf(0, 'a'));
  tree.setFound({ ...found, files });
  const [app, node] = await tree.children();
  assert.equal(app?.row.label, 'nb.py');
  assert.equal(node?.row.description, 'b');
});

test('a damaged database is told of, whether or not another one took its place', async (t) => {
  const { tree, database, found } = await setUp(t);
  const damaged = `${database}.damaged-2026-01-02T03-04-05`;
  await writeFile(damaged, 'old');
  const sentenceOf = async () => {
    const branches = await tree.children();
    assert.deepEqual(labels(branches), ['A damaged cache was set aside']);
    assert.equal(tree.contents?.setAside, 1);
    return branches[0]?.row.spoken ?? '';
  };
  assert.match(await sentenceOf(), /taken into the cache that stands in its place/);
  const { databases } = found;
  tree.setFound({ ...found, databases: [], gone: databases });
  assert.match(await sentenceOf(), /no cache stands in its place/);
  // A workspace folder within another finds it, too, and VS Code refuses a second row of it.
  const twice = [...databases, ...databases.map((one) => ({ ...one }))];
  tree.setFound({ ...found, databases: [], gone: twice });
  await sentenceOf();
});

test('a database that folders share shows each its own notebooks, and none of others', async (t) => {
  const { tree, caches, root } = await setUp(t, []);
  const shared = path.join(root, 'caches', 'cache.db');
  await runSql(shared, creation);
  const loader = await caches.open(shared);
  for (const app of ['../one/a.py', '../one/two/b.py', '../three/c.py']) {
    const entry = entryOf(0, 'a');
    await loader.save({ ...entry, cell: { ...entry.cell, app } });
  }
  const folders = ['one', 'one/two', 'four'].map(
    (name) => ({ kind: 'folder', name, path: path.join(root, name) }) as const,
  );
  const found = (database: string): Found => ({
    folders,
    databases: folders.map(({ path }) => ({ path: database, folder: path, chosen: true })),
    gone: [],
    files: [],
  });
  tree.setFound(found(shared));
  const shown = [];
  for (const branch of await tree.children()) {
    for (const { row } of await tree.children(branch))
      shown.push(`${branch.row.label}: ${row.label}`);
  }
  assert.deepEqual(shown, ['one: a.py', 'one/two: b.py']);

  const broken = path.join(root, 'broken.db');
  await writeFile(broken, 'these are not the bytes you are looking for\n'.repeat(300));
  tree.setFound(found(broken));
  await tree.children();
  assert.equal(tree.contents?.problems.length, 1, 'one node, since VS Code refuses a second');
});

test('a setting that is not followed comes first, in the folder of its file or else the first', async (t) => {
  const { tree, found, root, refused } = await setUp(t, []);
  const place = { line: 1, start: 0, end: 9 };
  const file = path.join(root, 'b', 'pyproject.toml');
  refused.push({ file, key: 'path', place, message: 'path is wrong' });
  const [only] = await tree.children();
  assert.equal(only?.row.label, 'path is not followed');
  assert.equal(only.row.description, 'b/pyproject.toml');
  assert.equal(only.row.context, 'setting');
  refused.push(
    { file: '/home/me/config.toml', key: undefined, place, message: 'not TOML' },
    { file: undefined, key: 'CELLAR_PATH', place, message: 'relative' },
  );
  const folders = ['a', 'b'].map(
    (name) => ({ kind: 'folder', name, path: path.join(root, name) }) as const,
  );
  tree.setFound({ ...found, folders });
  await tree.refresh();
  const [first, second] = await tree.children();
  const told = async (folder: Branch | undefined) =>
    (await tree.children(folder)).map(({ row: { label, description } }) => [label, description]);
  assert.deepEqual(await told(first), [
    ['These settings cannot be read', '/home/me/config.toml'],
    ['CELLAR_PATH is not followed', 'in the environment'],
  ]);
  assert.deepEqual(await told(second), [['path is not followed', 'pyproject.toml']]);
});

test('rows of a cache that was begun anew are other rows, and say of which they are', async (t) => {
  const { tree, database, loader, a } = await withTwoCells(t);
  assert.ok(a.node.kind === 'cell');
  const { generation, cell } = a.node;
  assert.equal(generation, await loader.generation());
  for (const suffix of ['', '-wal', '-shm']) await rm(database + suffix, { force: true });
  await runSql(database, creation);
  await loader.save(entryOf(0, 'c'));
  await tree.refresh();
  const isThere = tree.has(a);
  assert.ok(!isThere, 'what was meant for the first does nothing to the other');
  const [c] = await tree.children(await child(tree, undefined, 'nb.py'));
  assert.ok(c?.node.kind === 'cell');
  assert.equal(c.node.cell.cellId, cell.cellId);
  assert.equal(c.node.generation, await loader.generation());
  assert.notEqual(c.node.generation, generation);
});
