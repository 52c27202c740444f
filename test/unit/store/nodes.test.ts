import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { descendantsFirst, reachable } from '../../../src/store/entries/nodes';
import type { SqliteLoader } from '../../../src/store/SqliteLoader';
import { makeCache, makeEntry, openCache } from './cacheFolder';

const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Saves a cell that stands on other nodes. @returns its entry and node. */
async function saveOn(
  loader: SqliteLoader,
  name: string,
  parents: readonly string[],
  { cellId, code = `code of ${name}` }: { cellId?: number; code?: string } = {},
): Promise<{ entryId: number; cellId: number; node: string }> {
  const cell = { app: '../../nb.py', cellId, name, ordinal: 0, code, defs: [] };
  const entryId = await loader.save(
    makeEntry({
      cell,
      hash: sha256(name + code),
      node: { codeDigest: sha256(code), code, parents },
    }),
  );
  const entry = await loader.entry(entryId);
  assert.ok(entry?.node);
  return { entryId, cellId: entry.cellId, node: entry.node };
}

test('a node is the digest of the code and of the parents, ascending, each once', async (t) => {
  const loader = await openCache(t, await makeCache(t));
  const [low, high] = ['a'.repeat(64), 'b'.repeat(64)];
  const { node } = await saveOn(loader, 'x', [high, low, high]);
  assert.equal(node, sha256(Buffer.from(sha256('code of x') + low + high, 'hex')));
});

test('of a graph the nodes that a root stands on are found, each once', () => {
  const graph = new Map([
    ['root', { parents: [] }],
    ['left', { parents: ['root'] }],
    ['right', { parents: ['root', 'lost'] }],
    ['join', { parents: ['left', 'right'] }],
    ['aside', { parents: ['root'] }],
    ['loop', { parents: ['loop', 'join'] }],
  ]);
  assert.deepEqual(reachable(['join'], graph), ['join', 'left', 'right', 'root']);
  assert.deepEqual(reachable(['loop'], graph), ['loop', 'join', 'left', 'right', 'root']);
  assert.deepEqual(reachable(['lost'], graph), []);
});

test('clearing removes the nodes that no entry stands on, and no other', async (t) => {
  const loader = await openCache(t, await makeCache(t));
  const root = await saveOn(loader, 'root', []);
  const left = await saveOn(loader, 'left', [root.node]);
  const right = await saveOn(loader, 'right', [root.node]);
  const nodes = async () =>
    (await loader.record(join(dirname(loader.path), '../../nb.py')))?.nodes.map(({ node }) => node);
  await loader.clearCell(root.cellId);
  await loader.settled();
  assert.deepEqual((await nodes())?.sort(), [root.node, left.node, right.node].sort());
  await loader.clearCell(left.cellId);
  await loader.settled();
  assert.deepEqual((await nodes())?.sort(), [root.node, right.node].sort());
  await loader.clearCell(right.cellId);
  await loader.settled();
  assert.deepEqual(await nodes(), []);
});

test('a node that an equal cell of another notebook has stays there', async (t) => {
  const loader = await openCache(t, await makeCache(t));
  const here = await saveOn(loader, 'x', []);
  const cell = { ...makeEntry().cell, app: '../../twin.py' };
  const node = { codeDigest: sha256('code of x'), code: 'code of x', parents: [] };
  await loader.save(makeEntry({ cell, node }));
  await loader.clearCell(here.cellId);
  await loader.settled();
  const twin = await loader.record(join(dirname(loader.path), '../../twin.py'));
  assert.deepEqual(
    twin?.nodes.map((each) => each.node),
    [here.node],
  );
});

test('nodes go before those that they stand on, whatever order they were found in', () => {
  const node = (name: string, parents: string[], cellId = 1) => ({
    node: name,
    cellId,
    codeDigest: 'c',
    parents,
  });
  const nodes = [
    node('root', ['gone before']),
    node('left', ['root']),
    node('leaf', ['left', 'right']),
    node('right', ['root']),
    node('left', ['root'], 2),
  ];
  for (const found of [nodes, [...nodes].reverse()]) {
    const order = descendantsFirst(found);
    assert.equal(new Set(order).size, nodes.length);
    order.forEach((one, at) => {
      const later = order.slice(at).map((each) => each.node);
      const known = one.parents.filter((parent) => nodes.some((each) => each.node === parent));
      for (const parent of known) assert.ok(later.includes(parent), `${parent} of ${one.node}`);
    });
  }
});
