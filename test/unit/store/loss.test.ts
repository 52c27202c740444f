import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { Loss } from '../../../src/store/cleaning/loss';

interface Case {
  readonly name: string;
  readonly left: readonly {
    readonly cell: number;
    readonly part: boolean;
    readonly seconds: number;
    readonly amount: number;
  }[];
  readonly seconds: number;
  readonly amount: number;
}

const table = join(__dirname, '../../fixtures/loss.json');

test('what it takes to make results again: the table that both languages share', async (t) => {
  for (const { name, left, seconds, amount } of JSON.parse(
    await readFile(table, 'utf8'),
  ) as Case[]) {
    await t.test(name, () => {
      const candidates = left.map(({ cell, ...each }) => ({
        ...each,
        cellId: cell,
        entryId: 1,
        usedAt: 0,
        reason: undefined,
        own: 0,
        priority: 0,
      }));
      const loss = new Loss();
      // In as many transactions as there are results.
      for (const each of candidates) loss.add([each]);
      assert.deepEqual([loss.seconds, loss.amount], [seconds, amount]);
      const whole = new Loss(candidates);
      assert.deepEqual([whole.seconds, whole.amount], [seconds, amount]);
    });
  }
});
