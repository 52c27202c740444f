/** What is said of a notebook's cells. */
import assert from 'node:assert/strict';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import type { Explanation } from '../../../src/protocol/cells';
import { makeNotebookFolder, type SavedCell } from './notebookFolder';
import { load, notebook, openNotebook, plot, start, tail } from './openNotebook';

/** Two notebooks and the cache that kernels made of them. */
const fixtures = path.resolve(__dirname, '../../fixtures/store/python');

test('server: cells with their ids, lines, states and reasons', async (t) => {
  const { client, uri, database } = await openNotebook(t);
  const result = await client.cells(uri);
  assert.equal(result.database, database);
  assert.deepEqual(result.cells, [
    {
      uri,
      cellId: 1,
      entryId: 1,
      name: 'load',
      range: { start: { line: 5, character: 0 }, end: { line: 8, character: 16 } },
      header: { start: { line: 5, character: 0 }, end: { line: 6, character: 15 } },
      state: 'fresh',
      reason: 'In the cache, and the code is as saved.',
      label: 'cached, saves 34 s',
      saves: 33.5,
      outdated: false,
      pinned: false,
    },
    {
      uri,
      cellId: 2,
      entryId: 2,
      range: { start: { line: 11, character: 0 }, end: { line: 14, character: 19 } },
      header: { start: { line: 11, character: 0 }, end: { line: 12, character: 16 } },
      state: 'fresh',
      reason: 'In the cache, and the code is as saved.',
      label: 'cached, saves 2 s',
      saves: 2,
      outdated: false,
      pinned: false,
    },
    {
      uri,
      cellId: 3,
      name: 'tail',
      range: { start: { line: 17, character: 0 }, end: { line: 20, character: 10 } },
      header: { start: { line: 17, character: 0 }, end: { line: 18, character: 16 } },
      state: 'neverCached',
      reason: 'Not in the cache.',
      label: 'not cached',
      outdated: false,
      pinned: false,
    },
  ]);
  assert.deepEqual(result.orphaned, []);
});

test('server: a hit of a cell that makes UI elements is told as the run that it was', async (t) => {
  const reasons = [{ kind: 'ui', names: ['df'] }];
  const control: SavedCell = { ...load, lookup: { outcome: 'hit', seconds: 0.5, reasons } };
  const { client, uri } = await openNotebook(t, { cells: [control, plot, tail] });
  const { state, label } = (await client.cells(uri)).cells[0] ?? {};
  assert.deepEqual([state, label], ['again', 'runs each time']);
  const [standing, lastRun] = await client.hoverLines(uri, 5);
  assert.match(standing ?? '', /UI elements are made anew in every run/);
  assert.equal(lastRun, 'Last run: computed again, though it was in the cache, 2 h ago.');
});

test('server: of a cell whose last run failed that is said, not that it never can be cached', async (t) => {
  const reasons = [{ kind: 'first' }, { kind: 'raised', name: 'ZeroDivisionError' }];
  const failed: SavedCell = { ...tail, lookup: { outcome: 'miss', reasons } };
  const { client, uri } = await openNotebook(t, { cells: [load, plot, failed] });
  const { state, label, reason } = (await client.cells(uri)).cells[2] ?? {};
  assert.deepEqual([state, label], ['unfinished', 'did not finish']);
  assert.equal(reason, 'Its last run did not finish, and nothing of it was kept.');
  const [standing, lastRun] = await client.hoverLines(uri, 17);
  assert.match(standing ?? '', /^Not kept.*: its last run ended in ZeroDivisionError/);
  assert.doesNotMatch(lastRun ?? '', /ZeroDivisionError/);
  const explained: Explanation | null = await client.connection.sendRequest('cellar/explain', {
    uri,
    line: 17,
  });
  const { detail = '' } = explained ?? {};
  assert.match(detail, /^Not kept: .* The next run computes it, and keeps what comes of it/);
});

test('server: of a cell for whose result there was no room that is said', async (t) => {
  const reasons = [{ kind: 'first' }, { kind: 'full' }];
  const unsaved: SavedCell = { ...tail, lookup: { outcome: 'miss', reasons } };
  const { client, uri } = await openNotebook(t, { cells: [load, plot, unsaved] });
  const { state, label } = (await client.cells(uri)).cells[2] ?? {};
  assert.deepEqual([state, label], ['noRoom', 'not saved, the disk was full']);
  const [standing, lastRun] = await client.hoverLines(uri, 17);
  assert.match(standing ?? '', /^Not kept.*: the disk was full/);
  assert.doesNotMatch(lastRun ?? '', /the disk was full/);
});

test('server: an edit changes the states of the cell and of those below it', async (t) => {
  const { client, uri } = await openNotebook(t);
  await client.edit(uri, 2, notebook('df = read("b.csv")'));
  const { cells } = await client.cells(uri);
  assert.deepEqual(
    cells.map(({ cellId, state }) => [cellId, state]),
    [
      [1, 'changedHere'],
      [2, 'changedUpstream'],
      [3, 'neverCached'],
    ],
  );
  assert.equal(
    cells[1]?.reason,
    'In the cache, but load, which it needs, has changed. It may still hit.',
  );
  assert.deepEqual(
    cells.map(({ label }) => label),
    ['changed here', 'changed upstream: load', 'not cached'],
  );
  assert.equal(
    (await client.hoverLines(uri, 5))[0],
    'In the cache, but the code has changed since. It took 34 s.',
  );
  await client.edit(uri, 3, notebook('df = read(  "a.csv"  )  # the same'));
  assert.equal((await client.cells(uri)).cells[1]?.state, 'fresh');
});

test('server: a cell that the file disables is not said to be served, nor what needs it', async (t) => {
  const { client, uri } = await openNotebook(t);
  const disabled = notebook().replace('@app.cell\ndef load', '@app.cell(disabled=True)\ndef load');
  await client.edit(uri, 2, disabled);
  const { cells } = await client.cells(uri);
  assert.deepEqual(
    cells.slice(0, 2).map(({ state, label, saves, entryId }) => [state, label, saves, entryId]),
    [
      ['disabled', 'disabled', undefined, 1],
      ['disabled', 'disabled upstream: load', undefined, 2],
    ],
  );
  assert.equal(
    (await client.hoverLines(uri, 5))[0],
    'It is disabled: marimo neither runs it nor takes it from the cache. It took 34 s.',
  );
});

test('server: a renamed notebook is what it was, and a copy is not', async (t) => {
  const { client, file } = await openNotebook(t);
  const other = path.join(path.dirname(file), 'other.py');
  const uri = await client.open(other, notebook('df = read("b.csv")'));
  const states = async () =>
    (await client.cells(uri)).cells.map(({ cellId, state }) => [cellId, state]);
  assert.deepEqual(await states(), [
    [1, 'changedHere'],
    [2, 'changedUpstream'],
    [3, 'neverCached'],
  ]);
  await client.edit(uri, 2, notebook('print(1)').replaceAll(/chart|draw/g, 'x'));
  assert.deepEqual(new Set((await states()).map(([id]) => id)), new Set([undefined]));

  await writeFile(file, notebook());
  const copy = await client.open(path.join(path.dirname(file), 'copy.py'), notebook());
  const { cells } = await client.cells(copy);
  assert.deepEqual(
    cells.map(({ cellId, state }) => [cellId, state]),
    cells.map(() => [undefined, 'neverCached']),
  );
});

test("server: what a kernel saved is fresh in the kernel's notebook, and stale after an edit", async (t) => {
  const { notebook: file } = await makeNotebookFolder(t);
  const folder = path.dirname(file);
  await cp(path.join(fixtures, 'cache'), path.join(folder, '__marimo__/cache'), {
    recursive: true,
  });
  const client = await start(t);
  for (const name of ['alpha.py', 'beta.py']) {
    const text = await readFile(path.join(fixtures, name), 'utf8');
    const uri = await client.open(path.join(folder, name), text);
    const { cells } = await client.cells(uri);
    assert.ok(cells.length > 1);
    assert.deepEqual(
      cells.map(({ state }) => state),
      cells.map(() => 'fresh'),
      name,
    );
    await client.edit(
      uri,
      2,
      text.replaceAll('\n', '\r\n').replace('import numpy as np', '$&, os'),
    );
    const edited = (await client.cells(uri)).cells;
    assert.equal(edited[0]?.state, 'changedHere', name);
    assert.ok(
      edited.some(({ state }) => state === 'changedUpstream'),
      name,
    );
    assert.deepEqual(
      edited.map(({ cellId }) => cellId),
      cells.map(({ cellId }) => cellId),
      name,
    );
  }
});

test('server: a notebook that does not parse keeps the cells that do', async (t) => {
  const { client, uri } = await openNotebook(t);
  await client.edit(uri, 2, notebook('df = read("a.csv'));
  const { cells } = await client.cells(uri);
  assert.deepEqual(
    cells.map(({ cellId, state }) => [cellId, state]),
    [
      [1, 'changedHere'],
      [2, 'changedUpstream'],
      [3, 'neverCached'],
    ],
  );
});

test('server: a cell is explained by its place, also where nothing of it is cached', async (t) => {
  const { client, uri } = await openNotebook(t);
  const { cells } = await client.cells(uri);
  const explain = (line: number): Promise<Explanation | null> =>
    client.connection.sendRequest('cellar/explain', { uri, line });
  const [first, , last] = cells;
  assert.ok(first && last);
  assert.equal(last.state, 'neverCached');
  const { start, end } = last.range;
  for (const line of [start.line, end.line]) {
    assert.match((await explain(line))?.detail ?? '', /^Not in the cache\. marimo caches it once/);
  }
  const byId: Explanation | null = await client.connection.sendRequest('cellar/explain', {
    uri,
    cellId: first.cellId,
  });
  assert.deepEqual(await explain(first.range.start.line), byId);
  assert.equal(await explain(0), null, 'no cell is there');
});

test('server: where cell caching is off nothing is said to be served, until it is turned on', async (t) => {
  const { client, uri, file } = await openNotebook(t);
  assert.equal((await client.cells(uri)).cells[0]?.state, 'fresh');
  const project = path.join(path.dirname(file), 'pyproject.toml');
  await rm(project);
  const first = async () => (await client.cells(uri)).cells[0];
  await client.until(async () => (await first())?.state === 'off');
  const off = await first();
  assert.equal(off?.label, 'cached, but caching is off');
  assert.equal(off.saves, undefined);
  assert.match((await client.hoverLines(uri, 5))[0] ?? '', /cell caching is off for this notebook/);
  assert.equal((await client.cells(uri)).caching, false);
  assert.match(
    (await client.hoverLines(uri, 17))[0] ?? '',
    /^Not in the cache\. Cell caching is off/,
  );
  const explain = (line: number): Promise<Explanation | null> =>
    client.connection.sendRequest('cellar/explain', { uri, line });
  const isOff = async () =>
    (await Promise.all([5, 17].map(explain))).map((explanation) => explanation?.isOff);
  assert.deepEqual(await isOff(), [true, true]);
  await writeFile(project, '[tool.marimo.runtime]\ncache_cells = true\n');
  await client.until(async () => (await first())?.state === 'fresh');
  assert.deepEqual(await isOff(), [false, false]);
  const metadata = '# /// script\n# [tool.marimo.runtime]\n# cache_cells = false\n# ///\n';
  await client.edit(uri, 2, metadata + notebook());
  assert.equal((await first())?.state, 'off', 'the notebook itself decides');
});
