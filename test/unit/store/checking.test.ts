import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { cellLabel } from '../../../src/explorer/tree/cellRow';
import { Connection } from '../../../src/store/database/Connection';
import { landed } from '../../../src/store/database/landed';
import { canMend } from '../../../src/store/checking/mending';
import { formatVersion } from '../../../src/store/database/schema';
import { SqliteLoader } from '../../../src/store/SqliteLoader';
import { atEnd, makeFolder, runSql } from './cacheFolder';

const fixtures = join(__dirname, '../../fixtures');

interface Case {
  readonly kind: string;
  readonly statements: readonly string[];
  /** Notebooks and cells, where the case is about whose it is. */
  readonly owners?: readonly (readonly [notebook: string, cell: string])[];
}
/** Python runs the same table, in python/tests/test_checking.py. */
const cases = JSON.parse(readFileSync(join(fixtures, 'checks.json'), 'utf8')) as readonly Case[];

/** A cache as real kernels wrote it, with values in rows and in files. */
async function copyCache(t: TestContext): Promise<string> {
  const folder = join(await makeFolder(t), '__marimo__', 'cache');
  await cp(join(fixtures, 'store/python/cache'), folder, { recursive: true });
  return join(folder, 'cache.db');
}

/** The same, brought up to date as the kernel's side does. */
async function copyNewest(t: TestContext): Promise<string> {
  const path = await copyCache(t);
  const connection = await Connection.open(path, 'write');
  const version = await connection.number('PRAGMA user_version');
  for (const [each, script] of landed) if (each > version) await connection.exec(script);
  await connection.exec(`PRAGMA user_version = ${formatVersion}`);
  await connection.close();
  return path;
}

async function open(t: TestContext, path: string): Promise<SqliteLoader> {
  const loader = await SqliteLoader.open(path);
  atEnd(t, () => loader.close());
  return loader;
}

async function firstFile(path: string): Promise<string> {
  const blobs = join(dirname(path), 'blobs');
  const [folder = ''] = (await readdir(blobs)).sort();
  const [file = ''] = await readdir(join(blobs, folder));
  return join(blobs, folder, file);
}

test('nothing is wrong with what kernels wrote, and how far it is can be heard', async (t) => {
  const loader = await open(t, await copyCache(t));
  const heard: number[] = [];
  const report = await loader.check({ step: (done, total) => heard.push(done / total) });
  assert.deepEqual(report.faults, []);
  assert.ok(report.entries > 5 && report.size > 100_000 && report.quarantined === 0);
  assert.equal(heard.at(-1), 1);
  assert.deepEqual(heard, [...heard].sort());
});

for (const { kind, statements, owners } of cases) {
  test(`${kind} is found: ${statements.at(-1) ?? ''}`, async (t) => {
    const path = await copyNewest(t);
    await runSql(path, `PRAGMA foreign_keys = OFF; ${statements.join(';')}`);
    const loader = await open(t, path);
    const { faults } = await loader.check();
    assert.ok(
      faults.some((fault) => fault.kind === kind),
      JSON.stringify(faults),
    );
    if (owners !== undefined) {
      const alike = faults.filter((fault) => fault.kind === kind);
      const told = alike.flatMap((fault) =>
        (fault.owners ?? []).map((owner) => [basename(owner.notebook), cellLabel(owner)]),
      );
      assert.deepEqual(told, owners);
    }
    const mendable = faults.filter(canMend);
    if (mendable.length !== faults.length) return;
    await loader.mend(mendable);
    // Files whose rows were wrong are for the next round.
    for (let round = 0; round < 2; round++) await loader.mend((await loader.check()).faults);
    assert.deepEqual((await loader.check()).faults, []);
  });
}

test('wrong bytes are set aside and nothing else goes', async (t) => {
  const path = await copyCache(t);
  const file = await firstFile(path);
  const bytes = await readFile(file);
  bytes.writeUInt8(bytes.readUInt8(9) ^ 1, 9);
  await writeFile(file, bytes);
  const loader = await open(t, path);
  const before = await loader.check();
  assert.deepEqual(
    before.faults.map(({ kind }) => kind),
    ['wrong-bytes'],
  );
  const done = await loader.mend(before.faults);
  assert.deepEqual([done.quarantined, done.removed, done.files], [1, 0, 0]);
  const after = await loader.check();
  assert.deepEqual([after.faults, after.quarantined, after.entries], [[], 1, before.entries]);
  assert.deepEqual(await readFile(file), bytes);
});

test('an entry whose file is gone is removed, with what that costs', async (t) => {
  const path = await copyCache(t);
  await rm(await firstFile(path));
  const loader = await open(t, path);
  const before = await loader.check();
  assert.deepEqual(
    before.faults.map(({ kind }) => kind),
    ['missing-file'],
  );
  const done = await loader.mend(before.faults);
  assert.ok(done.removed >= 1 && done.runtime > 0);
  const after = await loader.check();
  assert.deepEqual([after.faults, after.entries], [[], before.entries - done.removed]);
});

test('a file without a row goes once it is an hour old, and only one of ours', async (t) => {
  const path = await copyCache(t);
  const blobs = join(dirname(path), 'blobs');
  const partial = '.partial-01234567-0123-0123-0123-0123456789ab';
  const names = [`00/${'0'.repeat(64)}.npy`, partial, `00/${partial}`];
  const theirs = '00/notes of the user.txt';
  await mkdir(join(blobs, '00'));
  for (const name of [...names, theirs]) await writeFile(join(blobs, name), 'x');
  const loader = await open(t, path);
  assert.deepEqual((await loader.check()).faults, []);
  const then = Date.now() / 1000 - 3700;
  for (const name of [...names, theirs]) await utimes(join(blobs, name), then, then);
  const { faults } = await loader.check();
  assert.deepEqual(faults.map(({ about }) => about.slice('blobs/'.length)).sort(), [
    ...[...names, theirs].sort(),
  ]);
  assert.equal((await loader.mend(faults)).files, 3);
  assert.deepEqual(
    (await loader.check()).faults.map(({ about }) => about),
    [`blobs/${theirs}`],
  );
});

test('a check that is cancelled stops', async (t) => {
  const loader = await open(t, await copyCache(t));
  const asked = new AbortController();
  const check = loader.check({
    signal: asked.signal,
    step: () => {
      asked.abort();
    },
  });
  await assert.rejects(check, { name: 'AbortError' });
});

test('a check ends with its loader', async (t) => {
  const loader = await open(t, await copyCache(t));
  let closed: Promise<void> | undefined;
  const step = () => {
    closed ??= loader.close();
  };
  await assert.rejects(loader.check({ step }), { name: 'AbortError' });
  await closed;
});
