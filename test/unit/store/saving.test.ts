import assert from 'node:assert/strict';
import { readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'node:test';
import type { EntryKey, NewItem } from '../../../src/store/rows';
import { makeCache, makeEntry, makeFolder, makeItem, openCache, runSql } from './cacheFolder';

const key: EntryKey = { cacheName: 'cell_cache', cacheType: 'C', hash: 'h1', loader: 'lazy' };

/** An item whose bytes come in pieces. */
function pieces(...content: Uint8Array[]): NewItem {
  return { ...makeItem('k/pieces', 'pieces', Buffer.alloc(0)), content };
}

test('what is saved is what is listed, found and loaded', async (t) => {
  const loader = await openCache(t, await makeCache(t));
  const entry = makeEntry({ items: [makeItem('k/a', 'a', Buffer.from('abc'))] });
  const id = await loader.save(entry);
  const found = await loader.lookup(1, key);
  assert.ok(found.kind === 'hit' && found.own);
  const { entryId, runtime, versions, hits, ...others } = found.entry;
  assert.deepEqual([entryId, runtime, versions, hits], [id, 2.5, entry.versions, 0]);
  const { cacheName, cacheType, hash, loader: by } = others;
  assert.deepEqual({ cacheName, cacheType, hash, loader: by }, key);
  const loaded = await loader.load(id);
  assert.ok(loaded.kind === 'hit');
  assert.deepEqual(loaded.items[0]?.content, { kind: 'bytes', bytes: Buffer.from('abc') });
  assert.equal((await loader.cell(1))?.code, 'df = load()');
});

for (const size of [0, 1, 65_536, 65_537, 2_500_000]) {
  test(`${size} bytes arrive whole, in pieces of any size`, async (t) => {
    const loader = await openCache(t, await makeCache(t));
    const bytes = Buffer.alloc(size, 'abcdefghijklmnopqrstuvwxyz');
    const cuts = [0, Math.floor(size / 3), Math.floor(size / 3), size];
    const cut = cuts.slice(1).map((end, i) => bytes.subarray(cuts[i], end));
    const id = await loader.save(makeEntry({ items: [pieces(...cut)] }));
    const loaded = await loader.load(id);
    assert.ok(loaded.kind === 'hit');
    const content = loaded.items[0]?.content;
    assert.equal(content?.kind, size > 65_536 ? 'file' : 'bytes');
    const read = content.kind === 'file' ? await readFile(content.path) : content.bytes;
    assert.ok(bytes.equals(read));
  });
}

test('equal bytes are stored once, whoever saves them', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  const bytes = Buffer.alloc(100_000, 1);
  const items = [makeItem('k/df', 'df', bytes), makeItem('k/return', 'return', bytes)];
  await loader.save(makeEntry({ items }));
  await loader.save(makeEntry({ hash: 'h2', items }));
  assert.equal((await readdir(join(dirname(path), 'blobs'))).length, 1);
  const [app] = await loader.apps();
  // Once for each of the two cells.
  assert.deepEqual([app?.entries, app?.size], [2, 200_000]);
});

test('an entry of the same key is replaced; its use and its pin stay, its bytes go', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  const cell = { ...makeEntry().cell, cellId: 1 };
  await loader.save(
    makeEntry({ items: [pieces(Buffer.alloc(100_000, 1)), makeItem('k', 'x', Buffer.from('x'))] }),
  );
  await runSql(path, 'UPDATE entries SET hits = 4, last_hit_at = 9, pinned = 1');
  const id = await loader.save(
    makeEntry({
      cell,
      items: [pieces(Buffer.alloc(100_000, 2)), makeItem('k', 'x', Buffer.from('x'))],
    }),
  );
  const [entry, ...others] = await loader.entries(1);
  assert.deepEqual(others, []);
  assert.deepEqual(
    [entry?.entryId, entry?.hits, entry?.lastHitAt, entry?.pinned],
    [id, 4, 9, true],
  );
  assert.equal((await loader.load(id)).kind, 'hit');
  const shards = await readdir(join(dirname(path), 'blobs'), { recursive: true });
  assert.equal(shards.filter((name) => name.endsWith('.arrow')).length, 1);
});

test('a save whose bytes fail leaves nothing', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  function* failing() {
    yield Buffer.alloc(200_000);
    throw new Error('the pipe broke');
  }
  const items = [pieces(Buffer.alloc(100_000, 3)), { ...pieces(), key: 'k/2', content: failing() }];
  await assert.rejects(loader.save(makeEntry({ items })), /the pipe broke/);
  assert.deepEqual(await loader.apps(), []);
  assert.deepEqual(await readdir(join(dirname(path), 'blobs')), []);
});

test('a save that the database refuses takes its files back', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  const kept = makeItem('k/kept', 'kept', Buffer.alloc(100_000, 1));
  await loader.save(makeEntry({ items: [kept] }));
  const twice = makeItem('k/twice', 'twice', Buffer.alloc(100_000, 2));
  await assert.rejects(
    loader.save(makeEntry({ hash: 'h2', items: [kept, twice, twice] })),
    /UNIQUE/,
  );
  const files = await readdir(join(dirname(path), 'blobs'), { recursive: true });
  assert.equal(files.filter((name) => name.endsWith('.arrow')).length, 1);
  assert.equal((await loader.load(1)).kind, 'hit');
});

test('a save for a cell of another notebook is refused whole', async (t) => {
  const loader = await openCache(t, await makeCache(t));
  await loader.save(makeEntry());
  const cell = { ...makeEntry().cell, app: '../../other.py', cellId: 1 };
  await assert.rejects(loader.save(makeEntry({ cell, hash: 'h2' })), /No cell 1/);
  assert.equal((await loader.apps()).length, 1);
});

test('a file that went missing, or whose bytes were set aside, is written again', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  const bytes = Buffer.alloc(100_000, 5);
  const id = await loader.save(makeEntry({ items: [pieces(bytes)] }));
  const [item] = await loader.items(id);
  assert.ok(item?.file);
  const file = join(dirname(path), 'blobs', item.file);

  await rm(file);
  await loader.save(makeEntry({ hash: 'h2', items: [pieces(bytes)] }));
  assert.deepEqual(await loader.values.verify(item, { quarantine: false }), { kind: 'right' });

  await writeFile(file, Buffer.alloc(100_000, 6));
  await loader.values.verify(item, { quarantine: true });
  await loader.save(makeEntry({ hash: 'h3', items: [pieces(bytes)] }));
  assert.deepEqual(await loader.values.verify(item, { quarantine: false }), { kind: 'right' });
});

test('nothing is saved through a link', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  const elsewhere = await makeFolder(t);
  await symlink(elsewhere, join(dirname(path), 'blobs'));
  await assert.rejects(loader.save(makeEntry({ items: [pieces(Buffer.alloc(100_000))] })), {
    kind: 'unreadable',
    message: /is a link/,
  });
  assert.deepEqual(await readdir(elsewhere), []);
  assert.deepEqual(await loader.apps(), []);
});

test("another cell's equal entry answers, unless this cell was cleared since", async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await loader.save(makeEntry());
  await loader.save(makeEntry({ cell: { ...makeEntry().cell, app: '../../twin.py' } }));
  await loader.save(
    makeEntry({ hash: 'h2', cell: { ...makeEntry().cell, app: '../../twin.py', cellId: 2 } }),
  );
  const other = await loader.lookup(1, { ...key, hash: 'h2' });
  assert.ok(other.kind === 'hit' && !other.own && other.entry.cellId === 2);
  assert.deepEqual(await loader.lookup(9, key), { kind: 'miss', why: 'noCell' });
  for (const different of [
    { hash: 'x' },
    { loader: 'json' },
    { cacheName: 'x' },
    { cacheType: 'P' as const },
  ]) {
    assert.deepEqual(await loader.lookup(1, { ...key, ...different }), {
      kind: 'miss',
      why: 'noEntry',
    });
  }
  await loader.clearCell(1);
  assert.deepEqual(await loader.lookup(1, key), { kind: 'miss', why: 'cleared' });
  const own = await loader.lookup(2, key);
  assert.ok(own.kind === 'hit' && own.own);
  // What is made after the clear answers again, also from another notebook.
  await runSql(path, 'UPDATE entries SET created_at = created_at + 60');
  assert.equal((await loader.lookup(1, key)).kind, 'hit');
});

test("an equal entry of another folder's notebook does not answer: it read other files", async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  const apps = ['../../one/nb.py', '../../two/nb.py', '../../nb.py', 'unsaved'];
  const hashOf = (app: string) => app.replaceAll(/\W/g, '');
  for (const app of apps) {
    const hash = hashOf(app);
    const items = [makeItem(`cell_cache/${hash}/df.arrow`, 'df', Buffer.from(app))];
    await loader.save(makeEntry({ cell: { ...makeEntry().cell, app }, hash, items }));
  }
  const answered: [string, string][] = [];
  for (const [index, asking] of apps.entries()) {
    for (const app of apps) {
      const found = await loader.lookup(index + 1, { ...key, hash: hashOf(app) });
      if (found.kind === 'hit' && asking !== app) answered.push([asking, app]);
    }
  }
  // One that has no file yet is where it would be saved.
  assert.deepEqual(answered, [
    ['../../nb.py', 'unsaved'],
    ['unsaved', '../../nb.py'],
  ]);
});
