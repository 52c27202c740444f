import assert from 'node:assert/strict';
import { win32 } from 'node:path';
import test from 'node:test';
import { isOnAnotherHost } from '../../../src/store/settings/hosts';

for (const { folder, stored, another } of [
  { folder: 'C:\\work', stored: 'analysis.py', another: false },
  { folder: 'C:\\work', stored: '../other/analysis.py', another: false },
  { folder: 'C:\\work', stored: 'D:/other/analysis.py', another: false },
  { folder: 'C:\\work', stored: '\\\\host\\share\\analysis.py', another: true },
  { folder: 'C:\\work', stored: '//host/share/analysis.py', another: true },
  { folder: 'C:\\work', stored: '\\\\host@SSL\\share\\analysis.py', another: true },
  { folder: 'C:\\work', stored: '\\\\?\\UNC\\host\\share\\analysis.py', another: true },
  { folder: 'C:\\work', stored: '//./UNC/host/share/analysis.py', another: true },
  { folder: '\\\\host\\share\\work', stored: 'analysis.py', another: false },
  { folder: '\\\\host\\share\\work', stored: '\\\\HOST\\other\\analysis.py', another: false },
  { folder: '\\\\host\\share\\work', stored: '\\\\other\\share\\analysis.py', another: true },
  { folder: '\\\\?\\UNC\\host\\share', stored: '\\\\?\\UNC\\other\\share', another: true },
]) {
  test(`${stored} in ${folder} is on ${another ? 'another' : 'the same'} host`, () => {
    assert.equal(isOnAnotherHost(win32.resolve(folder, stored), folder), another);
  });
}

test('elsewhere than on Windows no path leads to a host', () => {
  assert.equal(isOnAnotherHost('/work/\\\\host\\share', '/work'), false);
});
