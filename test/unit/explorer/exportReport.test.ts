import assert from 'node:assert/strict';
import test from 'node:test';
import { summary } from '../../../src/explorer/commands/exportReport';

test('what was exported is told in one sentence', () => {
  const one = { written: 1, newer: 0, damaged: [], stopped: false };
  assert.equal(summary([one], 'en'), '1 result exported.');
  assert.equal(
    summary([one, { written: 2000, newer: 1, damaged: ['a/b'], stopped: false }], 'en'),
    '2,001 results exported, 1 left out for newer files, 1 damaged and left out.',
  );
  assert.equal(
    summary([{ ...one, stopped: true }], 'en'),
    'Stopped: 1 result exported. Run it again to go on.',
  );
});
