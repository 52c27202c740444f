import assert from 'node:assert/strict';
import test from 'node:test';
import { describeSaved } from '../../../src/server/saved';

test('what a cell saved in all is told where its last run does not tell it', () => {
  const told = (hits: number, seconds: number, amount = 0) =>
    describeSaved({ hits, seconds, amount }, 'en');
  assert.equal(describeSaved(undefined, 'en'), undefined);
  assert.equal(told(0, 0), undefined);
  assert.equal(told(1, 30), undefined);
  assert.equal(told(34, 720), 'In all: saved 12 min in 34 hits.');
  assert.equal(told(1, 9, 0.42), 'In all: saved 9 s and 0.42 of money in 1 hit.');
});
