import assert from 'node:assert/strict';
import test from 'node:test';
import { findMovedApp } from '../../../src/notebook/moves';
import { normalise } from '../../../src/notebook/normalise';
import cases from '../../fixtures/moves.json';

interface TableCell {
  readonly name: string | null;
  readonly code: string;
  readonly defs: readonly string[];
}

const appearance = ({ name, code, defs }: TableCell) => ({
  name: name ?? undefined,
  code: normalise(code),
  defs,
});

for (const { name, apps, cells, expect } of cases.apps) {
  test(`moves: ${name}`, () => {
    const known = apps.map((app) => ({
      appId: app.id,
      there: app.there,
      cells: app.cells.map((cell) => ({
        ...appearance(cell),
        id: cell.id,
        retired: cell.retired,
      })),
    }));
    assert.equal(findMovedApp(known, cells.map(appearance))?.appId ?? null, expect);
  });
}
