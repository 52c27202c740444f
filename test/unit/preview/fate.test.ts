import assert from 'node:assert/strict';
import test from 'node:test';
import type { Fate } from '../../../src/protocol/preview';
import { fateOf, newerThan } from '../../../src/preview/fate';
import type { EntrySummary } from '../../../src/store/rows';
import { entrySummary } from './examples';

const shown = entrySummary({ entryId: 7, hash: 'old', node: 'n1', createdAt: 100 });
const present: Fate = { kind: 'present' };
const outdone: Fate = { kind: 'outdone' };

test('an entry is present, outdone or cleared', () => {
  const later = entrySummary({ entryId: 8, hash: 'new', node: 'n2', createdAt: 200 });
  const earlier = entrySummary({ entryId: 6, hash: 'older', node: 'n0', createdAt: 50 });
  const hit = { ...shown, hits: 3, lastHitAt: 300 };
  // Cleared and computed again for equal inputs: SQLite may give it the same id.
  const again = entrySummary({ entryId: 7, hash: 'old', node: 'n1', createdAt: 250 });
  // The id belongs to another entry by now.
  const other = entrySummary({ entryId: 7, hash: 'x', node: 'n9', cellId: 9, createdAt: 250 });
  const back = { ...shown, current: true };
  const branch = { ...later, current: false };
  const cases: [string, EntrySummary | undefined, EntrySummary[], Fate][] = [
    ['nothing happened', shown, [shown], present],
    ['it was hit', hit, [hit, earlier], present],
    ['a newer result came', shown, [later, shown], outdone],
    ['its code came back', back, [branch, back], present],
    ['it was cleared', undefined, [], { kind: 'cleared', newer: false }],
    ['it was cleared, an older one stays', undefined, [earlier], { kind: 'cleared', newer: false }],
    ['it was cleared, a newer one stays', undefined, [later], { kind: 'cleared', newer: true }],
    ['it was computed again', again, [again], outdone],
    ['its id was given away', other, [], { kind: 'cleared', newer: false }],
  ];
  for (const [what, now, siblings, fate] of cases) {
    assert.deepEqual(fateOf(shown, now, siblings), fate, what);
  }
});

test('entries of a cached function stand beside each other while its code is the same', () => {
  const call = (entryId: number, hash: string, node: string, createdAt: number): EntrySummary =>
    entrySummary({ entryId, hash, node, createdAt, cacheName: 'expensive' });
  const first = call(1, 'a', 'n1', 100);
  assert.equal(newerThan(first, [first, call(2, 'b', 'n1', 200)]), undefined);
  const edited = call(3, 'c', 'n2', 300);
  assert.equal(newerThan(first, [first, call(2, 'b', 'n1', 200), edited]), edited);
  const ofCell = entrySummary({ entryId: 4, hash: 'd', node: 'n3', createdAt: 400 });
  assert.equal(newerThan(first, [first, ofCell]), undefined);
});

test('a call has its place taken by the same call after an edit, and by no other', () => {
  const entry = (at: number, question: string, node: string): EntrySummary =>
    entrySummary({
      ...{ entryId: at, hash: `h${at}`, node, createdAt: at, cacheName: 'ask' },
      call: [{ name: 'question', value: question }],
    });
  const shown = entry(1, "'Why?'", 'n1');
  const other = entry(3, "'Who?'", 'n2');
  assert.equal(newerThan(shown, [shown, other]), undefined);
  const same = entry(2, "'Why?'", 'n2');
  assert.equal(newerThan(shown, [shown, same, other]), same);
});

test('the newest of several is shown', () => {
  const at = (createdAt: number): EntrySummary =>
    entrySummary({ entryId: createdAt, hash: `h${createdAt}`, createdAt });
  assert.equal(newerThan(shown, [at(150), at(400), at(300)])?.entryId, 400);
});
