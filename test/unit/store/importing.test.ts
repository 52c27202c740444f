import assert from 'node:assert/strict';
import { access, lstat, mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { beginDatabase } from '../../../src/store/database/beginning';
import { Caches } from '../../../src/store/Caches';
import { CacheError } from '../../../src/store/database/CacheError';
import { Connection } from '../../../src/store/database/Connection';
import {
  type Import,
  importFiles,
  removeFiles,
  sizeOfFiles,
} from '../../../src/store/stock/importing';
import { formatVersion } from '../../../src/store/database/schema';
import table from '../../fixtures/imports.json';
import { audit } from './audit';
import { atEnd, makeFolder, runSql } from './cacheFolder';

type Content = string | { readonly text: string } | { readonly hex: string };
type File = (Content & { readonly time: number }) | { readonly link: string };
interface Case {
  readonly name: string;
  readonly before?: readonly string[];
  readonly files: Readonly<Record<string, File>>;
  readonly report: {
    readonly imported: number;
    readonly there: number;
    readonly cleared: number;
    readonly damaged: readonly string[];
  };
  readonly entries: readonly {
    readonly key: readonly string[];
    readonly created_at: number;
    readonly items: readonly (readonly [string, string, string, string | null, Content])[];
  }[];
  readonly left: readonly string[];
}

/** Where a folder's cache is by default, which need not be there. */
async function makePlace(t: TestContext): Promise<Import & { readonly caches: Caches }> {
  const notebooks = await makeFolder(t);
  const stock = join(notebooks, '__marimo__', 'cache');
  await mkdir(stock, { recursive: true });
  const database = join(stock, 'cache.db');
  const caches = new Caches();
  atEnd(t, async () => {
    await caches.close();
    // One case has a file of somebody's among ours.
    await audit(database, [/^unknown-file blobs\/ab\/cd\.bin/]);
  });
  return { notebooks, stock, database, caches };
}

async function lay(path: string, file: File): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  if (typeof file === 'object' && 'link' in file) {
    await symlink(file.link, path);
    return;
  }
  await writeFile(path, bytesOf(file));
  await utimes(path, file.time, file.time);
}

function bytesOf(content: Content): Buffer {
  if (typeof content === 'string') return Buffer.from(content);
  return 'hex' in content ? Buffer.from(content.hex, 'hex') : Buffer.from(content.text);
}

async function rowsOf(database: string) {
  const connection = await Connection.open(database, 'read');
  try {
    const entries = await connection.all(
      `SELECT entry_id, cache_name, cache_type, hash, loader, created_at, runtime, node, versions
       FROM entries JOIN cells USING (cell_id) JOIN apps USING (app_id)
       WHERE path = '../../imported' AND name = '(outside any cell)' AND ordinal = -1
       ORDER BY cache_name, hash`,
    );
    return await Promise.all(
      entries.map(async (row) => ({
        key: [row.cache_name, row.cache_type, row.hash, row.loader],
        created_at: row.created_at,
        facts: [row.runtime, row.node, row.versions],
        items: (
          await connection.all(
            `SELECT key, name, format, type_hint, content FROM items JOIN blobs USING (digest)
             WHERE entry_id = ? ORDER BY key`,
            Number(row.entry_id),
          )
        ).map((item) => Object.values(item)),
      })),
    );
  } finally {
    await connection.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

for (const { name, before, files, report, entries, left } of table as unknown as Case[]) {
  test(`importing: ${name}`, async (t) => {
    const place = await makePlace(t);
    const { caches, stock, database } = place;
    await beginDatabase(database);
    if (before !== undefined) await runSql(database, before.join(';'));
    for (const [key, file] of Object.entries(files)) await lay(join(stock, key), file);
    const run = async () => {
      const { done, stopped, damaged, ...counts } = await importFiles(caches, place);
      assert.equal(stopped, false);
      const told = { ...counts, damaged: damaged.map(({ key, why }) => `${key} (${why})`) };
      return { done, told };
    };
    assert.deepEqual((await run()).told, report);
    assert.deepEqual(
      await rowsOf(database),
      entries.map((entry) => ({
        ...entry,
        facts: [null, null, '{}'],
        items: entry.items.map(([key, variable, format, hint, content]) => [
          key,
          variable,
          format,
          hint,
          bytesOf(content),
        ]),
      })),
    );
    const again = await run();
    const there = report.there + report.imported;
    assert.deepEqual(again.told, { ...report, imported: 0, there });
    const lying = async () => {
      const found = await Promise.all(
        Object.keys(files).map(async (key) => ((await exists(join(stock, key))) ? [key] : [])),
      );
      return found.flat().sort();
    };
    assert.deepEqual(await lying(), Object.keys(files).sort());
    await removeFiles(caches, place, again.done);
    assert.deepEqual(await lying(), [...left].sort());
  });
}

const pickle = (size = 4) =>
  Buffer.concat([Buffer.from([0x80]), Buffer.alloc(size - 2, 5), Buffer.from('.')]);
const hashes = Array.from({ length: 30 }, (_, index) => String(index).padStart(43, 'h'));

async function layPickles(stock: string, size?: number): Promise<void> {
  for (const hash of hashes) {
    await mkdir(join(stock, 'p'), { recursive: true });
    await writeFile(join(stock, 'p', `P_${hash}.pickle`), pickle(size));
  }
}

test('an import that is stopped keeps what is done, and goes on where it was', async (t) => {
  const place = await makePlace(t);
  await layPickles(place.stock, 100_000);
  const stop = new AbortController();
  const first = await importFiles(place.caches, place, {
    signal: stop.signal,
    step: (done, total) => {
      assert.equal(total, 30);
      if (done === 7) stop.abort();
    },
  });
  assert.deepEqual([first.imported, first.stopped, first.done.length], [7, true, 7]);
  const second = await importFiles(place.caches, place);
  assert.deepEqual([second.imported, second.there, second.stopped], [23, 7, false]);
});

test('a large value is stopped in the middle, and leaves nothing half', async (t) => {
  const place = await makePlace(t);
  await layPickles(place.stock, 5 << 20);
  const stop = new AbortController();
  const stopped = importFiles(place.caches, place, { signal: stop.signal });
  const blobs = join(place.stock, 'blobs');
  // Until the first file is being written.
  while (!(await readdir(blobs).catch(() => [])).some((name) => name.startsWith('.partial'))) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  stop.abort();
  const report = await stopped;
  assert.ok(report.stopped && report.imported < 30);
  const left = (await readdir(blobs)).filter((name) => name.startsWith('.partial'));
  assert.deepEqual(left, []);
});

test('files are removed only of what is in the database whole at that moment', async (t) => {
  const place = await makePlace(t);
  await layPickles(place.stock);
  const { done } = await importFiles(place.caches, place);
  assert.equal(await sizeOfFiles(place.stock, done), 30 * 4);
  const file = join(place.stock, 'p', `P_${hashes[0] ?? ''}.pickle`);
  await runSql(
    place.database,
    `PRAGMA foreign_keys = ON; DELETE FROM entries WHERE hash = '${hashes[0] ?? ''}'`,
  );
  assert.equal(await removeFiles(place.caches, place, done), 29);
  assert.ok(await exists(file));
});

test('no folder that is a link is followed, neither to read nor to remove', async (t) => {
  const place = await makePlace(t);
  const theirs = await makeFolder(t);
  await writeFile(join(theirs, `P_${hashes[0] ?? ''}.pickle`), pickle());
  await symlink(theirs, join(place.stock, 'p'));
  const report = await importFiles(place.caches, place);
  assert.deepEqual([report.imported, report.damaged], [0, []]);
  assert.deepEqual(await readdir(theirs), [`P_${hashes[0] ?? ''}.pickle`]);
});

test('what a kernel wrote for an export is not taken for what marimo cached', async (t) => {
  const place = await makePlace(t);
  const [published, rewritten] = hashes.map((hash) => `p/P_${hash}.pickle`);
  assert.ok(published !== undefined && rewritten !== undefined);
  for (const key of [published, rewritten]) {
    await lay(join(place.stock, key), { hex: pickle().toString('hex'), time: 1_700_000_000 });
  }
  await writeFile(
    join(place.stock, '.cellar-published-0123456789abcdef.jsonl'),
    `"nb.py"\n${JSON.stringify({ [published]: [4, 1_700_000_000] })}\n${JSON.stringify({ [rewritten]: [5, 1_700_000_000] })}\n{"cut off`,
  );
  const { done } = await importFiles(place.caches, place);
  assert.deepEqual(
    done.map(({ hash }) => hash),
    [hashes[1]],
  );
});

test('where there is nothing to take in, no database is begun', async (t) => {
  const place = await makePlace(t);
  const report = await importFiles(place.caches, place);
  assert.deepEqual([report.imported, report.done], [0, []]);
  await assert.rejects(access(place.database));
});

test('a database elsewhere is begun there', async (t) => {
  const place = await makePlace(t);
  await layPickles(place.stock);
  const database = join(await makeFolder(t), 'elsewhere', 'cache.db');
  const { imported } = await importFiles(place.caches, { ...place, database });
  const connection = await Connection.open(database, 'read');
  const app = await connection.get('SELECT path FROM apps');
  await connection.close();
  assert.equal(imported, 30);
  assert.equal(join(dirname(database), String(app?.path)), join(place.notebooks, 'imported'));
  await place.caches.close();
  await audit(database);
});

for (const [kind, sql] of [
  ['newer', 'PRAGMA user_version = 9000'],
  ['foreign', 'PRAGMA application_id = 1'],
  [
    'readOnly',
    `CREATE TRIGGER later AFTER INSERT ON apps BEGIN SELECT 1; END;
     PRAGMA user_version = ${formatVersion + 1}`,
  ],
] as const) {
  test(`a database that is ${kind} takes nothing in, and its file is named`, async (t) => {
    const notebooks = await makeFolder(t);
    const stock = join(notebooks, '__marimo__', 'cache');
    await layPickles(stock, 100_000);
    const database = join(stock, 'cache.db');
    await beginDatabase(database);
    await runSql(database, sql);
    const caches = new Caches();
    atEnd(t, () => caches.close());
    await assert.rejects(importFiles(caches, { notebooks, stock, database }), (error) => {
      assert.ok(error instanceof CacheError);
      assert.ok(error.message.includes(database), error.message);
      return error.kind === kind;
    });
    assert.deepEqual(
      (await readdir(stock)).filter((name) => name === 'blobs'),
      [],
    );
  });
}
