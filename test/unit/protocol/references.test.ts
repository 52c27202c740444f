import assert from 'node:assert/strict';
import test from 'node:test';
import { parseReference } from '../../../src/protocol/references';

test('a reference is taken apart and put together again', () => {
  const generation = '2049:1234:1700000000000000000';
  const cell = { kind: 'cell', cache: 0, generation, cellId: 7 };
  assert.deepEqual(parseReference({ ...cell, path: '/etc/passwd' }), cell);
  const entry = { kind: 'entry', cache: 1, generation, entryId: 2, key: 'cell_cache/a/df.arrow' };
  assert.deepEqual(parseReference(entry), entry);
  const told = { ...entry, hash: 'a' };
  assert.deepEqual(parseReference(told), told);
});

test('anything else is no reference', () => {
  const of = { cache: 0, generation: '1:2:3' };
  for (const value of [
    undefined,
    null,
    'cell',
    {},
    { kind: 'cell', ...of },
    { kind: 'cell', cache: 0, cellId: 7 },
    { kind: 'cell', cache: 0, generation: 'command:x', cellId: 7 },
    { kind: 'cell', ...of, cache: '0', cellId: 7 },
    { kind: 'cell', ...of, cellId: -1 },
    { kind: 'app', ...of, appId: 1.5 },
    { kind: 'database', ...of, cellId: 7 },
  ]) {
    assert.equal(parseReference(value), undefined);
  }
});
