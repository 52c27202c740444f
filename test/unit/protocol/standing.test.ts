import assert from 'node:assert/strict';
import test from 'node:test';
import type { CellState, DocumentCell } from '../../../src/protocol/cells';
import {
  doubtAbout,
  doubtAt,
  doubtIn,
  inEditors,
  isOrphaned,
  savesTime,
  standingWords,
} from '../../../src/protocol/standing';

const at = { start: { line: 0, character: 0 }, end: { line: 1, character: 0 } };
const cell: DocumentCell = {
  uri: 'file:///nb.py',
  cellId: 7,
  range: at,
  header: at,
  state: 'fresh',
  reason: 'It is.',
  label: 'it is',
  outdated: false,
  pinned: false,
};
const stand = {
  current: true,
  orphaned: false,
  retiredAt: undefined,
  obsolete: false,
  again: false,
  doubt: undefined,
};

test('what stands at a cell is doubted where no saving is told there', () => {
  const doubted: Record<CellState, boolean> = {
    fresh: false,
    changedHere: true,
    changedUpstream: true,
    changedModule: true,
    changedFile: true,
    obsolete: true,
    disabled: true,
    off: true,
    // The cache knows, and what its functions save all the same.
    again: false,
    notCacheable: true,
    unfinished: true,
    noRoom: true,
    unknown: true,
    neverCached: false,
  };
  for (const [state, isDoubted] of Object.entries(doubted) as [CellState, boolean][]) {
    assert.equal(doubtAt({ ...cell, state }) !== undefined, isDoubted, state);
  }
  const { label, reason } = cell;
  assert.deepEqual(doubtAt({ ...cell, outdated: true }), {
    state: 'fresh',
    outdated: true,
    label,
    reason,
  });
});

test('what is doubted has the words that stand at the cell, and saves nothing', () => {
  const doubt = doubtAt({ ...cell, state: 'changedHere' });
  assert.deepEqual(standingWords({ ...stand, obsolete: true, doubt }), {
    name: 'it is',
    sentence: 'It is.',
  });
  assert.equal(savesTime(stand), true);
  assert.equal(savesTime({ ...stand, doubt }), false);
  // An older result, or one whose cell is gone, would not be served anyhow.
  assert.equal(doubtIn({ ...stand, current: false, doubt }), undefined);
  assert.equal(standingWords({ ...stand, orphaned: true, retiredAt: 1, doubt }).name, 'orphaned');
  assert.ok(doubt);
  const open = {
    orphaned: new Set([1]),
    returned: new Set([3]),
    earlier: new Set([9]),
    doubts: new Map([[7, doubt]]),
  };
  assert.deepEqual(inEditors(open), {
    idle: new Set([1, 7]),
    returned: open.returned,
    earlier: open.earlier,
  });
});

test('a cell is gone as its notebook in an editor has it, or else as that last ran', () => {
  const open = {
    orphaned: new Set([1]),
    returned: new Set([3]),
    earlier: new Set<number>(),
    doubts: new Map(),
  };
  const gone = (cellId: number, retiredAt?: number) => isOrphaned({ cellId, retiredAt }, open);
  assert.deepEqual([gone(1), gone(2), gone(2, 9)], [true, false, true]);
  // It was put back, and no kernel has seen that yet.
  assert.equal(gone(3, 9), false);
});

test('where cells are not cached, their functions and blocks are', () => {
  const off = doubtAt({ ...cell, state: 'off' });
  assert.equal(doubtAbout({ cacheName: 'cell_cache' }, off), off);
  assert.equal(doubtAbout({ cacheName: 'search' }, off), undefined);
  const changed = doubtAt({ ...cell, state: 'changedHere' });
  assert.equal(doubtAbout({ cacheName: 'search' }, changed), changed);
});
