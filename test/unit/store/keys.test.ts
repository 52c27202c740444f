import assert from 'node:assert/strict';
import test from 'node:test';
import { formatOf, readKey, stemOf } from '../../../src/store/entries/keys';
import cases from '../../fixtures/keys.json';

for (const { key, stem, format, ...means } of cases) {
  test(`the key ${key}`, () => {
    const meaning = readKey(key);
    const { entry, part } = means as { entry?: string[]; part?: string[] };
    if (entry !== undefined) {
      const [cacheName, cacheType, hash, loader] = entry;
      assert.deepEqual(meaning, { kind: 'entry', entry: { cacheName, cacheType, hash, loader } });
    } else if (part !== undefined) {
      const [cacheName, hash] = part;
      assert.deepEqual(meaning, { kind: 'part', cacheName, hash });
    } else {
      const slash = key.lastIndexOf('/');
      assert.equal(meaning.kind, 'other');
      assert.equal(meaning.entry.cacheName, key.slice(0, Math.max(0, slash)));
      assert.equal(meaning.entry.hash, key.slice(slash + 1));
    }
    assert.equal(stemOf(key), stem);
    assert.equal(formatOf(key), format);
  });
}

test("marimo's own list of a notebook's keys is told apart by its name", () => {
  assert.equal(readKey('analysis-0123456789abcdef.json').kind, 'notebook');
  assert.equal(readKey('name/analysis-0123456789abcdef.json').kind, 'other');
  assert.equal(readKey('analysis-0123456789abcdeg.json').kind, 'other');
});
