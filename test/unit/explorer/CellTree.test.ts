/** What a refresh shows anew, and what the view holds on to. */
import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { runSql } from '../store/cacheFolder';
import { child, entryOf, labels, setUp, withTwoCells } from './treeOfCaches';

test('what has been cleared is not shown, and the tree is empty then', async (t) => {
  const { tree, open } = await setUp(t);
  const loader = await open();
  await loader.save(entryOf(0, 'a'));
  const app = await child(tree, undefined, 'nb.py');
  assert.ok(app.node.kind === 'app');
  await loader.clearApp(app.node.app.appId);
  assert.deepEqual(await tree.refresh(), [undefined]);
  assert.deepEqual(await tree.children(), []);
  assert.equal(tree.contents?.apps, 0);
});

test('beside what is cleared is the next row, or the one before, or the one above', async (t) => {
  const { tree, loader, app, a, b } = await withTwoCells(t);
  await loader.save(entryOf(2, 'c'));
  await tree.refresh();
  const [, , c] = await tree.children(app);
  assert.ok(c);
  const entry = await child(tree, a, 'Result');
  const value = await child(tree, entry, 'df');
  assert.equal(tree.beside([a]), b);
  assert.equal(tree.beside([value]), b, 'a cell goes with its only result');
  await loader.save(entryOf(0, 'a', { cell: a, hash: 'another' }));
  await tree.refresh();
  const another = (await tree.children(a)).find((each) => each !== entry);
  assert.equal(tree.beside([value]), another, 'a value goes with its result');
  assert.equal(tree.beside([value, another ?? entry]), b);
  assert.equal(tree.beside([a, b]), c);
  assert.equal(tree.beside([c]), b);
  assert.equal(tree.beside([b, c]), a);
  assert.equal(tree.beside([a, b, c]), app);
  assert.equal(tree.beside([app]), undefined);
  assert.equal(tree.beside([]), undefined);
});

test('nothing is shown anew while nothing changed', async (t) => {
  const { tree, open, caches, database } = await setUp(t);
  await (await open()).save(entryOf(0, 'a'));
  const app = await child(tree, undefined, 'nb.py');
  await child(tree, app, 'a');
  assert.deepEqual(await tree.refresh(), []);
  assert.deepEqual(await tree.refresh(caches.number(database)), []);
});

test('after a commit exactly what changed is shown anew, as the same branches', async (t) => {
  const { tree, loader, app, a, b } = await withTwoCells(t);
  await tree.children(a);
  await loader.save(entryOf(0, 'a', { cell: a, hash: 'another', runtime: 7 }));

  const changed = await tree.refresh();
  assert.ok(changed.includes(app), 'its amounts');
  assert.ok(changed.includes(a), 'its amounts, and an entry more');
  assert.ok(!changed.includes(b) && !changed.includes(undefined), 'nothing else');
  assert.equal((await tree.children(a)).length, 2);
  assert.ok(tree.has(a));
  assert.ok(!tree.has({ ...a }), 'what only looks like a branch is none');
});

test('a new cell shows its notebook anew; one that went is forgotten', async (t) => {
  const { tree, open } = await setUp(t);
  const loader = await open();
  await loader.save(entryOf(0, 'a'));
  await loader.save(entryOf(2, 'c'));
  const app = await child(tree, undefined, 'nb.py');
  const a = await child(tree, app, 'a');
  await loader.save(entryOf(1, 'b'));
  assert.ok((await tree.refresh()).includes(app));
  assert.deepEqual(labels(await tree.children(app)), ['a', 'b', 'c']);
  assert.ok(a.node.kind === 'cell');
  await loader.clearCell(a.node.cell.cellId);
  await tree.refresh();
  assert.ok(!tree.has(a));
});

test('what was folded in is not read again', async (t) => {
  const { tree, open } = await setUp(t);
  const loader = await open();
  await loader.save(entryOf(0, 'a'));
  const app = await child(tree, undefined, 'nb.py');
  const a = await child(tree, app, 'a');
  tree.forget(app);
  await loader.save(entryOf(0, 'a', { cell: a, hash: 'another', runtime: 7 }));
  const changed = await tree.refresh();
  assert.ok(changed.includes(app) && !changed.includes(a));
});

test('ages go on without a commit', async (t) => {
  const { tree, open, clock } = await setUp(t);
  await (await open()).save(entryOf(0, 'a'));
  const app = await child(tree, undefined, 'nb.py');
  clock.now += 7300;
  assert.deepEqual(await tree.refresh(), [app]);
  assert.match(app.row.description, /2 h ago/);
});

test('ages go on though nothing is read, and nothing changes', async (t) => {
  const { tree, app, a, b, clock, caches } = await withTwoCells(t);
  await caches.close();
  assert.deepEqual(tree.age(), []);
  clock.now += 7300;
  assert.deepEqual(tree.age(), [app, a, b]);
  assert.match(b.row.description, /2 h ago/);
  assert.deepEqual(tree.age(), []);
});

test('after a commit what is as it was keeps its words, and what changed has new ones', async (t) => {
  const { tree, loader, a, b, clock, caches, database } = await withTwoCells(t);
  const before = b.row;
  clock.now += 7300;
  await loader.save(entryOf(0, 'a', { cell: a, hash: 'another', runtime: 7 }));
  const changed = await tree.refresh(caches.number(database));
  assert.ok(changed.includes(a) && !changed.includes(b));
  assert.equal(b.row, before);
  assert.match(a.row.tooltip.lines.join(' '), /2 results are kept/);
  await tree.refresh();
  assert.match(b.row.description, /2 h ago/);
});

test('a hit alone, which no total tells of, is shown', async (t) => {
  const { tree, open, database, caches, clock } = await setUp(t);
  await (await open()).save(entryOf(0, 'a'));
  const app = await child(tree, undefined, 'nb.py');
  const a = await child(tree, app, 'a');
  clock.now += 7300;
  await runSql(database, `UPDATE entries SET last_hit_at = ${clock.now - 130}`);
  assert.deepEqual(await tree.refresh(caches.number(database)), [app, a]);
  assert.match(app.row.description, /2 min ago/);
  assert.match(a.row.description, /2 min ago/);
});

test('whether a file is there is asked again with all, and where something was saved', async (t) => {
  const { tree, open, database, caches, root } = await setUp(t);
  const loader = await open();
  await loader.save(entryOf(0, 'a'));
  const app = await child(tree, undefined, 'nb.py');
  assert.equal(app.row.context, 'appGone');
  await writeFile(path.join(root, 'nb.py'), '');
  assert.deepEqual(await tree.refresh(caches.number(database)), []);
  assert.deepEqual(await tree.refresh(), [app]);
  assert.equal(app.row.context, 'app');
  await rm(path.join(root, 'nb.py'));
  await loader.save(entryOf(1, 'b'));
  assert.deepEqual(await tree.refresh(caches.number(database)), [app]);
  assert.equal(app.row.context, 'appGone');
});

test('what a refresh has read is handed out once, and not for long', async (t) => {
  const { tree, open, clock } = await setUp(t);
  const loader = await open();
  await loader.save(entryOf(0, 'a'));
  const app = await child(tree, undefined, 'nb.py');
  await tree.children(app);
  await tree.refresh();
  await loader.save(entryOf(1, 'b'));
  assert.deepEqual(labels(await tree.children(app)), ['a'], 'as it was refreshed');
  assert.deepEqual(labels(await tree.children(app)), ['a', 'b'], 'as it is');
  await tree.refresh();
  await loader.save(entryOf(2, 'c'));
  clock.now += 3;
  assert.deepEqual(labels(await tree.children(app)), ['a', 'b', 'c']);
  await tree.refresh();
  await loader.save(entryOf(3, 'd'));
  tree.forget(app);
  assert.deepEqual(labels(await tree.children(app)), ['a', 'b', 'c', 'd'], 'unfolded anew');
});

test('a cache that vanishes while it is looked into is no fault', async (t) => {
  const { tree, found, faults, root } = await setUp(t);
  const gone = path.join(root, 'gone', '__marimo__', 'cache', 'cache.db');
  await mkdir(path.dirname(gone), { recursive: true });
  tree.setFound({ ...found, databases: [{ path: gone, folder: root, chosen: false }] });
  assert.deepEqual(await tree.children(), []);
  assert.deepEqual(faults, []);
});
