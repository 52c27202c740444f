import assert from 'node:assert/strict';
import test from 'node:test';
import { withoutIcons } from '../../../src/explorer/withoutIcons';

/** What VS Code takes for an icon in a line of a list (`labelWithIconsRegex`). */
const icon = /\$\(([A-Za-z0-9-]+(?:~[A-Za-z]+)?)\)/;

test('no name makes an icon in a list, and all of it can still be read', () => {
  for (const text of ['$(trash)', 'Why $$(sync~spin)?', String.raw`\$(x)`, '$($(error))']) {
    assert.doesNotMatch(withoutIcons(text), icon);
    assert.equal(withoutIcons(text).replaceAll(' ', ''), text.replaceAll(' ', ''));
  }
  assert.equal(withoutIcons("ask('Why?')"), "ask('Why?')");
});
