import assert from 'node:assert/strict';
import test from 'node:test';
import { sizeText } from '../../../src/formats/shorten';

void test('a size has three digits or four, in the unit in which it is less than a thousand', () => {
  const cases: [number, string][] = [
    [999, '999 bytes'],
    [1000, '1.0 kB'],
    [99_960, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [4_194_304, '4.2 MB'],
    [2 ** 50, '1126 TB'],
  ];
  for (const [size, text] of cases) assert.equal(sizeText(size), text);
});
