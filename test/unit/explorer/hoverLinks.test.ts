import assert from 'node:assert/strict';
import test from 'node:test';
import { type Hovered, hoverCommands, hoverLinks } from '../../../src/explorer/cell/hoverLinks';
import { parsePlace } from '../../../src/protocol/cells';
import { parseReference } from '../../../src/protocol/references';

const changes = { clear: 'Clear', pin: 'Pin', unpin: 'Unpin', turnOn: 'Turn On' };
const database = { cache: 2, generation: '1:2:3' };
const titles = { preview: 'Preview', why: 'Why', changes };
const cell = { cellId: 7, entryId: 8, pinned: false, state: 'fresh' } as const;
const place = { uri: "file:///a%20folder/it's (1)/nb.py", line: 12 };
const hovered: Hovered = { place, database, caching: true };

test('hover links: run allowed commands only, with a reference each', () => {
  const links = hoverLinks(cell, hovered, titles);
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
  assert.match(hoverLinks({ ...cell, pinned: true }, hovered, titles), /\[Unpin\]/);
});

test('hover links: none that changes anything where that is not allowed', () => {
  const links = hoverLinks(cell, hovered, { ...titles, changes: undefined });
  assert.match(links, /^\[Preview\]\([^)]*\) \| \[Why\]\([^)]*\)$/);
});

test('hover links: where nothing is cached, the question why, by the place of a cell that is new', () => {
  const about = (cell: Parameters<typeof hoverLinks>[0], known = hovered): unknown => {
    const links = hoverLinks(cell, known, titles);
    const [, query = ''] = /^\[Why\]\(command:cellar\.why\?([^()]*)\)$/.exec(links) ?? [];
    return JSON.parse(decodeURIComponent(query));
  };
  const unknown = { pinned: false, state: 'neverCached' } as const;
  const uncached = { ...unknown, cellId: 7 };
  assert.deepEqual(about(uncached), [{ kind: 'cell', ...database, cellId: 7 }]);
  const [asked] = about(unknown) as unknown[];
  assert.deepEqual(parsePlace(asked), place);
  assert.deepEqual(about(uncached, { ...hovered, database: undefined }), [place]);
});

test('hover links: where cells are not cached, the way to have it turned on', () => {
  const turnOn = /\[Turn On\]\(command:cellar\.turnOnCellCaching\) \| \[Why\]/;
  const off = { ...hovered, caching: false };
  const uncached = { pinned: false, state: 'neverCached' } as const;
  assert.match(hoverLinks(uncached, off, titles), turnOn);
  assert.match(hoverLinks({ ...cell, state: 'off' }, off, titles), turnOn);
  for (const [about, known, allowed] of [
    [cell, off, titles],
    [uncached, hovered, titles],
    [uncached, { ...hovered, caching: undefined }, titles],
    [uncached, off, { ...titles, changes: undefined }],
  ] as const) {
    assert.doesNotMatch(hoverLinks(about, known, allowed), /turnOn/);
  }
});
