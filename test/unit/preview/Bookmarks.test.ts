import assert from 'node:assert/strict';
import test from 'node:test';
import { Bookmarks } from '../../../src/preview/Bookmarks';

function memento(kept?: unknown): ConstructorParameters<typeof Bookmarks>[0] {
  let value: unknown = kept;
  return {
    get: () => value,
    update: (_, next) => {
      value = next;
      return Promise.resolve();
    },
  };
}

test('a database keeps its number from session to session', () => {
  const workspace = memento();
  const first = new Bookmarks(workspace);
  assert.equal(first.numberOf('/a/cache.db'), 0);
  assert.equal(first.numberOf('/b/cache.db'), 1);
  assert.equal(first.numberOf('/a/cache.db'), 0);
  const later = new Bookmarks(workspace);
  assert.equal(later.numberOf('/b/cache.db'), 1);
  assert.equal(later.databaseOf(1), '/b/cache.db');
  assert.equal(later.databaseOf(2), undefined);
});

test('what was kept by something else is no list of databases', () => {
  assert.equal(new Bookmarks(memento('/etc')).databaseOf(0), undefined);
  assert.equal(new Bookmarks(memento({ 0: '/etc' })).databaseOf(0), undefined);
});
