/** The cache behind a notebook: where it is, as it changes, and where it cannot be read. */
import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { pathToFileURL } from 'node:url';
import { isSameGeneration } from '../../../src/store/database/generation';
import { SqliteLoader } from '../../../src/store/SqliteLoader';
import { creation, makeNotebookFolder, runSql, savedRows } from './notebookFolder';
import { load, notebook, openNotebook, start } from './openNotebook';

test('server: what another process commits is announced', async (t) => {
  const { client, uri, database } = await openNotebook(t, { cells: [] });
  assert.match((await client.hoverLines(uri, 5)).join('/'), /^Not in the cache\. [^/]*$/);
  // That it was opened is announced, too.
  await client.until(() => Promise.resolve(client.changes.length > 0));
  const announced = client.nextChange();
  await runSql(database, savedRows([load]));
  await announced;
  assert.equal((await client.cells(uri)).cells[0]?.state, 'fresh');
  assert.ok(client.changes.every((changed) => changed === uri));
});

test('server: a cache that comes, goes and comes again is followed', async (t) => {
  const { notebook: file, database } = await makeNotebookFolder(t);
  const client = await start(t);
  const uri = await client.open(file, notebook());
  const nothingYet =
    'Nothing of this notebook is cached yet. marimo caches it once it has run. A cell of plain Markdown it may show without a run.';
  assert.deepEqual(await client.hoverLines(uri, 5), [nothingYet]);
  const until = async (state: string) => {
    await client.until(async () => (await client.cells(uri)).cells[0]?.state === state);
  };
  await runSql(database, creation + savedRows([load]));
  await until('fresh');
  const { generation = '' } = await client.cells(uri);
  for (const suffix of ['', '-wal', '-shm']) await rm(database + suffix, { force: true });
  await until('neverCached');
  assert.deepEqual(await client.hoverLines(uri, 5), [nothingYet]);
  assert.equal((await client.cells(uri)).generation, undefined);
  await runSql(database, creation + savedRows([load]));
  await until('fresh');
  const { generation: now = '' } = await client.cells(uri);
  assert.ok(
    !isSameGeneration(now, generation),
    'an id of the first is known to be none of the next',
  );
  const loader = await SqliteLoader.open(database);
  assert.ok(isSameGeneration(now, await loader.generation()), 'others call it the same');
  await loader.close();
});

test('server: file events of the client hasten the look', async (t) => {
  const { client, uri, database } = await openNotebook(t, { cells: [] });
  await client.cells(uri);
  await runSql(database, savedRows([load]));
  await client.connection.sendNotification('workspace/didChangeWatchedFiles', {
    changes: [{ uri: pathToFileURL(`${database}-wal`).toString(), type: 2 }, { uri: 'untitled:x' }],
  });
  await client.until(async () => (await client.cells(uri)).cells[0]?.state === 'fresh');
});

test('server: a cache that cannot be read has a sentence of its own', async (t) => {
  const cases: readonly (readonly [string, (database: string) => Promise<void>, string])[] = [
    [
      'newer',
      (database) => runSql(database, `${creation} PRAGMA user_version = 2000;`),
      'A newer Cellar made this cache. Update Cellar to read it.',
    ],
    [
      'foreign',
      (database) => runSql(database, 'CREATE TABLE t (x); PRAGMA application_id = 7;'),
      'The file in the place of the cache is not one of Cellar.',
    ],
    [
      'no database',
      (database) => writeFile(database, 'something else, '.repeat(1000)),
      'The file in the place of the cache is not one of Cellar.',
    ],
  ];
  for (const [name, make, sentence] of cases) {
    await t.test(name, async (t) => {
      const { notebook: file, database } = await makeNotebookFolder(t);
      await make(database);
      const client = await start(t);
      const uri = await client.open(file, notebook());
      assert.deepEqual(await client.hoverLines(uri, 5), [sentence]);
      const { cells, database: named } = await client.cells(uri);
      assert.equal(named, undefined);
      assert.deepEqual(
        cells.map(({ state, reason }) => [state, reason]),
        cells.map(() => ['unknown', sentence]),
      );
    });
  }
});

test('server: cells of a cache that is damaged while it is open are as the hover says', async (t) => {
  const { notebook: file, database } = await makeNotebookFolder(t);
  await runSql(database, creation);
  await runSql(database, savedRows([load]));
  const client = await start(t);
  const uri = await client.open(file, notebook());
  await client.cells(uri);
  await writeFile(database, 'something else, '.repeat(10_000));
  const [sentence] = await client.hoverLines(uri, 5);
  assert.equal(
    sentence,
    'The cache is damaged and cannot be read. The next run takes what is whole from it.',
  );
  const { cells } = await client.cells(uri);
  assert.deepEqual(new Set(cells.map(({ reason }) => reason)), new Set([sentence]));
});

test('server: rows that tell lies are a damaged cache, and no failure', async (t) => {
  const { client, uri } = await openNotebook(t, { cells: [load] });
  const { database } = await client.cells(uri);
  // That it was opened is announced, too.
  await client.until(() => Promise.resolve(client.changes.length > 0));
  const announced = client.nextChange();
  await runSql(database ?? '', "UPDATE cells SET code = x'00'");
  await announced;
  assert.deepEqual(await client.hoverLines(uri, 5), [
    'The cache is damaged and cannot be read. The next run takes what is whole from it.',
  ]);
});

test("server: a notebook's cache is where the project says, also when that changes", async (t) => {
  const { notebook: file, database: usual } = await makeNotebookFolder(t);
  const folder = path.dirname(file);
  const chosen = path.join(folder, 'caches', 'one', 'cache.db');
  await mkdir(path.dirname(chosen), { recursive: true });
  await runSql(usual, creation + savedRows([]));
  await runSql(chosen, creation + savedRows([load]));
  const project = path.join(folder, 'pyproject.toml');
  const caching = '[tool.marimo.runtime]\ncache_cells = true\n';
  await writeFile(project, `${caching}[tool.cellar]\npath = 'caches/one'\n`);
  const client = await start(t);
  const uri = await client.open(file, notebook());
  const first = await client.cells(uri);
  assert.equal(first.database, chosen);
  assert.equal(first.cells[0]?.state, 'fresh');
  const until = async (database: string) => {
    await client.until(async () => (await client.cells(uri)).database === database);
  };
  await writeFile(project, "[tool.cellar]\npath = '../outside'\n");
  await until(usual);
  assert.equal((await client.cells(uri)).cells[0]?.state, 'neverCached');
  await rm(project);
  await client.cells(uri);
  await writeFile(project, `${caching}[tool.cellar]\npath = 'caches/one'\n`);
  await until(chosen);
  // Whether cells are cached is looked for on its own, half a second later at the most.
  await client.until(async () => (await client.cells(uri)).cells[0]?.state === 'fresh');
});
