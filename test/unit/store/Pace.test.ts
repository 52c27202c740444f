import assert from 'node:assert/strict';
import test from 'node:test';
import cases from '../../fixtures/pacing.json';
import { Pace } from '../../../src/store/database/Pace';

for (const { name, seconds, first, took, sizes } of cases) {
  test(`how many at a time: ${name}`, () => {
    const pace = new Pace(seconds, first);
    assert.deepEqual(
      took.map((each) => {
        pace.took(each);
        return pace.size;
      }),
      sizes,
    );
  });
}
