import assert from 'node:assert/strict';
import test from 'node:test';
import { floatText } from '../../../src/formats/numbers';

void test('floats are written as numpy writes them, in each precision', () => {
  // By `str(np.float16(…))` and so on, of numpy 2.4.
  const cases: [number, 16 | 32 | 64, string][] = [
    [999, 16, '999.0'],
    [1000, 16, '1e+03'],
    [-5.3125, 16, '-5.312'],
    [0.00010001659393310547, 16, '0.0001'],
    [999_999.5, 32, '999999.5'],
    [1_000_000, 32, '1e+06'],
    [1_871_766.25, 32, '1.8717662e+06'],
    [Math.fround(0.0001), 32, '1e-04'],
    [0.0001, 64, '0.0001'],
    [9_007_199_254_740_992, 64, '9007199254740992.0'],
    [1e16, 64, '1e+16'],
    [1e-5, 64, '1e-05'],
  ];
  for (const [value, bits, text] of cases) assert.equal(floatText(value, bits), text);
});
