import assert from 'node:assert/strict';
import test from 'node:test';
import { needsConfirmation } from '../../../src/explorer/commands/clearing';
import { numberSetting } from '../../../src/protocol/settings';

test('of a number in the settings only what makes sense is believed', () => {
  for (const right of [0, 0.5, 12, 1e9]) assert.equal(numberSetting(right, 0, 10), right);
  for (const wrong of ['12', 'never', null, undefined, NaN, -1, true, [], {}]) {
    assert.equal(numberSetting(wrong, 0, 10), 10);
  }
  assert.equal(numberSetting(0, 1, 64), 64);
});

test('a wrong value of cellar.confirmClearAbove does not end the asking', () => {
  const stake = { cells: 1, entries: 1, runtime: 3600, amount: 0, worth: 0, pinned: 0 };
  assert.ok(needsConfirmation(stake, numberSetting('a minute', 0, 10)));
});
