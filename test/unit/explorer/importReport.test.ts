import assert from 'node:assert/strict';
import test from 'node:test';
import { notice, question, summary } from '../../../src/explorer/commands/importReport';
import type { Imported } from '../../../src/store/stock/importing';

const nothing: Imported = {
  imported: 0,
  there: 0,
  cleared: 0,
  damaged: [],
  done: [],
  stopped: false,
};

test('a report says what was imported and what was there, and the rest where there is any', () => {
  assert.equal(summary([nothing], 'en'), 'Results from files: 0 imported, 0 there already.');
  assert.equal(
    summary(
      [
        { ...nothing, imported: 3, cleared: 1 },
        { ...nothing, imported: 1999, there: 2, damaged: [{ key: 'a', why: 'it is not whole' }] },
      ],
      'en',
    ),
    'Results from files: 2,002 imported, 2 there already, 1 cleared before and left out, 1 damaged and left where they are.',
  );
});

test('a report of an import that was stopped says how to go on', () => {
  assert.equal(
    summary([{ ...nothing, imported: 7, stopped: true }], 'en'),
    'Stopped: 7 imported, 0 there already. Run it again to go on.',
  );
});

test('the question says how many bytes go', () => {
  const { title, detail } = question(2000, 12_400_000, 'en');
  assert.equal(title, 'Remove the files of 2,000 results?');
  assert.match(detail, /^12\.4 MB in marimo/);
  assert.equal(question(1, 5, 'en').title, 'Remove the files of 1 result?');
  assert.equal(notice(1, 'en'), 'The files of 1 result were removed.');
  assert.equal(notice(4000, 'en'), 'The files of 4,000 results were removed.');
});
