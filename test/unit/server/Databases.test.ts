import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { pathToFileURL } from 'node:url';
import { Databases } from '../../../src/server/Databases';
import { atEnd, makeCache, makeEntry, openCache } from '../store/cacheFolder';

test('a database is closed with the last of its notebooks, and opened again with the next', async (t) => {
  const database = await makeCache(t);
  await (await openCache(t, database)).save(makeEntry());
  const databases = new Databases((error) => {
    throw error;
  });
  atEnd(t, () => databases.close());
  const folder = path.dirname(path.dirname(path.dirname(database)));
  const [one = '', other = ''] = ['nb.py', 'other.py'].map(
    (name) => pathToFileURL(path.join(folder, name)).href,
  );
  const open = async (uri: string) => {
    databases.watch(uri, true);
    const cache = await databases.cache(uri);
    assert.equal(cache?.kind, 'open');
    return cache.loader;
  };
  const loader = await open(one);
  assert.equal(await open(other), loader);
  databases.watch(one, false);
  assert.equal((await loader.apps()).length, 1);
  databases.watch(other, false);
  await assert.rejects(loader.apps(), { kind: 'closed' });
  const again = await open(one);
  assert.equal((await databases.records(one, again)).own?.cells.length, 1);
});
