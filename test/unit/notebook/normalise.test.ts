import assert from 'node:assert/strict';
import test from 'node:test';
import { normalise } from '../../../src/notebook/normalise';
import cases from '../../fixtures/normalise.json';

for (const { name, code, normalised } of cases) {
  test(`normalise: ${name}`, () => {
    assert.equal(normalise(code), normalised);
  });
}

test('normalise: layout and comments do not tell two codes apart', () => {
  const plain = 'def f(a, b):\n    return [a, b]\n';
  const dressed = '# f\ndef f(\n  a,  # first\n  b\n):\n\n\treturn [ a,\\\n b ]  # both';
  assert.equal(normalise(dressed), normalise(plain));
});

test('normalise: what changes the meaning tells two codes apart', () => {
  const codes = [
    'if x:\n    a\n    b',
    'if x:\n    a\nb',
    'ifx:\n    a',
    "x = 'a'",
    "x = 'a '",
    "x = f'a'",
    "x = f 'a'",
    'x = a',
    'x = "# a"',
    'x = "# b"',
    'a; b',
    'a b',
  ];
  assert.equal(new Set(codes.map(normalise)).size, codes.length);
});

test('normalise: strings nested beyond all measure end neither the stack nor the scan', () => {
  const nested = 'f"{'.repeat(20_000);
  assert.equal(normalise(`x = ${nested}`), `x=${nested}`);
  const formats = `f"${'{x:'.repeat(20_000)}"`;
  assert.equal(normalise(formats), formats);
});
