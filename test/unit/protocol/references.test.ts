import assert from 'node:assert/strict';
import test from 'node:test';
import { parseReference } from '../../../src/protocol/references';

test('a reference is taken apart and put together again', () => {
  const cell = { kind: 'cell', cache: 0, cellId: 7 };
  assert.deepEqual(parseReference({ ...cell, path: '/etc/passwd' }), cell);
  const entry = { kind: 'entry', cache: 1, entryId: 2, key: 'cell_cache/a/df.arrow' };
  assert.deepEqual(parseReference(entry), entry);
});

test('anything else is no reference', () => {
  for (const value of [
    undefined,
    null,
    'cell',
    {},
    { kind: 'cell', cache: 0 },
    { kind: 'cell', cache: '0', cellId: 7 },
    { kind: 'cell', cache: 0, cellId: -1 },
    { kind: 'app', cache: 0, appId: 1.5 },
    { kind: 'database', cache: 0, cellId: 7 },
  ]) {
    assert.equal(parseReference(value), undefined);
  }
});
