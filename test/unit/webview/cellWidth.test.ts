import assert from 'node:assert/strict';
import test from 'node:test';
import { cellWidth, columnWidth, mayBeCut } from '../../../webview/cellWidth';

test('a text of wide characters takes twice their number', () => {
  const cases: [string, number][] = [
    ['', 0],
    ['naïve', 5],
    ['東京都', 6],
    ['서울 1', 6],
    ['ｆｕｌｌ', 8],
    ['🎉🎉', 4],
    ['2024年', 6],
    ['x'.repeat(300), 44],
    ['東'.repeat(300), 44],
  ];
  for (const [text, width] of cases) assert.equal(cellWidth(text), width, text);
});

test('a column is as wide as its widest text, within limits', () => {
  assert.equal(columnWidth([1, 2]), 6);
  assert.equal(columnWidth([1, 20, 7]), 20);
  assert.equal(columnWidth([80]), 44);
  assert.deepEqual(['東京都', '東京都庁'].map(mayBeCut), [false, true]);
});
