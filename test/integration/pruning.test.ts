// Kernel and VS Code have one policy: what they say of one cache is the same, to the byte.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { SqliteLoader } from '../../src/store/SqliteLoader';
import { newestPython } from '../environment';
import { bundledPython, runNotebook } from '../kernel';
import { cachingApp } from '../notebooks';

const run = promisify(execFile);

const notebook = (n: number) => `${cachingApp}


@app.cell
def base():
    base = bytes([${n}]) * 200_000
    return (base,)


@app.cell
def same(base):
    # Its value is the one above, so that the bytes are shared.
    same = base
    return (same,)


@app.cell
def other(base):
    other = base + bytes([7, ${n}]) * 50_000
    return (other,)
`;

interface DryRun {
  readonly used: number;
  readonly frees: number;
  readonly seconds: number;
  readonly entries: readonly {
    readonly hash: string;
    readonly size: number;
    readonly reason: string;
  }[];
}

test('both say what would go, in one order, and then it goes', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'cellar-pruning-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'nb.py');
  for (const n of [1, 2, 3]) {
    await writeFile(file, notebook(n));
    await runNotebook(newestPython(), file);
  }
  const budget = 400_000;
  const dryRun = async () => {
    const { stdout } = await run(
      newestPython(),
      ['-m', 'marimo_cellar', 'prune', '--dry-run', '--json', '--budget', String(budget), '.'],
      { cwd: folder, env: { ...process.env, PYTHONPATH: bundledPython } },
    );
    return JSON.parse(stdout) as DryRun;
  };
  const loader = await SqliteLoader.open(path.join(folder, '__marimo__', 'cache', 'cache.db'));
  t.after(() => loader.close());
  const said = await dryRun();
  assert.ok(said.entries.length >= 6, JSON.stringify(said));
  const plan = await loader.upkeep.plan({
    budget: () => Promise.resolve(budget),
    now: Date.now() / 1000,
  });
  assert.ok(plan);
  assert.equal(plan.used, said.used);
  const hashes = await Promise.all(
    plan.evictions.map(async ({ candidate }) => (await loader.entry(candidate.entryId))?.hash),
  );
  assert.deepEqual(
    plan.evictions.map(({ reason, freed }, i) => ({ hash: hashes[i], size: freed, reason })),
    said.entries.map(({ hash, size, reason }) => ({ hash, size, reason })),
  );
  const done = await loader.upkeep.prune(plan.evictions, { actor: 'command' });
  assert.equal(done.entries, said.entries.length);
  assert.equal(done.size, said.frees);
  assert.ok(Math.abs(done.seconds - said.seconds) < 1e-6);
  const after = await dryRun();
  assert.deepEqual([after.used, after.entries], [said.used - said.frees, []]);
});
