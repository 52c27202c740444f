import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { makeCache, makeEntry, openCache, runSql } from './cacheFolder';

/** A lookup of the hash `h1`, with what a kernel recorded of it. */
interface Recorded {
  readonly at: number;
  readonly outcome: 'hit' | 'miss';
  readonly reasons?: readonly { readonly kind: string; readonly names?: readonly string[] }[];
}

/** @returns what the cache of one cell tells that it could not keep, after these lookups. */
async function refusalsAfter(t: TestContext, lookups: readonly Recorded[]) {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  const entry = await loader.entry(await loader.save(makeEntry()));
  const rows = lookups.map(({ at, outcome, reasons }, index) => {
    const lookup = `INSERT INTO lookups (lookup_id, cell_id, cache_name, hash, outcome, at)
      VALUES (${index + 1}, ${entry?.cellId}, 'cell_cache', 'h1', '${outcome}', ${at});`;
    return reasons === undefined
      ? lookup
      : `${lookup} INSERT INTO reasons VALUES (${index + 1}, '${JSON.stringify(reasons)}');`;
  });
  await runSql(path, rows.join('\n'));
  const record = await loader.record(join(dirname(path), '../../nb.py'));
  return record?.refusals.map(({ at, lasting, lacking }) => ({ at, lasting, lacking }));
}

const first = { kind: 'first' };
const unpicklable = { kind: 'unpicklable', names: ['handle'] };

test('what a result lacks is told, of hits after it too', async (t) => {
  assert.deepEqual(
    await refusalsAfter(t, [
      { at: 1, outcome: 'miss', reasons: [first, unpicklable] },
      { at: 2, outcome: 'hit' },
    ]),
    [{ at: 2, lasting: true, lacking: ['handle'] }],
  );
});

test('a result that has UI elements, too, does not merely lack something', async (t) => {
  assert.deepEqual(
    await refusalsAfter(t, [
      { at: 1, outcome: 'miss', reasons: [first, unpicklable, { kind: 'ui', names: ['b'] }] },
    ]),
    [{ at: 1, lasting: true, lacking: undefined }],
  );
});

test('what a cell changes of others is told', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  const entry = await loader.entry(await loader.save(makeEntry()));
  await runSql(
    path,
    `INSERT INTO lookups (lookup_id, cell_id, cache_name, hash, outcome, at)
       VALUES (1, ${entry?.cellId}, 'cell_cache', 'h1', 'miss', 1);
     INSERT INTO reasons VALUES (1, '[{"kind":"raised"},{"kind":"changes","names":["model"]}]')`,
  );
  const record = await loader.record(join(dirname(path), '../../nb.py'));
  const told = record?.refusals.map(({ lasting, changes }) => ({ lasting, changes }));
  assert.deepEqual(told, [{ lasting: true, changes: ['model'] }]);
});

test('an error is told of the last run alone', async (t) => {
  const raised: Recorded = { at: 1, outcome: 'miss', reasons: [first, { kind: 'raised' }] };
  assert.deepEqual(await refusalsAfter(t, [raised]), [
    { at: 1, lasting: false, lacking: undefined },
  ]);
  assert.deepEqual(await refusalsAfter(t, [raised, { at: 2, outcome: 'hit' }]), []);
  // A clock that was ahead makes no run the last one.
  assert.deepEqual(
    await refusalsAfter(t, [
      { ...raised, at: 9e9 },
      { at: 2, outcome: 'hit' },
    ]),
    [],
  );
});

test('that the disk was full is told of the last run alone', async (t) => {
  const full: Recorded = { at: 1, outcome: 'miss', reasons: [first, { kind: 'full' }] };
  assert.deepEqual(await refusalsAfter(t, [full]), [{ at: 1, lasting: false, lacking: undefined }]);
  assert.deepEqual(await refusalsAfter(t, [full, { at: 2, outcome: 'miss' }]), []);
});

test('reasons that no kernel of ours wrote tell nothing, and hide nothing else', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  const entry = await loader.entry(await loader.save(makeEntry()));
  for (const reasons of [
    'no JSON',
    '"text"',
    '["text", 1, null, [{"kind":"ui"}]]',
    '{"kind":"ui"}',
    '[{"kind":["ui"]}]',
    '[{"kind":"unpicklable"}]',
    '[{"kind":"unpicklable","names":"handle"}]',
    '[{"kind":"unpicklable","names":[1]}]',
  ]) {
    await runSql(
      path,
      `DELETE FROM lookups; DELETE FROM reasons;
       INSERT INTO lookups (lookup_id, cell_id, cache_name, hash, outcome, at)
         VALUES (1, ${entry?.cellId}, 'cell_cache', 'h1', 'miss', 1);
       INSERT INTO reasons VALUES (1, '${reasons}')`,
    );
    const record = await loader.record(join(dirname(path), '../../nb.py'));
    assert.equal(record?.cells.length, 1, reasons);
    for (const { lacking = [] } of record.refusals) assert.deepEqual(lacking, [], reasons);
  }
});

test('what a result was paid with is told, and of what cost nothing nothing', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await loader.save(makeEntry());
  const amounts = async () =>
    (await loader.record(join(dirname(path), '../../nb.py')))?.entries.map(({ amount }) => amount);
  assert.deepEqual(await amounts(), [undefined]);
  await runSql(path, 'INSERT INTO costs SELECT entry_id, 0.42, 25 FROM entries;');
  assert.deepEqual(await amounts(), [0.42]);
});

test('a notebook that no relative path leads to, as on another drive, is gone like any other', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  const there = join(dirname(path), 'there.py');
  await writeFile(there, '');
  for (const app of [there, join(dirname(path), 'gone.py')]) {
    await loader.save(makeEntry({ hash: app.slice(-8), cell: { ...makeEntry().cell, app } }));
  }
  assert.equal((await loader.goneRecords()).length, 1);
});
