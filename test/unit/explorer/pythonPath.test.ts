import assert from 'node:assert/strict';
import test from 'node:test';
import { inheritedPythonPath, pythonPath } from '../../../src/explorer/setup/pythonPath';

const cases: { name: string; current: string | undefined; separator?: string; result: string }[] = [
  { name: 'unset', current: undefined, result: '/c' },
  { name: 'empty', current: '', result: '/c' },
  { name: 'set', current: '/a', result: '/c:/a' },
  { name: 'several', current: '/a:/b', result: '/c:/a:/b' },
  { name: 'ending in a separator', current: '/a:', result: '/c:/a' },
  { name: 'beginning with a separator', current: ':/a', result: '/c:/a' },
  { name: 'an empty entry within', current: '/a::/b', result: '/c:/a:/b' },
  { name: 'nothing but a separator', current: ':', result: '/c' },
  { name: 'with our folder in it', current: '/a:/c', result: '/c:/a' },
  { name: 'our folder alone', current: '/c', result: '/c' },
  { name: "Windows' separator", current: 'D:\\a;E:\\b', separator: ';', result: '/c;D:\\a;E:\\b' },
  { name: 'ending in it', current: 'D:\\a;', separator: ';', result: '/c;D:\\a' },
];

for (const { name, current, separator = ':', result } of cases) {
  test(`PYTHONPATH ${name}`, () => {
    const { kind, value } = pythonPath('/c', current, separator);
    // What VS Code makes of the two kinds of mutation.
    const applied = kind === 'prepend' ? value + (current ?? '') : value;
    assert.equal(applied, result);
    assert.ok(applied.split(separator).every((entry) => entry !== ''));
  });
}

test('only a value that is sure to be there is prepended to', () => {
  assert.equal(pythonPath('/c', '/a', ':').kind, 'prepend');
  assert.equal(pythonPath('/c', undefined, ':').kind, 'replace');
});

test('the setting of terminals goes before the environment', () => {
  const environment = { PYTHONPATH: '/env' };
  assert.equal(inheritedPythonPath(undefined, environment), '/env');
  assert.equal(inheritedPythonPath({ OTHER: 'x' }, environment), '/env');
  assert.equal(inheritedPythonPath({ PYTHONPATH: '/set' }, environment), '/set');
  assert.equal(inheritedPythonPath({ PYTHONPATH: null }, environment), undefined);
  assert.equal(
    inheritedPythonPath({ PYTHONPATH: '/set:${env:PYTHONPATH}' }, environment),
    '/set:/env',
  );
  assert.equal(inheritedPythonPath({ PYTHONPATH: '${env:PYTHONPATH}' }, {}), '');
});
