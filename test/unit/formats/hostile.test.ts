/**
 * Damaged files, made by damaging good ones: each of them gives a page or an error of ours, and none
 * takes long or much memory. A seed is printed, so that a failure can be had again with `CELLAR_SEED`.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { DecodeError } from '../../../src/formats/DecodeError';
import type { ValueFormat } from '../../../src/formats/messages';
import {
  MAX_COLUMNS,
  MAX_LONG_TEXT,
  MAX_ROWS,
  MAX_TEXT,
  MAX_TREE_DEPTH,
  MAX_TREE_NODES,
} from '../../../src/formats/limits';
import type { Page, TreeNode } from '../../../src/protocol/pages';
import { fixture, pageOf } from './fixtures';

const SEED = Number(process.env.CELLAR_SEED ?? Math.floor(Math.random() * 2 ** 31));
const ROUNDS = 60;

/** Marsaglia's xorshift: numbers that are the same on every machine. */
function random(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Flips bits, cuts the end off, or writes a number that is at its limit over four or eight bytes. */
function damage(bytes: Uint8Array, next: (below: number) => number): Uint8Array {
  const kind = next(4);
  if (kind === 0) return bytes.subarray(0, next(bytes.length));
  const broken = Buffer.from(bytes);
  for (let i = 0; i <= next(4); i += 1) {
    // Metadata is at the beginning and at the end: there, damage does most.
    const at = [next(broken.length), next(Math.min(600, broken.length))][next(2)] ?? 0;
    const place = next(2) === 0 ? at : broken.length - 1 - at;
    if (kind === 1) broken[place] = (broken[place] ?? 0) ^ (1 << next(8));
    else if (kind === 2) broken[place] = next(256);
    else {
      const extreme = [0, 1, 0x7f, 0xff, 0x80][next(5)] ?? 0;
      broken.fill(extreme, place, Math.min(broken.length, place + 2 ** next(4)));
    }
  }
  return broken;
}

function checkPage(page: Page): void {
  switch (page.kind) {
    case 'table':
      assert.ok(page.rows.length <= MAX_ROWS && page.columns.length <= MAX_COLUMNS);
      for (const row of page.rows) {
        assert.equal(row.length, page.columns.length);
        for (const text of row) assert.ok(text === null || text.length <= MAX_TEXT);
      }
      for (const { name, type, unreadable } of page.columns) {
        assert.ok(name.length <= MAX_TEXT && type.length <= MAX_TEXT);
        assert.ok(unreadable === undefined || unreadable.length < 1000);
      }
      break;
    case 'array':
      assert.ok(page.rows.length <= MAX_ROWS);
      for (const text of page.rows.flat()) assert.ok(text.length <= MAX_TEXT);
      break;
    case 'pickle':
      assert.ok(page.refersTo.length <= 501 && page.strings.length <= 100);
      if (page.root !== undefined) checkTree(page.root);
      break;
    case 'tree':
      checkTree(page.root);
      break;
    case 'random':
      for (const { name } of page.generators) assert.ok(name.length <= MAX_LONG_TEXT);
      break;
    case 'bytes':
    case 'costly':
      break;
  }
}

function checkTree(root: TreeNode): void {
  let level: readonly TreeNode[] = [root];
  let nodes = 0;
  for (let depth = 0; level.length > 0; depth += 1) {
    assert.ok(depth <= MAX_TREE_DEPTH);
    for (const { key, text } of level) {
      assert.ok(key.length <= MAX_TEXT && text.length <= MAX_LONG_TEXT);
    }
    nodes += level.length;
    level = level.flatMap(({ children }) => children ?? []);
  }
  // Each branch may have one more, which says that it is cut.
  assert.ok(nodes <= 2 * MAX_TREE_NODES);
}

const subjects: [string, ValueFormat][] = [
  ['pyarrow-plain.arrow', 'arrow'],
  ['pyarrow-lz4.arrow', 'arrow'],
  ['pyarrow-zstd.arrow', 'arrow'],
  ['pyarrow-stream.arrows', 'arrow'],
  ['polars-lz4.arrow', 'arrow'],
  ['dictionaries.arrows', 'arrow'],
  ['record.npy', 'npy'],
  ['fortran.npy', 'npy'],
  ['protocol2.pickle', 'pickle'],
  ['objects/classes.pickle', 'pickle'],
  ['objects/known.pickle', 'pickle'],
  ['objects/block.pickle', 'pickle'],
  ['frames/pandas3-objects-5.pickle', 'pickle'],
  ['frames/pandas3-extension-5.pickle', 'pickle'],
  ['frames/pandas2-several-levels-4.pickle', 'pickle'],
];

for (const [name, format] of subjects) {
  void test(`${name}, damaged ${ROUNDS} times, gives a page or an error`, async (context) => {
    context.diagnostic(`seed ${SEED}`);
    const bytes = fixture(name);
    const next = random(SEED);
    const before = process.memoryUsage().arrayBuffers;
    for (let round = 0; round < ROUNDS; round += 1) {
      const broken = damage(bytes, next);
      try {
        checkPage(await pageOf(broken, format));
      } catch (error) {
        if (error instanceof DecodeError) continue;
        throw new Error(`round ${round} of seed ${SEED}`, { cause: error });
      }
    }
    const grown = process.memoryUsage().arrayBuffers - before;
    assert.ok(grown < 500e6, `${grown} bytes of memory were taken`);
  });
}

void test('a pickle in which each list holds the one before it twice ends soon', async () => {
  // Written out, it would have two to the power of sixty members.
  const pairs = Array.from(
    { length: 60 },
    (_, at) => `](h${byte(at)}h${byte(at)}eq${byte(at + 1)}0`,
  );
  const text = `\x80\x04]q\x000${pairs.join('')}h${byte(60)}.`;
  const page = await pageOf(Buffer.from(text, 'latin1'), 'pickle');
  assert.ok(page.kind === 'pickle' && page.root !== undefined);
  checkPage(page);
});

function byte(value: number): string {
  return String.fromCharCode(value);
}
