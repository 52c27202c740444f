import assert from 'node:assert/strict';
import test from 'node:test';
import { lastPage, pageOf, rowOf, turn } from '../../../webview/pager';

test('pages of 200 rows cover a table once, forwards and backwards', () => {
  for (const total of [0, 1, 199, 200, 201, 400, 1797]) {
    const forwards = [0];
    for (;;) {
      const from = forwards.at(-1) ?? 0;
      const next = turn({ from, total }, 'next');
      if (next === from) break;
      forwards.push(next);
    }
    assert.equal(forwards.at(-1), lastPage(total));
    assert.equal(forwards.length, Math.max(1, Math.ceil(total / 200)));
    const backwards = [lastPage(total)];
    while (backwards.at(-1) !== 0) {
      backwards.push(turn({ from: backwards.at(-1) ?? 0, total }, 'previous'));
    }
    assert.deepEqual(backwards.reverse(), forwards);
    assert.equal(turn({ from: 200, total }, 'first'), 0);
    assert.equal(turn({ from: 0, total }, 'last'), lastPage(total));
  }
});

test('a row is read as people write it, and stays within the table', () => {
  const cases: [string, number | undefined][] = [
    ['1', 0],
    [' 200 ', 199],
    ['1,201', 1200],
    ['1.201', 1200],
    ['1 201', 1200],
    ['1\u202f201', 1200],
    ['1797', 1796],
    ['1798', 1796],
    ['99999999999999', 1796],
    ['0', 0],
    ['', undefined],
    ['-3', undefined],
    ['ten', undefined],
    ['1e3', undefined],
  ];
  for (const [typed, row] of cases) assert.equal(rowOf(typed, 1797), row, typed);
  assert.equal(rowOf('1', 0), undefined);
});

test('the page of a row holds it', () => {
  assert.deepEqual([0, 199, 200, 1796].map(pageOf), [0, 0, 200, 1600]);
});
