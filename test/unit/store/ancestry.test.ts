import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import { reachable } from '../../../src/store/ancestry';
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

test("ancestry lists the entry's own cell first and each ancestor once", async (t) => {
  const loader = await openCache(t, await makeCache(t));
  const root = await saveOn(loader, 'root', []);
  const left = await saveOn(loader, 'left', [root.node]);
  const right = await saveOn(loader, 'right', [root.node]);
  await saveOn(loader, 'aside', [root.node]);
  const join = await saveOn(loader, 'join', [left.node, right.node]);
  const found = await loader.ancestry(join.entryId);
  assert.equal(found[0]?.name, 'join');
  assert.deepEqual(found.map(({ name }) => name).sort(), ['join', 'left', 'right', 'root']);
  for (const each of found) {
    assert.equal(each.code, `code of ${each.name ?? ''}`);
    assert.equal(each.codeDigest, sha256(each.code));
  }
  assert.deepEqual(found[0].parents, [left.node, right.node].sort());
  assert.equal(found.find(({ name }) => name === 'left')?.cellId, left.cellId);
});

test("of equal cells the entry's own is told", async (t) => {
  const loader = await openCache(t, await makeCache(t));
  const first = await saveOn(loader, 'first', [], { code: 'same' });
  const second = await saveOn(loader, 'second', [], { code: 'same' });
  assert.equal(first.node, second.node);
  assert.equal((await loader.ancestry(first.entryId))[0]?.name, 'first');
  assert.equal((await loader.ancestry(second.entryId))[0]?.name, 'second');
  const below = await saveOn(loader, 'below', [first.node]);
  assert.deepEqual(
    (await loader.ancestry(below.entryId)).map(({ name }) => name),
    ['below', 'first'],
  );
});

test('a lost ancestor, a loop and an entry without a node end the walk', async (t) => {
  const loader = await openCache(t, await makeCache(t));
  const orphan = await saveOn(loader, 'orphan', ['c'.repeat(64)]);
  assert.deepEqual(
    (await loader.ancestry(orphan.entryId)).map(({ name }) => name),
    ['orphan'],
  );
  assert.deepEqual(await loader.ancestry(await loader.save(makeEntry())), []);
  const graph = new Map([
    ['a', { parents: ['b'] }],
    ['b', { parents: ['a', 'lost'] }],
  ]);
  assert.deepEqual(reachable(['a'], graph), ['a', 'b']);
});

test('clearing removes the nodes that no entry stands on, and no other', async (t) => {
  const loader = await openCache(t, await makeCache(t));
  const root = await saveOn(loader, 'root', []);
  const left = await saveOn(loader, 'left', [root.node]);
  const right = await saveOn(loader, 'right', [root.node]);
  await loader.clearCell(root.cellId);
  await loader.clearCell(left.cellId);
  assert.deepEqual(
    (await loader.ancestry(right.entryId)).map(({ name }) => name),
    ['right', 'root'],
  );
  // The node of `left` went with its only entry: whoever stands on it has lost that ancestor.
  const below = await saveOn(loader, 'below', [left.node, right.node]);
  assert.deepEqual((await loader.ancestry(below.entryId)).map(({ name }) => name).sort(), [
    'below',
    'right',
    'root',
  ]);
});
