import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { Notebook } from '../../src/notebook/notebook';
import { pythons } from '../environment';
import { generateNotebooks } from '../generatedNotebooks';

/**
 * The parser against marimo itself: on the tutorials that marimo ships, which are marimo's own and
 * stay where it installed them, and on generated notebooks. `CELLAR_SEED` generates others.
 */
const script = path.resolve(import.meta.dirname, '../fixtures/cells/make.py');
const seed = Number(process.env.CELLAR_SEED ?? 500);
const generated = 500;

interface MarimoCell {
  readonly kind: string;
  readonly name: string | null;
  readonly code: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly defs: readonly string[] | null;
}

/** What marimo finds in each of the files it is asked for. */
function askMarimo(python: string, args: readonly string[]): Map<string, readonly MarimoCell[]> {
  const output = execFileSync(python, [script, ...args], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return new Map(
    Object.entries(JSON.parse(output) as Readonly<Record<string, readonly MarimoCell[]>>),
  );
}

function compare(text: string, expected: readonly MarimoCell[]): void {
  const cells = Notebook.parse(text)?.cells ?? [];
  const found = cells.map(({ cell }, index) => ({
    kind: cell.kind,
    name: cell.name ?? null,
    code: cell.code,
    options: cell.options,
    defs: expected[index]?.defs ? [...cell.defs].sort() : null,
  }));
  assert.deepEqual(
    // marimo makes an unparsable cell of one with an error in it, with whatever stands around; for
    // us it stays what it is being typed as. All others have to be as marimo finds them.
    found.map((cell, index) => {
      const isBroken = expected[index]?.kind === 'unparsable' && cell.kind === 'cell';
      return isBroken ? expected[index] : cell;
    }),
    expected,
  );
}

for (const { version, python } of pythons()) {
  test(`marimo ${version}: the cells of its tutorials are those that it finds itself`, async (t) => {
    const tutorials = askMarimo(python, ['--tutorials']);
    assert.ok(tutorials.size >= 8, 'marimo ships its tutorials');
    for (const [file, expected] of tutorials) {
      await t.test(path.basename(file), async () => {
        assert.ok(expected.length > 0);
        const text = await readFile(file, 'utf8');
        compare(text, expected);
        compare(`\ufeff${text.replaceAll('\n', '\r\n')}`, expected);
      });
    }
  });

  test(`marimo ${version}: so are the cells of ${generated} generated notebooks`, async (t) => {
    t.diagnostic(`seed ${seed}`);
    const folder = await mkdtemp(path.join(tmpdir(), 'cellar-parser-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const texts = new Map(
      generateNotebooks(generated, seed).map((text, index) => [
        path.join(folder, `${index}.py`),
        text,
      ]),
    );
    for (const [file, text] of texts) await writeFile(file, text);
    const found = askMarimo(python, [...texts.keys()]);
    const kinds = new Set<string>();
    for (const [file, text] of texts) {
      const expected = found.get(file) ?? [];
      for (const { kind } of expected) kinds.add(kind);
      try {
        compare(text, expected);
      } catch (error) {
        throw new Error(`notebook ${path.basename(file)} of seed ${seed}:\n${text}`, {
          cause: error,
        });
      }
    }
    assert.deepEqual([...kinds].sort(), ['cell', 'class', 'function', 'setup', 'unparsable']);
  });
}
