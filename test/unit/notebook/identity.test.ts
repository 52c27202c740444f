import assert from 'node:assert/strict';
import test from 'node:test';
import { assignCells } from '../../../src/notebook/identity';
import { normalise } from '../../../src/notebook/normalise';
import cases from '../../fixtures/identity.json';

interface TableCell {
  readonly name: string | null;
  readonly code: string;
  readonly defs: readonly string[];
  readonly knownAs?: number;
}

const appearance = ({ name, code, defs, knownAs }: TableCell) => ({
  name: name ?? undefined,
  code: normalise(code),
  defs,
  knownAs,
});

for (const { name, before, after, expect } of cases) {
  test(`identity: ${name}`, () => {
    const assignments = assignCells(
      before.map((cell) => ({ ...appearance(cell), id: cell.id, retired: cell.retired })),
      after.map(appearance),
    );
    assert.deepEqual(
      assignments.map(({ id, reason }) => ({ id: id ?? null, reason })),
      expect,
    );
  });
}

test('identity: no stored cell is given twice, in any of the cases', () => {
  for (const { before, after } of cases) {
    const ids = assignCells(
      before.map((cell) => ({ ...appearance(cell), id: cell.id, retired: cell.retired })),
      after.map(appearance),
    ).flatMap(({ id }) => (id === undefined ? [] : [id]));
    assert.equal(new Set(ids).size, ids.length);
  }
});
