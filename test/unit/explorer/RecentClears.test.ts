import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import {
  keptFor,
  type RecentClear,
  RecentClears,
} from '../../../src/explorer/commands/RecentClears';
import type { BroughtBack } from '../../../src/store/rows';

const whole: BroughtBack = { entries: 2, there: 0, lost: 0 };

class Clear implements RecentClear {
  readonly count = '1 cell';
  readonly undos = [this];
  isForgotten = false;
  results: (BroughtBack | Error)[] = [whole];

  constructor(readonly names: readonly string[]) {}

  bringBack(): Promise<BroughtBack> {
    assert.ok(!this.isForgotten);
    const result = this.results.shift();
    return result instanceof Error ? Promise.reject(result) : Promise.resolve(result ?? whole);
  }

  forget(): Promise<void> {
    this.isForgotten = true;
    return Promise.resolve();
  }
}

function make(t: TestContext, count: number) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const told: boolean[] = [];
  const recent = new RecentClears((any) => {
    told.push(any);
  }, assert.ifError);
  const clears = Array.from({ length: count }, (_, i) => new Clear([`${i}`]));
  for (const clear of clears) recent.add(clear);
  const [first, second, third] = clears;
  assert.ok(first);
  return { recent, told, clears, first, second, third };
}

test('the last clear is undone first, and each only once', async (t) => {
  const { recent, told, first, second } = make(t, 2);
  assert.equal(recent.last, second);
  assert.ok(second);
  const [done, again] = await Promise.all([recent.undo(second), recent.undo(second)]);
  assert.deepEqual([done, again], [whole, undefined]);
  assert.ok(second.isForgotten && !first.isForgotten);
  assert.equal(recent.last, first);
  assert.equal(told.at(-1), true);
  await recent.undo(first);
  assert.equal(recent.last, undefined);
  assert.equal(told.at(-1), false);
});

test('a clear is forgotten after ten minutes, and with all others at the end', async (t) => {
  const { recent, told, first } = make(t, 1);
  t.mock.timers.tick(keptFor - 1);
  assert.ok(!first.isForgotten);
  const second = new Clear(['later']);
  recent.add(second);
  t.mock.timers.tick(1);
  assert.deepEqual([first.isForgotten, second.isForgotten], [true, false]);
  assert.equal(await recent.undo(first), undefined);
  assert.equal(told.at(-1), true);
  await recent.close();
  assert.ok(second.isForgotten);
  assert.equal(told.at(-1), false);
});

test('of many clears the last three are kept', (t) => {
  const { clears } = make(t, 5);
  assert.deepEqual(
    clears.map(({ isForgotten }) => isForgotten),
    [true, true, false, false, false],
  );
});

test('what failed can be tried again, in its old place', async (t) => {
  const { recent, first, second, third } = make(t, 3);
  assert.ok(second && third);
  second.results = [new Error('locked'), whole];
  await assert.rejects(recent.undo(second), /locked/);
  assert.ok(!second.isForgotten);
  assert.equal(recent.last, third);
  await recent.undo(third);
  assert.equal(recent.last, second);
  assert.deepEqual(await recent.undo(second), whole);
  assert.equal(recent.last, first);
});

test('a clear of which something is missing waits for those after it, and for nothing else', async (t) => {
  const { recent, first, second } = make(t, 2);
  assert.ok(second);
  const part = { entries: 1, there: 0, lost: 1 };
  first.results = [part, part];
  assert.deepEqual(await recent.undo(first), part);
  assert.ok(!first.isForgotten);
  await recent.undo(second);
  assert.deepEqual(await recent.undo(first), part);
  assert.ok(first.isForgotten);
});

test('what several databases bring back is added up', async (t) => {
  const { recent } = make(t, 1);
  const one = new Clear(['a']);
  const other = new Clear(['b']);
  other.results = [{ entries: 1, there: 3, lost: 0 }];
  const both = { names: ['a', 'b'], count: '2 cells', undos: [one, other] };
  recent.add(both);
  assert.deepEqual(await recent.undo(both), { entries: 3, there: 3, lost: 0 });
  assert.ok(one.isForgotten && other.isForgotten);
});
