import assert from 'node:assert/strict';
import test from 'node:test';
import { hoverCommands, hoverLinks } from '../../../src/explorer/hoverLinks';
import { parseReference } from '../../../src/protocol/references';

const titles = { preview: 'Preview', clear: 'Clear' };

test('hover links: run allowed commands only, with a reference each', () => {
  const links = hoverLinks({ cellId: 7, entryId: 8 }, 2, titles) ?? '';
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
      reference: { kind: 'entry', cache: 2, entryId: 8 },
    },
    {
      title: 'Clear',
      command: 'cellar.clearCellCache',
      reference: { kind: 'cell', cache: 2, cellId: 7 },
    },
  ]);
  const allowed: readonly string[] = hoverCommands;
  for (const { command } of found) assert.ok(allowed.includes(command));
});

test('hover links: none that clears where clearing is not allowed', () => {
  const links = hoverLinks({ cellId: 7, entryId: 8 }, 2, { ...titles, clear: undefined });
  assert.match(links ?? '', /^\[Preview\]\([^)]*\)$/);
});

test('hover links: none where nothing is cached', () => {
  assert.equal(hoverLinks({ cellId: 7 }, 2, titles), undefined);
  assert.equal(hoverLinks({}, 2, titles), undefined);
});
