/** What is kept of what is sent, and what answers. */
import assert from 'node:assert/strict';
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { makeEntry, makeFolder, makeItem, runSql } from '../store/cacheFolder';
import { bytesOf, serve, statusOf } from './serving';

const whole = 'model/C_h1.pickle';
const hash = '0123456789abcdefghijklmnopqrstuvwxyz';
const small = Buffer.from('a small value');
const large = Buffer.alloc(300_000, 'large');

function manifestOf(values: Readonly<Record<string, string>>): Buffer {
  const defs = Object.fromEntries(
    Object.entries(values).map(([name, reference]) => [
      name,
      { reference, type_hint: 'pandas.DataFrame' },
    ]),
  );
  return Buffer.from(JSON.stringify({ hash, cache_type: 'C', defs, meta: {} }));
}

test('a miss, a save, a hit: rows as the kernel itself would have them', async (t) => {
  const { ask, database, caches } = await serve(t);
  assert.equal(await statusOf(ask('GET', whole)), 404);
  assert.equal(await statusOf(ask('HEAD', whole)), 404);
  assert.deepEqual(
    await readdir(dirname(database)).catch(() => 'none'),
    'none',
    'nothing is begun',
  );

  assert.equal(await statusOf(ask('PUT', whole, { body: small })), 200);
  assert.deepEqual(await bytesOf(ask('GET', whole)), small);
  const head = await ask('HEAD', whole);
  assert.equal(head.status, 200);

  const names = await readdir(dirname(database));
  assert.ok(names.includes('.gitignore') && names.includes('CACHEDIR.TAG'), String(names));
  const loader = await caches.open(database);
  const [app, ...others] = await loader.apps();
  assert.ok(app);
  assert.equal(others.length, 0);
  assert.equal(app.path, '../../served');
  const [cell] = await loader.cells(app.appId);
  assert.equal(cell?.ordinal, -1);
  assert.equal(cell.name, '(outside any cell)');
  const [entry] = await loader.entries(cell.cellId);
  assert.ok(entry);
  const { cacheName, cacheType, loader: by, versions } = entry;
  assert.deepEqual(
    { cacheName, cacheType, hash: entry.hash, by, versions },
    {
      cacheName: 'model',
      cacheType: 'C',
      hash: 'h1',
      by: 'pickle',
      versions: { marimo: '0.25.2' },
    },
  );
  const [item] = await loader.items(entry.entryId);
  assert.deepEqual([item?.key, item?.name, item?.format], [whole, 'C_h1', 'pickle']);
});

test('saving again replaces the entry, and others of the same cell stay', async (t) => {
  const { ask, database, caches } = await serve(t);
  await ask('PUT', whole, { body: small });
  await ask('PUT', 'model/C_h2.pickle', { body: small });
  assert.equal(await statusOf(ask('PUT', whole, { body: large })), 200);
  assert.deepEqual(await bytesOf(ask('GET', whole)), large);
  assert.deepEqual(await bytesOf(ask('GET', 'model/C_h2.pickle')), small);
  const [app] = await (await caches.open(database)).apps();
  assert.deepEqual([app?.cells, app?.entries], [1, 2]);
});

test('a key that is none of marimo’s loaders stands for itself; the separator of Windows is one', async (t) => {
  const { ask } = await serve(t);
  await ask('PUT', 'some/other/key', { body: small });
  assert.deepEqual(await bytesOf(ask('GET', 'some/other/key')), small);
  await ask('PUT', 'model%5CC_h1.pickle', { body: small });
  assert.deepEqual(await bytesOf(ask('GET', whole)), small);
  await ask('PUT', 'caf%C3%A9/C_h.pickle', { body: large });
  assert.deepEqual(await bytesOf(ask('GET', 'caf%C3%A9/C_h.pickle')), large);
});

test('an entry with a manifest appears as a whole, in one piece', async (t) => {
  const { ask, caches, database } = await serve(t);
  const [df, out] = [`cell_cache/${hash}/df.arrow`, `cell_cache/${hash}/return.arrow`];
  const manifest = manifestOf({ df, out });
  assert.equal(await statusOf(ask('PUT', df, { body: large })), 200);
  assert.equal(await statusOf(ask('PUT', out, { body: small })), 200);
  assert.deepEqual(
    await bytesOf(ask('GET', df)),
    large,
    'it can be read before its manifest comes',
  );
  assert.equal(await statusOf(ask('HEAD', out)), 200);
  const loader = await caches.open(database);
  assert.deepEqual(await loader.apps(), [], 'and is no entry yet');

  assert.equal(await statusOf(ask('PUT', `cell_cache/C_${hash}.jsonl`, { body: manifest })), 200);
  assert.deepEqual(await bytesOf(ask('GET', df)), large);
  assert.deepEqual(await bytesOf(ask('GET', out)), small);
  assert.deepEqual(await bytesOf(ask('GET', `cell_cache/C_${hash}.jsonl`)), manifest);
  const [app] = await loader.apps();
  const [cell] = await loader.cells(app?.appId ?? 0);
  const [entry] = await loader.entries(cell?.cellId ?? 0);
  assert.equal(entry?.loader, 'lazy');
  const items = await loader.items(entry.entryId);
  assert.deepEqual(
    items.map(({ name, format, typeHint }) => [name, format, typeHint]),
    [
      ['df', 'arrow', 'pandas.DataFrame'],
      ['return', 'arrow', 'pandas.DataFrame'],
      ['manifest', 'manifest', undefined],
    ],
  );
});

test('a manifest whose values did not all come makes no entry, and leaves nothing', async (t) => {
  const { ask, caches, database } = await serve(t);
  const df = `cell_cache/${hash}/df.arrow`;
  const manifest = manifestOf({ df, out: `cell_cache/${hash}/return.arrow` });
  await ask('PUT', df, { body: large });
  assert.equal(await statusOf(ask('PUT', `cell_cache/C_${hash}.jsonl`, { body: manifest })), 422);
  await ask('PUT', df, { body: large });
  const noManifest = Buffer.from('{"defs": 1}');
  assert.equal(await statusOf(ask('PUT', `cell_cache/C_${hash}.jsonl`, { body: noManifest })), 422);
  assert.equal(await statusOf(ask('GET', df)), 404);
  assert.deepEqual(await (await caches.open(database)).apps(), []);
  assert.deepEqual(await readdir(join(dirname(database), 'blobs')), []);
});

test('values whose manifest never comes are gone when the endpoint closes', async (t) => {
  const { ask, endpoint, database } = await serve(t);
  await ask('PUT', `cell_cache/${hash}/df.arrow`, { body: large });
  assert.equal((await readdir(join(dirname(database), 'blobs'))).length, 1);
  await endpoint.close();
  assert.deepEqual(await readdir(join(dirname(database), 'blobs')), []);
});

test("marimo's own list of a notebook's keys is a file beside the database", async (t) => {
  const { ask, database } = await serve(t);
  const key = 'analysis-0123456789abcdef.json';
  assert.equal(await statusOf(ask('GET', key)), 404);
  assert.equal(await statusOf(ask('PUT', key, { body: small })), 200);
  assert.deepEqual(await bytesOf(ask('GET', key)), small);
  assert.deepEqual(await readFile(join(dirname(database), key)), small);
});

test('a list whose name is longer than the system has names is refused, and a miss', async (t) => {
  if (process.platform === 'win32') {
    t.skip('Windows calls such a name missing, and not too long');
    return;
  }
  const { ask, reports } = await serve(t);
  const key = `${'a'.repeat(300)}-0123456789abcdef.json`;
  assert.equal(await statusOf(ask('GET', key)), 404);
  assert.equal(await statusOf(ask('HEAD', key)), 404);
  assert.equal(await statusOf(ask('PUT', key, { body: small })), 413);
  assert.deepEqual(reports, []);
});

test('wrong bytes are a miss and set aside; what is right below them answers', async (t) => {
  const folder = await makeFolder(t);
  const allowed = [/wrong|size|differs|blob|file/];
  const { ask, database, caches } = await serve(t, { folder, allowed });
  await ask('PUT', whole, { body: large });
  await ask('PUT', 'model/C_h2.pickle', { body: small });
  const loader = await caches.open(database);
  const [item] = await loader.itemsByKey('../../served', whole);
  assert.ok(item?.file !== undefined);
  const file = join(dirname(database), 'blobs', item.file);
  const wrong = Buffer.from(large);
  wrong.write('L');
  await writeFile(file, wrong);
  assert.equal(await statusOf(ask('GET', whole)), 404);
  assert.equal((await loader.item(item.entryId, item.key))?.quarantined, true);
  assert.equal(await statusOf(ask('HEAD', whole)), 404);
  assert.deepEqual(
    await bytesOf(ask('GET', 'model/C_h2.pickle')),
    small,
    'nothing else is dropped',
  );
  await ask('PUT', whole, { body: large });
  assert.deepEqual(await bytesOf(ask('GET', whole)), large, 'saving again mends it');

  await truncate(file, 10);
  assert.equal(await statusOf(ask('GET', whole)), 404);
  await ask('PUT', whole, { body: large });
  await runSql(database, "UPDATE blobs SET content = x'00' WHERE content IS NOT NULL");
  assert.equal(await statusOf(ask('GET', 'model/C_h2.pickle')), 404);
});

test('a file that is removed between the check and its opening is a miss', async (t) => {
  const { ask, caches, database, reports } = await serve(t, { allowed: [/missing|file/] });
  await ask('PUT', whole, { body: large });
  const { values } = await caches.open(database);
  const find = values.file.bind(values);
  t.mock.method(values, 'file', async (item: Parameters<typeof find>[0]) => {
    const found = await find(item);
    if (found.kind === 'file') await rm(found.path);
    return found;
  });
  assert.equal(await statusOf(ask('GET', whole)), 404);

  const part = `cell_cache/${hash}/df.arrow`;
  await ask('PUT', part, { body: large });
  const blobs = join(dirname(database), 'blobs');
  for (const name of await readdir(blobs)) {
    if (name.startsWith('.partial')) await rm(join(blobs, name));
  }
  assert.equal(await statusOf(ask('GET', part)), 404, 'and so is one whose manifest has not come');
  assert.deepEqual(reports, []);
});

test('a value that is replaced while it is looked at is no miss', async (t) => {
  const { ask, caches, database, reports } = await serve(t);
  const versions = [large, Buffer.alloc(300_000, 'second'), Buffer.alloc(300_000, 'third')];
  await ask('PUT', whole, { body: versions[0] ?? large });
  const { values } = await caches.open(database);
  let puts = 0;
  const replace = async () => {
    const body = versions[(puts += 1)];
    if (body !== undefined) assert.equal(await statusOf(ask('PUT', whole, { body })), 200);
  };
  const verify = values.verify.bind(values);
  const verifying = t.mock.method(values, 'verify', async (...args: Parameters<typeof verify>) => {
    await replace();
    return verify(...args);
  });
  assert.deepEqual(await bytesOf(ask('GET', whole)), versions[2]);
  verifying.mock.restore();

  puts = 0;
  const find = values.file.bind(values);
  t.mock.method(values, 'file', async (...args: Parameters<typeof find>) => {
    await replace();
    return find(...args);
  });
  assert.equal(await statusOf(ask('HEAD', whole)), 200);
  assert.deepEqual(reports, []);
});

test('what a notebook of the folder saved answers; what one of another folder saved does not', async (t) => {
  const shared = join(await makeFolder(t), 'shared', 'cache.db');
  const folder = await makeFolder(t);
  const { ask, caches, database } = await serve(t, { folder, database: shared });
  await ask('PUT', 'other/C_h0.pickle', { body: small });
  const loader = await caches.open(database);
  const save = async (app: string, key: string) => {
    const items = [makeItem(key, 'x', Buffer.from(app))];
    const entry = makeEntry({ items, hash: key, loader: 'pickle', cacheName: 'model' });
    await loader.save({ ...entry, cell: { ...entry.cell, app } });
  };
  const here = (await loader.apps())[0]?.path.replace('served', 'nb.py') ?? '';
  await save(here, 'model/C_here.pickle');
  await save(here.replace('nb.py', 'below/nb.py'), 'model/C_below.pickle');
  assert.deepEqual(await bytesOf(ask('GET', 'model/C_here.pickle')), Buffer.from(here));
  assert.equal(await statusOf(ask('GET', 'model/C_below.pickle')), 404);
});

test('a cleared entry does not answer any more', async (t) => {
  const { ask, caches, database } = await serve(t);
  await ask('PUT', whole, { body: small });
  const loader = await caches.open(database);
  const [app] = await loader.apps();
  await loader.clearApp(app?.appId ?? 0);
  assert.equal(await statusOf(ask('GET', whole)), 404);
});

test('a cache that is deleted while it is served is begun anew', async (t) => {
  const { ask, database } = await serve(t);
  await ask('PUT', whole, { body: small });
  await rm(dirname(database), { recursive: true });
  assert.equal(await statusOf(ask('GET', whole)), 404);
  assert.equal(await statusOf(ask('PUT', whole, { body: large })), 200);
  assert.deepEqual(await bytesOf(ask('GET', whole)), large);
});
