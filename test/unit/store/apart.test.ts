import assert from 'node:assert/strict';
import test from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { makeCache, makeEntry, openCache } from './cacheFolder';

test('what was read apart is kept by whoever asked, and nobody else', async (t) => {
  const loader = await openCache(t, await makeCache(t));
  await loader.save(makeEntry());
  const ask = async () => new WeakRef(await loader.check());
  const reports = [await ask(), await ask(), await ask()];
  await loader.search({ text: '', notebooks: new Map(), most: 1 });
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  assert.deepEqual(
    reports.map((report) => report.deref()),
    [undefined, undefined, undefined],
  );
});
