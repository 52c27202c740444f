import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { SqliteLoader } from '../../src/store/SqliteLoader';
import { pythons } from '../environment';
import { runNotebook } from '../kernel';

const samples = path.resolve(import.meta.dirname, '..', '..', 'sample');

/** The cells that say themselves why nothing of theirs is kept. */
const uncached = ['digits.py show_darkest'];

/** What one run met, cell by cell: `cell` or `cell (cache)` to outcome. */
async function outcomes(loader: SqliteLoader, since: number): Promise<Map<string, Set<string>>> {
  const met = new Map<string, Set<string>>();
  for (const app of await loader.apps()) {
    for (const cell of await loader.cells(app.appId)) {
      const label = `${path.basename(app.path)} ${cell.name ?? `#${cell.ordinal}`}`;
      for (const lookup of await loader.lookups(cell.cellId, 100)) {
        if (lookup.at < since) continue;
        const of = lookup.cacheName === 'cell_cache' ? label : `${label} (${lookup.cacheName})`;
        met.set(of, (met.get(of) ?? new Set()).add(lookup.outcome));
      }
    }
  }
  return met;
}

for (const { version, python } of pythons()) {
  test(`marimo ${version}: the second run of every sample is served from the cache`, async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'cellar-samples-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const notebooks = (await readdir(samples)).filter((file) => file.endsWith('.py'));
    for (const notebook of notebooks) {
      await cp(path.join(samples, notebook), path.join(folder, notebook));
    }
    const run = async (): Promise<Map<string, Set<string>>> => {
      const begun = Date.now() / 1000;
      for (const notebook of notebooks) await runNotebook(python, path.join(folder, notebook));
      const cache = path.join(folder, '__marimo__', 'cache', 'cache.db');
      const loader = await SqliteLoader.open(cache);
      try {
        return await outcomes(loader, begun);
      } finally {
        await loader.close();
      }
    };
    const first = await run();
    const second = await run();

    assert.ok(first.size >= 30, `only ${first.size} were looked up`);
    for (const [cell, met] of first) {
      assert.deepEqual([...met], ['miss'], `${cell} in the first run`);
      // A block or function inside a cell that is served is not even looked up.
      const expected = cell.endsWith(')') ? [] : [uncached.includes(cell) ? 'miss' : 'hit'];
      assert.deepEqual([...(second.get(cell) ?? [])], expected, `${cell} in the second run`);
    }

    const cache = path.join(folder, '__marimo__', 'cache');
    const files = await readdir(cache, { recursive: true, withFileTypes: true });
    const outside = files
      .filter((file) => file.isFile())
      .map((file) => path.relative(cache, path.join(file.parentPath, file.name)))
      .filter(
        (file) =>
          !/^(cache\.db(-wal|-shm|-swept|-turn)?|\.gitignore|CACHEDIR\.TAG|blobs[/\\].*)$/.test(
            file,
          ),
      );
    // marimo's own list of keys of a notebook holds no value of a cell.
    const values = outside.filter((file) => !/^\w+-[0-9a-f]{16}\.json$/.test(file));
    assert.deepEqual(values, [], 'no value of a cell lies outside cache.db and blobs/');
  });
}
