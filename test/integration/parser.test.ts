import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { Notebook } from '../../src/notebook/notebook';
import { pythons } from '../environment';

/**
 * The parser against marimo itself, on the tutorials that marimo ships. They are marimo's own and
 * stay where it installed them.
 */
const script = path.resolve(import.meta.dirname, '../fixtures/cells/make.py');

interface MarimoCell {
  readonly kind: string;
  readonly name: string | null;
  readonly code: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly defs: readonly string[] | null;
}

for (const { version, python } of pythons()) {
  test(`marimo ${version}: the cells of its tutorials are those that it finds itself`, async (t) => {
    const output = execFileSync(python, [script, '--tutorials'], { encoding: 'utf8' });
    const tutorials = JSON.parse(output) as Readonly<Record<string, readonly MarimoCell[]>>;
    assert.ok(Object.keys(tutorials).length >= 8, 'marimo ships its tutorials');
    for (const [file, expected] of Object.entries(tutorials)) {
      await t.test(path.basename(file), () => {
        const cells = Notebook.parse(readFileSync(file, 'utf8'))?.cells ?? [];
        assert.ok(expected.length > 0);
        assert.deepEqual(
          cells.map(({ cell }, index) => ({
            kind: cell.kind,
            name: cell.name ?? null,
            code: cell.code,
            options: cell.options,
            defs: expected[index]?.defs ? [...cell.defs].sort() : null,
          })),
          expected,
        );
      });
    }
  });
}
