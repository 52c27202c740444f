import assert from 'node:assert/strict';
import test from 'node:test';
import { escapeMarkdown, ofSentence, plainText } from '../../../src/protocol/markdown';

const table: readonly (readonly [text: string, plain: string, markdown: string])[] = [
  ['load_data', 'load_data', 'load\\_data'],
  ['größe 数', 'größe 数', 'größe 数'],
  ['**b** `c`', '**b** `c`', '\\*\\*b\\*\\* \\`c\\`'],
  ['[a](b)', '[a](b)', '\\[a\\]\\(b\\)'],
  ['<b>&amp;', '<b>&amp;', '\\<b\\>\\&amp\\;'],
  ['a\\b', 'a\\b', 'a\\\\b'],
  ['$(bug)', '$(bug)', '\\$\\(bug\\)'],
  ['www.a.b', 'www.a.b', 'www\\.a\\.b'],
  ['http://a', 'http://a', 'http\\:\\/\\/a'],
  ['a\n# b\r\n\tc', 'a # b c', 'a \\# b c'],
  ['a\u2028b\u0000c\u0085d', 'a b c d', 'a b c d'],
  ['a\u202eb\u200bc\ufeff', 'abc', 'abc'],
  ['  a  ', 'a', 'a'],
];

for (const [text, plain, markdown] of table) {
  test(`markdown: ${JSON.stringify(text)}`, () => {
    assert.equal(plainText(text), plain);
    assert.equal(escapeMarkdown(text), markdown);
  });
}

test('markdown: long texts are cut between characters', () => {
  assert.equal(plainText('a'.repeat(80)), 'a'.repeat(80));
  assert.equal(plainText('a'.repeat(81)), `${'a'.repeat(79)}…`);
  assert.equal(plainText('𝒳'.repeat(81)), `${'𝒳'.repeat(79)}…`);
  assert.equal(plainText('𝒳'.repeat(80)), '𝒳'.repeat(80));
  assert.equal(plainText('a'.repeat(401), ofSentence), `${'a'.repeat(399)}…`);
  assert.equal(escapeMarkdown('*'.repeat(81)), `${'\\*'.repeat(79)}…`);
});
