import assert from 'node:assert/strict';
import test from 'node:test';
import { hoverCommands, hoverLinks } from '../../../src/explorer/cell/hoverLinks';
import { parseReference } from '../../../src/protocol/references';

const changes = { clear: 'Clear', pin: 'Pin', unpin: 'Unpin' };
const database = { cache: 2, generation: '1:2:3' };
const titles = { preview: 'Preview', why: 'Why', changes };
const cell = { cellId: 7, entryId: 8, pinned: false };

test('hover links: run allowed commands only, with a reference each', () => {
  const links = hoverLinks(cell, database, titles) ?? '';
  const found = [...links.matchAll(/\[(\w+)\]\(command:([\w.]+)\?([^)]*)\)/g)].map(
    ([, title, command, query = '']) => {
      const [reference, ...others] = JSON.parse(decodeURIComponent(query)) as unknown[];
      assert.deepEqual(others, []);
      return { title, command, reference: parseReference(reference) };
    },
  );
  assert.deepEqual(found, [
    {
      title: 'Preview',
      command: 'cellar.preview',
      reference: { kind: 'entry', ...database, entryId: 8 },
    },
    {
      title: 'Clear',
      command: 'cellar.clearCellCache',
      reference: { kind: 'cell', ...database, cellId: 7 },
    },
    {
      title: 'Pin',
      command: 'cellar.pin',
      reference: { kind: 'entry', ...database, entryId: 8 },
    },
    {
      title: 'Why',
      command: 'cellar.why',
      reference: { kind: 'cell', ...database, cellId: 7 },
    },
  ]);
  const allowed: readonly string[] = hoverCommands;
  for (const { command } of found) assert.ok(allowed.includes(command));
});

test('hover links: what is pinned can be let go', () => {
  assert.match(hoverLinks({ ...cell, pinned: true }, database, titles) ?? '', /\[Unpin\]/);
});

test('hover links: none that changes anything where that is not allowed', () => {
  const links = hoverLinks(cell, database, { ...titles, changes: undefined });
  assert.match(links ?? '', /^\[Preview\]\([^)]*\) \| \[Why\]\([^)]*\)$/);
});

test('hover links: where nothing is cached, the question why; of a new cell, none', () => {
  assert.match(
    hoverLinks({ cellId: 7, pinned: false }, database, titles) ?? '',
    /^\[Why\]\([^)]*\)$/,
  );
  assert.equal(hoverLinks({ pinned: false }, database, titles), undefined);
});
