import assert from 'node:assert/strict';
import test from 'node:test';
import type { ProblemNode } from '../../../src/explorer/tree/nodes';
import { problemOf } from '../../../src/explorer/problems';
import { type State, stateOf } from '../../../src/explorer/tree/state';
import {
  CacheError,
  cacheErrorKinds,
  UnsupportedError,
} from '../../../src/store/database/CacheError';

const database = '/notebooks/__marimo__/cache/cache.db';
const problem = (error: unknown): ProblemNode => ({
  kind: 'problem',
  database,
  place: 'cache.db',
  problem: problemOf(error),
});
const damaged = problem(new CacheError('damaged', database, 'broken'));
const unsupported = problem(new UnsupportedError(database, 'linux', 'arm64', '@vscode/sqlite3'));

const states: { name: string; contents: Parameters<typeof stateOf>[0]; state: State }[] = [
  {
    name: 'nothing',
    contents: { apps: 0, problems: [], setAside: 0, settings: 0, files: 0 },
    state: 'empty',
  },
  {
    name: 'a notebook',
    contents: { apps: 1, problems: [], setAside: 0, settings: 0, files: 2 },
    state: 'ready',
  },
  {
    name: 'files alone',
    contents: { apps: 0, problems: [], setAside: 0, settings: 0, files: 1 },
    state: 'fileCache',
  },
  {
    name: 'a problem',
    contents: { apps: 0, problems: [damaged], setAside: 0, settings: 0, files: 1 },
    state: 'ready',
  },
  {
    name: 'a setting that is not followed',
    contents: { apps: 0, problems: [], setAside: 0, settings: 1, files: 0 },
    state: 'ready',
  },
  {
    name: 'a damaged cache that was set aside',
    contents: { apps: 0, problems: [], setAside: 1, settings: 0, files: 0 },
    state: 'ready',
  },
  {
    name: 'no SQLite here',
    contents: { apps: 0, problems: [damaged, unsupported], setAside: 0, settings: 0, files: 1 },
    state: 'unsupported',
  },
];

for (const { name, contents, state } of states) {
  test(`the view with ${name} is ${state}`, () => {
    assert.equal(stateOf(contents), state);
  });
}

test('every fault has words of its own; a missing SQLite names platform and package', () => {
  const kinds = cacheErrorKinds.filter((kind) => kind !== 'unsupported');
  const titles = kinds.map((kind) => {
    const { title, message } = problemOf(new CacheError(kind, database, 'the words'));
    assert.equal(message, 'the words');
    return title;
  });
  assert.ok(new Set(titles).size >= kinds.length - 1, 'words of their own');
  const { title, message } = unsupported.problem;
  assert.equal(title, '@vscode/sqlite3 does not load on linux-arm64');
  assert.match(message, /Install the build of Cellar for linux-arm64/);
});
