import assert from 'node:assert/strict';
import test from 'node:test';
import {
  noticeLength,
  needsConfirmation,
  notice,
  question,
  sum,
  sumPlans,
  undoNotice,
} from '../../../src/explorer/commands/clearing';
import type { Clearance } from '../../../src/store/rows';

const one: Clearance = {
  apps: ['/notebooks/analysis.py'],
  cells: 1,
  entries: 2,
  size: 12_400_000,
  runtime: 9,
  amount: 0,
  worth: 0,
  pinned: 0,
};

const plan = { ...one, undoable: true };

const decisions: { name: string; plan: Partial<Clearance>; above?: number; ask: boolean }[] = [
  { name: 'one cheap cell', plan: {}, ask: false },
  { name: 'exactly the limit', plan: { runtime: 10 }, ask: false },
  { name: 'more than the limit', plan: { runtime: 10.1 }, ask: true },
  { name: 'a limit of nothing', plan: { runtime: 0.1 }, above: 0, ask: true },
  { name: 'nothing to recompute', plan: { runtime: 0 }, above: 0, ask: false },
  { name: 'little that was paid', plan: { amount: 0.01, worth: 0.6 }, ask: false },
  { name: 'what was paid', plan: { amount: 0.42, worth: 25.2 }, ask: true },
  { name: 'two cheap cells', plan: { cells: 2 }, ask: true },
  { name: 'something pinned', plan: { pinned: 1 }, ask: true },
];

for (const { name, plan, above, ask } of decisions) {
  test(`${ask ? 'asks before' : 'clears at once'}: ${name}`, () => {
    assert.equal(needsConfirmation({ ...one, ...plan }, above ?? 10), ask);
  });
}

test('says what was cleared', () => {
  assert.equal(
    notice({ ...one, runtime: 34 }, ['load of analysis.py'], 'cells', 'en'),
    'Cleared load of analysis.py: 12.4 MB, 34 s to recompute.',
  );
  assert.equal(
    notice({ ...one, runtime: 34 }, ['load_everything_and_clean of analysis.py'], 'cells', 'en'),
    'Cleared 1 cell: 12.4 MB, 34 s to recompute.',
  );
  assert.equal(
    notice({ ...one, cells: 3, runtime: 90 }, ['a', 'b', 'c'], 'cells', 'en'),
    'Cleared 3 cells: 12.4 MB, 1 min 30 s to recompute.',
  );
  assert.equal(
    notice({ ...one, amount: 0.42 }, ['ask of chat.py'], 'cells', 'en'),
    'Cleared ask of chat.py: 12.4 MB, 9 s and 0.42 to recompute.',
  );
});

test('asks about what goes, by name where it is one thing', () => {
  const single = question({ ...plan, pinned: 1 }, ['load of analysis.py'], 'cells', 'en');
  assert.equal(single.title, 'Clear what is cached for load of analysis.py?');
  assert.equal(
    single.detail,
    '1 cell, 2 results: 12.4 MB, which would take 9 s to compute again.\nOne result among them is pinned.\nThis can be undone for ten minutes.',
  );
  const paid = question(
    { ...one, entries: 1, undoable: false, amount: 0.42 },
    ['ask of analysis.py'],
    'cells',
    'en',
  );
  assert.equal(
    paid.detail,
    '1 cell: 12.4 MB, which would take 9 s to compute again, and cost 0.42.\nThis cannot be undone.',
  );
  const several = question({ ...plan, cells: 3 }, ['a', 'b', 'c'], 'cells', 'en');
  assert.equal(several.title, 'Clear what is cached for 3 cells?');
});

test('thousands are counted in groups', () => {
  const many = { ...plan, cells: 1500, entries: 2000, pinned: 1000 };
  const { title, detail } = question(many, ['a', 'b'], 'cells', 'en');
  assert.equal(title, 'Clear what is cached for 1,500 cells?');
  assert.match(detail, /^1,500 cells, 2,000 results: /);
  assert.match(detail, /^1,000 results among them are pinned\.$/m);
});

test('results that are cleared by themselves are named and counted as such', () => {
  const call = "ask('Why is the sky…') of chat.py";
  const single = { ...plan, entries: 1 };
  const asked = question(single, [call], 'results', 'en');
  assert.equal(asked.title, `Clear what is cached for ${call}?`);
  assert.match(asked.detail, /^1 result: 12\.4 MB, which would take 9 s to compute again\.\n/);
  const three = { ...plan, entries: 3 };
  assert.equal(question(three, ['a', 'b', 'c'], 'results', 'en').title, 'Clear 3 results?');
  assert.match(question(three, ['a', 'b', 'c'], 'results', 'en').detail, /^3 results: 12\.4 MB, /);
  assert.equal(
    notice({ ...single, runtime: 2 }, ["ask('Why?') of chat.py"], 'results', 'en'),
    "Cleared ask('Why?') of chat.py: 12.4 MB, 2 s to recompute.",
  );
  assert.equal(notice({ ...single, runtime: 34 }, [call], 'results', 'en'), `Cleared ${call}.`);
  assert.equal(
    notice({ ...single, runtime: 34 }, [call.repeat(2)], 'results', 'en'),
    'Cleared 1 result: 12.4 MB, 34 s to recompute.',
  );
});

test('says what came of undoing it', () => {
  const clear = { names: ['load of analysis.py'], count: '1 cell' };
  const told = (entries: number, there: number, lost: number, what = clear) =>
    undoNotice({ entries, there, lost }, what, 'en');
  assert.deepEqual(told(2, 1, 0), { text: 'Brought back load of analysis.py.', isWhole: true });
  const many = { names: ['a', 'b'], count: '2 cells' };
  assert.equal(told(2, 0, 0, many).text, 'Brought back 2 cells.');
  const long = {
    names: ['load_everything_and_clean of the_whole_of_the_analysis.py'],
    count: '1 cell',
  };
  assert.equal(told(2, 0, 0, long).text, 'Brought back 1 cell.');
  assert.deepEqual(told(0, 2, 0), {
    text: 'Nothing had to come back: it was computed again.',
    isWhole: true,
  });
  assert.deepEqual(told(1, 0, 2), {
    text: 'Brought back 1 of 3 results; the rest is gone.',
    isWhole: false,
  });
  assert.equal(told(0, 0, 2).isWhole, false);
  for (const [entries, there, lost] of [
    [1234, 0, 1234],
    [0, 0, 9],
    [0, 9, 0],
  ] as const) {
    assert.ok(told(entries, there, lost).text.length <= noticeLength);
  }
});

test('what several databases take can be undone if all of it can', () => {
  assert.equal(sumPlans([plan, plan]).undoable, true);
  assert.equal(sumPlans([plan, { ...plan, undoable: false }]).undoable, false);
});

test('what several databases give up is added up', () => {
  assert.deepEqual(sum([one, { ...one, apps: ['/notebooks/analysis.py', '/b.py'], pinned: 2 }]), {
    apps: ['/notebooks/analysis.py', '/b.py'],
    cells: 2,
    entries: 4,
    size: 24_800_000,
    runtime: 18,
    amount: 0,
    worth: 0,
    pinned: 2,
  });
  assert.equal(sum([]).cells, 0);
});
