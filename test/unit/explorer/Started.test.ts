import assert from 'node:assert/strict';
import test from 'node:test';
import { Started } from '../../../src/explorer/cell/Started';

test('what failed to start is started when it is needed next, and only then', async () => {
  const failures: unknown[] = [];
  const outcomes = [() => Promise.reject(new Error('no memory')), () => Promise.resolve('it')];
  const started = new Started(
    () => outcomes.shift()?.() ?? Promise.reject(new Error('too often')),
    (error) => failures.push(error),
  );
  const value = () => started.value;
  assert.equal(value(), undefined);
  started.begin();
  started.begin();
  assert.equal(await value(), undefined);
  assert.deepEqual(failures, [new Error('no memory')]);
  assert.equal(value(), undefined);
  started.begin();
  started.begin();
  assert.equal(await value(), 'it');
  assert.equal(failures.length, 1);
});
