import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { describeReasons, notCacheable, parseReasons } from '../../../src/protocol/reasons';

interface Case {
  readonly reasons: readonly unknown[];
  readonly titles?: Readonly<Record<string, string>>;
  readonly notCacheable?: boolean;
  readonly sentence: string | null;
}

const fixture = path.resolve(import.meta.dirname, '../../fixtures/reasons.json');
const cases = JSON.parse(readFileSync(fixture, 'utf8')) as Case[];

for (const [number, one] of cases.entries()) {
  test(`reason ${number} has its sentence: ${one.sentence ?? 'none'}`, () => {
    const reasons = parseReasons(JSON.stringify(one.reasons));
    const said = describeReasons(reasons, (cellId) => one.titles?.[String(cellId)]);
    assert.equal(said, one.sentence ?? undefined);
    assert.equal(notCacheable(reasons), one.notCacheable ?? false);
  });
}

test('what is no list of reasons is none', () => {
  for (const text of [undefined, '', '{', '7', 'null', '[7, null, {}, {"kind": 1}]']) {
    assert.deepEqual(parseReasons(text), []);
  }
});
