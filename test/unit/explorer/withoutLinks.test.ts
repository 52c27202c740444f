import assert from 'node:assert/strict';
import test from 'node:test';
import { withoutLinks } from '../../../src/explorer/withoutLinks';

/** What VS Code takes for a link in a notification (`parseLinkedText`). */
const link = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)(?: (["'])(.+?)(\3))?\)/i;

test('no name makes a link in a notification, and all of it can still be read', () => {
  for (const text of [
    '[more](command:workbench.action.quit)',
    'a]](https://example.com "title")',
    '[[a](b)](command:c)',
    '[x]((command:y)](file:///z)',
  ]) {
    assert.doesNotMatch(withoutLinks(text), link);
    assert.equal(withoutLinks(text).replaceAll(' ', ''), text.replaceAll(' ', ''));
  }
  assert.equal(withoutLinks('load of analysis.py'), 'load of analysis.py');
});
