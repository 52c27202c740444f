import assert from 'node:assert/strict';
import test from 'node:test';
import { makeCache, makeEntry, openCache } from './cacheFolder';

const digest = (fill: string) => fill.repeat(32);

test('pinning takes the results of one state of a cell, and lets them go again', async (t) => {
  const loader = await openCache(t, await makeCache(t));
  const node = (code: string) => ({ codeDigest: digest(code), code, parents: [] });
  const old = await loader.save(makeEntry({ hash: 'h1', node: node('aa') }));
  const cellId = (await loader.entry(old))?.cellId ?? -1;
  const save = (hash: string, cacheName: string) => {
    const cell = { ...makeEntry().cell, cellId };
    return loader.save(makeEntry({ cell, hash, cacheName, node: node('bb') }));
  };
  const [whole, block] = [await save('h2', 'cell_cache'), await save('h3', 'block')];
  const pinned = async () =>
    (await loader.entries(cellId)).filter((entry) => entry.pinned).map(({ entryId }) => entryId);

  assert.equal(await loader.pin({ kind: 'entry', entryId: block }, true), 2);
  assert.deepEqual((await pinned()).sort(), [whole, block].sort());
  assert.equal(await loader.pin({ kind: 'entry', entryId: whole }, true), 0, 'they are already');
  assert.equal(await loader.pin({ kind: 'entry', entryId: old }, true), 1);
  assert.equal(await loader.pin({ kind: 'cell', cellId }, false), 3, 'all are let go');
  assert.equal(await loader.pin({ kind: 'cell', cellId }, true), 2, 'as it last ran');
  assert.ok(!(await pinned()).includes(old));
  assert.equal(await loader.pin({ kind: 'entry', entryId: 999 }, true), 0);
});
