import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import {
  choose,
  without,
  type Candidate,
  type Reason,
} from '../../../src/store/cleaning/retention';

interface Case {
  readonly name: string;
  readonly candidates: readonly {
    readonly id: number;
    readonly reason: Candidate['reason'] | null;
    readonly own: number;
  }[];
  readonly shared: readonly { readonly size: number; readonly entries: readonly number[] }[];
  readonly used: number;
  readonly budget: number | null;
  readonly spared: readonly number[];
  readonly evicted: readonly {
    readonly id: number;
    readonly reason: Reason;
    readonly freed: number;
  }[];
}

const table = join(__dirname, '../../fixtures/retention.json');

const candidate = (entryId: number, own: number, reason?: Candidate['reason']): Candidate => ({
  entryId,
  own,
  reason,
  usedAt: 0,
  cellId: entryId,
  part: false,
  seconds: 1,
  amount: 0,
  priority: 0,
});

test('how far down the order one goes: the table that both languages share', async (t) => {
  for (const each of JSON.parse(await readFile(table, 'utf8')) as Case[]) {
    await t.test(each.name, () => {
      const chosen = choose(
        each.candidates.map(({ id, own, reason }) => candidate(id, own, reason ?? undefined)),
        each.shared,
        each.used,
        each.budget ?? undefined,
        new Set(each.spared),
      );
      assert.deepEqual(
        chosen.map(({ candidate: { entryId }, reason, freed }) => ({ id: entryId, reason, freed })),
        each.evicted,
      );
    });
  }
});

test('what is taken off a plan frees nothing, nor the bytes it shares', () => {
  const shared = [{ size: 70, entries: [1, 2] }];
  const candidates = [candidate(1, 10), candidate(2, 20), candidate(3, 30)];
  const all = choose(candidates, shared, 130, 0);
  assert.deepEqual(
    all.map(({ freed, before }) => [freed, before]),
    [
      [10, 0],
      [90, 10],
      [30, 100],
    ],
  );
  assert.deepEqual(
    without(all, shared, new Set([1])).map(({ freed, before }) => [freed, before]),
    [
      [20, 0],
      [30, 20],
    ],
  );
});
