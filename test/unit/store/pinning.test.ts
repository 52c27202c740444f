import assert from 'node:assert/strict';
import test from 'node:test';
import { makeCache, makeEntry, openCache, runSql } from './cacheFolder';

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

test('of a function the one call is pinned that is meant, and with its cell all are', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  const node = { codeDigest: digest('aa'), code: 'aa', parents: [] };
  const whole = await loader.save(makeEntry({ node }));
  const cellId = (await loader.entry(whole))?.cellId ?? -1;
  const cell = { ...makeEntry().cell, cellId };
  const [first, second] = [
    await loader.save(makeEntry({ cell, node, hash: 'h2', cacheName: 'ask' })),
    await loader.save(makeEntry({ cell, node, hash: 'h3', cacheName: 'ask' })),
  ];
  await runSql(
    path,
    `INSERT INTO calls VALUES (${first}, '{"n": "1"}'), (${second}, '{"n": "2"}')`,
  );
  const pinned = async () =>
    (await loader.entries(cellId)).filter((entry) => entry.pinned).map(({ entryId }) => entryId);

  assert.equal(await loader.pin({ kind: 'entry', entryId: second }, true), 1);
  assert.deepEqual(await pinned(), [second]);
  assert.equal(await loader.pin({ kind: 'entry', entryId: whole }, true), 2);
  assert.equal(await loader.pin({ kind: 'entry', entryId: first }, false), 1);
  assert.deepEqual((await pinned()).sort(), [whole, second].sort());
});
