import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { Caches } from '../../../src/store/Caches';
import { atEnd, makeFolder } from './cacheFolder';

test('a cache that is begun while others look for it is opened', async (t) => {
  const folder = await makeFolder(t);
  const caches = new Caches();
  atEnd(t, () => caches.close());
  for (let i = 0; i < 20; i++) {
    const path = join(folder, String(i), 'cache.db');
    let begun = false;
    const look = async () => {
      while (!begun) await caches.existing(path);
    };
    const looking = Promise.all([look(), look(), look()]);
    try {
      const loader = await caches.begun(path);
      assert.deepEqual(await loader.apps(), []);
    } finally {
      begun = true;
    }
    await looking;
  }
});
