import assert from 'node:assert/strict';
import test from 'node:test';
import { notice as checked } from '../../../src/explorer/commands/checkReport';
import { notice as cleared, noticeLength } from '../../../src/explorer/commands/clearing';
import { summary as imported } from '../../../src/explorer/commands/importReport';
import { notice as pruned } from '../../../src/explorer/commands/pruneReport';

const amounts = { size: 12.4e9, runtime: 8970, seconds: 8970, amount: 12.42 };

const longest = {
  'a clean-up that was cancelled half-way': pruned(
    [{ ...amounts, entries: 1234, busy: false, slowest: 5 }],
    1300,
    'en',
  ),
  'a clear': cleared(
    { ...amounts, cells: 123, entries: 999, worth: 0, pinned: 0, apps: [] },
    ['a_cell_with_quite_a_long_name of a_notebook.py'],
    'cells',
    'en',
  ),
  'an import that was stopped before it took anything in': imported(
    [{ imported: 0, there: 0, cleared: 0, damaged: [], done: [], stopped: true }],
    'en',
  ),
  'a check that put much right': checked(
    [{ quarantined: 12, removed: 345, files: 678, runtime: 8970 }],
    'en',
  ),
};

for (const [what, text] of Object.entries(longest)) {
  test(`what is said of ${what} is read whole`, () => {
    assert.ok(text.length <= noticeLength, `${text.length} characters: ${text}`);
  });
}
