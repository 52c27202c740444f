import assert from 'node:assert/strict';
import test from 'node:test';
import { Parts } from '../../../src/endpoint/Parts';
import { itemOf } from '../../../src/store/entries/keys';
import type { HeldItem } from '../../../src/store/rows';

const minute = 60_000;
const megabyte = 2 ** 20;

function held(hash: string, name: string, size = 1): HeldItem {
  const item = itemOf(`cell_cache/${hash}/${name}.pickle`, [Buffer.alloc(0)]);
  return { item, digest: name, size, crc32: 0, held: { bytes: Buffer.alloc(0) } };
}

const of = (hash: string) => ({ cacheName: 'cell_cache', hash });
const named = (items: readonly HeldItem[]) => items.map(({ item }) => item.key.slice(11, -7));

test('values are held for an hour after the last one of their entry came', () => {
  const parts = new Parts();
  assert.deepEqual(parts.put(of('h1'), held('h1', 'a'), 0), []);
  assert.deepEqual(parts.put(of('h1'), held('h1', 'b'), 50 * minute), []);
  assert.deepEqual(parts.put(of('h2'), held('h2', 'c'), 100 * minute), []);
  assert.deepEqual(named(parts.put(of('h2'), held('h2', 'd'), 111 * minute)), ['h1/a', 'h1/b']);
  assert.deepEqual(named(parts.take(of('h2'))), ['h2/c', 'h2/d']);
});

test('beyond a gigabyte those go that waited longest, and none of which more may come', () => {
  const parts = new Parts();
  const put = (hash: string, name: string, size: number, at: number) =>
    named(parts.put(of(hash), held(hash, name, size * megabyte), at * minute));
  assert.deepEqual(put('h1', 'a', 400, 0), []);
  assert.deepEqual(put('h2', 'b', 400, 1), []);
  assert.deepEqual(put('h1', 'c', 100, 2), []);
  assert.deepEqual(put('h3', 'd', 400, 3), [], 'all of it may still be on its way');
  assert.deepEqual(put('h3', 'd', 400, 4), ['h3/d'], 'what was sent again replaces the first');
  assert.deepEqual(put('h4', 'e', 1, 11.5), ['h2/b'], 'and no more than has to go');
  assert.deepEqual(put('h5', 'f', 3000, 13), ['h1/a', 'h1/c']);
  assert.deepEqual(put('h5', 'g', 3000, 60), ['h3/d', 'h4/e'], 'the entry itself is needed');
  assert.deepEqual(named(parts.take(of('h5'))), ['h5/f', 'h5/g']);
  assert.deepEqual(named(parts.takeAll()), []);
});
