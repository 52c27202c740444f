import assert from 'node:assert/strict';
import test from 'node:test';
import { inReadingOrder } from '../../../src/protocol/labels';
import {
  cellReferenceOf,
  idOf,
  mainEntry,
  referenceOf,
  shownCells,
} from '../../../src/explorer/tree/nodes';
import type { CellSummary, EntrySummary } from '../../../src/store/rows';
import { appNode, cell, cellNode, entry, entryNode, item, itemNode, now } from './exampleNodes';

test('an id stays the same whatever a thing amounts to, and differs between things', () => {
  const grown = { ...cellNode, cell: { ...cell, size: 1, name: 'other' } };
  assert.equal(idOf(grown), idOf(cellNode));
  const ids = [appNode, cellNode, entryNode, itemNode].map(idOf);
  assert.equal(new Set(ids).size, ids.length);
  assert.notEqual(idOf({ ...cellNode, database: '/elsewhere/cache.db' }), idOf(cellNode));
});

test('commands are told numbers, never paths', () => {
  const of = { cache: 0, generation: '1:2:3' };
  assert.deepEqual(referenceOf(itemNode), {
    kind: 'entry',
    ...of,
    entryId: 11,
    hash: 'abc',
    key: item.key,
  });
  assert.deepEqual(referenceOf(cellNode), { kind: 'cell', ...of, cellId: 7 });
  // What acts on cells is not led by the id of an entry, which may be another cell's by now.
  assert.deepEqual(cellReferenceOf(itemNode), { kind: 'cell', ...of, cellId: 7 });
  assert.deepEqual(cellReferenceOf(cellNode), referenceOf(cellNode));
  assert.equal(referenceOf({ kind: 'folder', name: 'work', path: '/project' }), undefined);
});

test('cells come in notebook order, those that are gone last, those that keep nothing not at all', () => {
  const make = (cellId: number, ordinal: number, rest: Partial<CellSummary> = {}): CellSummary => ({
    ...cell,
    cellId,
    ordinal,
    ...rest,
  });
  const cells = [
    make(1, 5),
    make(2, 0, { retiredAt: now }),
    make(3, 1),
    make(4, 0, { entries: 0 }),
    make(5, 10),
  ];
  assert.deepEqual(
    shownCells(cells).map(({ cellId }) => cellId),
    [3, 1, 5, 2],
  );
});

test('values come by name, behind them what nobody named, then what other cells cannot use', () => {
  const unnamed = ['manifest', 'random state', 'console output', 'return', 'ui'];
  const names = [...unnamed, 'x10', '_fig', 'x9', '_ax', 'a'];
  assert.deepEqual(
    inReadingOrder(names.map((name) => ({ ...item, name }))).map(({ name }) => name),
    [
      'a',
      'x9',
      'x10',
      'return',
      'console output',
      'ui',
      '_ax',
      '_fig',
      ...unnamed.slice(0, 2).reverse(),
    ],
  );
});

test("a cell's preview begins with the current result of the cell itself", () => {
  const make = (entryId: number, cacheName: string, current: boolean): EntrySummary => ({
    ...entry,
    entryId,
    cacheName,
    current,
  });
  const idOfMain = (entries: EntrySummary[]) => mainEntry(entries)?.entryId;
  assert.equal(
    idOfMain([make(4, 'block', true), make(3, 'cell_cache', false), make(2, 'cell_cache', true)]),
    2,
  );
  assert.equal(idOfMain([make(4, 'block', false), make(3, 'block', true)]), 3);
  assert.equal(idOfMain([make(4, 'block', false), make(3, 'block', false)]), 4);
  assert.equal(idOfMain([]), undefined);
});
