/** What files and modules that changed make of the cells of a notebook. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { findChanges } from '../../../src/server/changes';

const file = (path: string) => ({
  path,
  named: false,
  changedAt: path.startsWith('gone') ? undefined : 1,
});

/** By a cell's place, the file of it that changed; and, its own first, the cells that it stands on. */
const notebook: { readonly changed?: string; readonly standsOn: readonly number[] }[] = [
  { changed: 'helper.py', standsOn: [0] },
  { standsOn: [1, 0] },
  { changed: 'data.csv', standsOn: [2, 1, 0] },
  { standsOn: [3] },
  { changed: 'other.py', standsOn: [4, 1, 0] },
  { standsOn: [5, 4, 1, 0] },
  { changed: 'gone.csv', standsOn: [6] },
];

const changes = ({ reloads = false, recomputes = false }) =>
  findChanges({
    count: notebook.length,
    standsOn: (index) => notebook[index]?.standsOn ?? [],
    find: (index, which) => {
      const changed = notebook[index]?.changed;
      if (changed === undefined) return Promise.resolve(undefined);
      const isWanted = {
        all: true,
        modules: changed.endsWith('.py'),
        changed: changed !== 'gone.csv',
      };
      return Promise.resolve(isWanted[which] ? file(changed) : undefined);
    },
    reloads,
    recomputes,
  });

test('changes: where modules are not loaded anew, they are files like any other', async () => {
  assert.deepEqual(await changes({}), [
    { kind: 'file', file: file('helper.py') },
    undefined,
    { kind: 'file', file: file('data.csv') },
    undefined,
    { kind: 'file', file: file('other.py') },
    undefined,
    { kind: 'file', file: file('gone.csv') },
  ]);
});

test('changes: where they are, cells below may be computed anew, by the nearest such cell', async () => {
  assert.deepEqual(await changes({ reloads: true }), [
    { kind: 'module', file: file('helper.py') },
    { kind: 'upstream', by: 0 },
    { kind: 'file', file: file('data.csv') },
    undefined,
    { kind: 'module', file: file('other.py') },
    { kind: 'upstream', by: 4 },
    { kind: 'file', file: file('gone.csv') },
  ]);
});

test('changes: what is computed anew on a change is not served, but for what is gone', async () => {
  assert.deepEqual(await changes({ recomputes: true }), [
    { kind: 'recomputed', file: file('helper.py') },
    { kind: 'upstream', by: 0 },
    { kind: 'recomputed', file: file('data.csv') },
    undefined,
    { kind: 'recomputed', file: file('other.py') },
    { kind: 'upstream', by: 4 },
    { kind: 'file', file: file('gone.csv') },
  ]);
});
