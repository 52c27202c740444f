import assert from 'node:assert/strict';
import test from 'node:test';
import type { Doubt } from '../../../src/protocol/standing';
import { type Said, SaidOfCells } from '../../../src/explorer/cell/SaidOfCells';

/** An answer that comes when it is told to. */
function later(): { answer: Promise<Said | undefined>; come: (said?: Said) => void } {
  let come: (said?: Said) => void = () => undefined;
  const answer = new Promise<Said | undefined>((resolve) => {
    come = resolve;
  });
  return { answer, come };
}

const disabled: Doubt = {
  state: 'disabled',
  outdated: false,
  label: 'disabled',
  reason: 'It is disabled.',
};
const gone: Said = { cache: 1, orphaned: [7], returned: [], earlier: [], doubts: [] };

test('a cell that is deleted and put back at once is no longer said to be gone', async () => {
  const said = new SaidOfCells();
  const [deleted, undone] = [later(), later()];
  const first = said.take('nb.py', deleted.answer);
  const second = said.take('nb.py', undone.answer);
  deleted.come(gone);
  undone.come();
  assert.deepEqual([await first, await second], [[], []]);
  assert.equal(said.in(1).orphaned.size, 0);
  // One after the other both are told.
  assert.deepEqual(await said.take('nb.py', Promise.resolve(gone)), [1]);
  assert.deepEqual([...said.in(1).orphaned], [7]);
  assert.deepEqual(await said.take('nb.py', Promise.resolve(undefined)), [1]);
});

test('an answer that comes late takes nothing from the one after it', async () => {
  const said = new SaidOfCells();
  const [early, late] = [later(), later()];
  const first = said.take('nb.py', early.answer);
  const second = said.take('nb.py', late.answer);
  late.come(gone);
  assert.deepEqual(await second, [1]);
  early.come();
  assert.deepEqual(await first, []);
  assert.deepEqual([...said.in(1).orphaned], [7]);
});

test('a notebook whose cache is in another place is told of in both', async () => {
  const said = new SaidOfCells();
  await said.take('nb.py', Promise.resolve(gone));
  await said.take('other.py', Promise.resolve({ ...gone, doubts: [[8, disabled]] }));
  assert.deepEqual(await said.take('nb.py', Promise.resolve({ ...gone, cache: 2 })), [1, 2]);
  assert.deepEqual([...said.in(1).doubts], [[8, disabled]]);
  assert.deepEqual([...said.in(2).orphaned], [7]);
  assert.deepEqual(await said.take('nb.py', Promise.resolve({ ...gone, cache: 2 })), []);
});
