import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { type Kept, readKept, renewed, writeKept } from '../../../bench/kept';
import { parseOptions } from '../../../bench/options';

const machine = { python: '3.11', sqlite: '3.40', versions: {}, folder: 'ext4', cold: 'fadvise' };

function kept(date: string, results: Readonly<Record<string, number>>, figures: string[]): Kept {
  return {
    machine,
    results: Object.entries(results).map(([id, ratio]) => ({
      ...{ id, ratio, date, load: 1, subject: 'cellar', rounds: 7 },
      ...{ low: ratio, high: ratio, median: ratio, base: 1, unit: 's' as const },
    })),
    figures: figures.map((what) => ({ name: 'hover', what, value: date, how: '', date, load: 1 })),
  };
}

const ids = ['put/1kB', 'hit', 'miss'];

test('what is measured anew takes the place of what it was, and nothing else changes', () => {
  const before = kept('2026-11-01', { hit: 2, 'put/1kB': 3, gone: 4 }, ['warm', 'after an edit']);
  const now = kept('2026-11-02', { miss: 1, hit: 0.5 }, ['warm']);
  const after = renewed(before, now, ids);
  assert.deepEqual(
    after.results.map(({ id, ratio, date }) => [id, ratio, date]),
    [
      ['put/1kB', 3, '2026-11-01'],
      ['hit', 0.5, '2026-11-02'],
      ['miss', 1, '2026-11-02'],
    ],
  );
  // A workload's figures go together: one that it has no more is not left behind.
  assert.deepEqual(
    after.figures.map(({ what, value }) => [what, value]),
    [['warm', '2026-11-02']],
  );
});

test('what is kept is read again, and where nothing is kept there is nothing', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'cellar-kept-'));
  assert.equal(await readKept(folder), undefined);
  const written = renewed(undefined, kept('2026-11-01', { hit: 2 }, ['warm']), ids);
  await writeKept(folder, written);
  assert.deepEqual(await readKept(folder), written);
});

test('a few rounds, or a quick run, are not saved', () => {
  assert.throws(() => parseOptions(['--save', '--quick']), /at least 7/);
  assert.throws(() => parseOptions(['--save', '--rounds', '6']), /at least 7/);
  assert.ok(parseOptions(['--save', '--rounds', '7', '--only', 'put']).save);
});
