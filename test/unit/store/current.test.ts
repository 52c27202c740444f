/** Which results are current. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { makeCache, openCache, runSql } from './cacheFolder';
import { insert, node, oneCell, type Row } from './entryRows';

const cases: { name: string; rows: Row[]; current: number[] }[] = [
  { name: 'no entries', rows: [], current: [] },
  { name: 'one entry', rows: [{ id: 1, created: 1, node: node('a') }], current: [1] },
  { name: 'one entry without a node', rows: [{ id: 1, created: 1 }], current: [1] },
  {
    name: 'a later one on another node',
    rows: [
      { id: 1, created: 1, node: node('a') },
      { id: 2, created: 2, node: node('b') },
    ],
    current: [2],
  },
  {
    name: 'an older one that was hit since',
    rows: [
      { id: 1, created: 1, hit: 3, node: node('a') },
      { id: 2, created: 2, node: node('b') },
    ],
    current: [1],
  },
  {
    name: 'a hit that is older than the making of another',
    rows: [
      { id: 1, created: 1, hit: 2, node: node('a') },
      { id: 2, created: 3, node: node('b') },
    ],
    current: [2],
  },
  {
    name: 'several on one node, as values of UI elements make them',
    rows: [
      { id: 1, created: 1, node: node('a') },
      { id: 2, created: 2, node: node('b') },
      { id: 3, created: 3, node: node('a') },
    ],
    current: [1, 3],
  },
  {
    name: 'without a node the last one alone',
    rows: [
      { id: 1, created: 1 },
      { id: 2, created: 2 },
    ],
    current: [2],
  },
  {
    name: 'a node does not revive entries without one, nor the reverse',
    rows: [
      { id: 1, created: 1, node: node('a') },
      { id: 2, created: 2 },
      { id: 3, created: 3 },
    ],
    current: [3],
  },
  {
    name: 'each name for itself',
    rows: [
      { id: 1, created: 1, name: 'block', node: node('a') },
      { id: 2, created: 2, name: 'cell_cache', node: node('b') },
      { id: 3, created: 3, name: 'block', node: node('b') },
    ],
    current: [2, 3],
  },
  {
    name: 'at the same moment the one made last',
    rows: [
      { id: 2, created: 1, node: node('b') },
      { id: 1, created: 1, node: node('a') },
    ],
    current: [2],
  },
];

for (const { name, rows, current } of cases) {
  test(`current entries: ${name}`, async (t) => {
    const path = await makeCache(t);
    await runSql(path, oneCell + rows.map(insert).join(''));
    const loader = await openCache(t, path);
    const listed = await loader.entries(1);
    const found = listed.filter((entry) => entry.current).map(({ entryId }) => entryId);
    assert.deepEqual(found.sort(), current);
    for (const { id } of rows) {
      assert.equal((await loader.entry(id))?.current, current.includes(id), `entry ${id} alone`);
    }
  });
}
