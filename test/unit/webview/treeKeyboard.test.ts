import assert from 'node:assert/strict';
import test from 'node:test';
import { onKey, typeAhead } from '../../../webview/treeKeyboard';
import type { TreeMove, TreeRow } from '../../../webview/treeKeyboard';

const row = (level: number, label: string, expanded?: boolean): TreeRow => ({
  level,
  label,
  expanded,
});

// root ▾
//   alpha
//   beta ▾
//     bread
//   gamma ▸
const rows = [
  row(1, 'root', true),
  row(2, 'alpha'),
  row(2, 'beta', true),
  row(3, 'Bread'),
  row(2, 'gamma', false),
];

test('arrows, Home, End, Enter and Space do what the ARIA pattern says', () => {
  const focus = (index: number): TreeMove => ({ kind: 'focus', index });
  const cases: [number, string, TreeMove][] = [
    [0, 'ArrowDown', focus(1)],
    [4, 'ArrowDown', undefined],
    [3, 'ArrowUp', focus(2)],
    [0, 'ArrowUp', undefined],
    [3, 'Home', focus(0)],
    [0, 'Home', undefined],
    [0, 'End', focus(4)],
    [0, 'ArrowRight', focus(1)],
    [1, 'ArrowRight', undefined],
    [4, 'ArrowRight', { kind: 'expand', index: 4 }],
    [2, 'ArrowLeft', { kind: 'collapse', index: 2 }],
    [3, 'ArrowLeft', focus(2)],
    [4, 'ArrowLeft', focus(0)],
    [1, 'ArrowLeft', focus(0)],
    [4, 'Enter', { kind: 'expand', index: 4 }],
    [2, ' ', { kind: 'collapse', index: 2 }],
    [1, 'Enter', undefined],
    [1, 'Tab', undefined],
  ];
  for (const [index, key, move] of cases) {
    assert.deepEqual(onKey(rows, index, key), move, `${key} on ${rows[index]?.label}`);
  }
  assert.equal(onKey([], 0, 'ArrowDown'), undefined);
});

test('a letter goes on to the next row that begins with it, several refine', () => {
  assert.equal(typeAhead(rows, 0, 'b'), 2);
  assert.equal(typeAhead(rows, 2, 'b'), 3);
  assert.equal(typeAhead(rows, 3, 'b'), 2);
  assert.equal(typeAhead(rows, 2, 'br'), 3);
  assert.equal(typeAhead(rows, 3, 'br'), 3);
  assert.equal(typeAhead(rows, 0, 'x'), undefined);
  assert.equal(typeAhead(rows, 1, 'a'), 1);
});
