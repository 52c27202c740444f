import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { SqliteLoader } from '../../../src/store/SqliteLoader';
import { atEnd, makeCache, makeEntry, makeFolder, runSql } from './cacheFolder';
import { OtherProcess } from './OtherProcess';

/** What a process without write permission finds, told by {@link inspect}. */
interface Findings {
  readonly apps?: number;
  readonly bytes?: string;
  readonly clear?: { readonly kind: string; readonly message: string };
  readonly error?: { readonly kind: string; readonly message: string };
}

/**
 * Looks at a cache from a process that may not write it. Permissions do not bind root, so where the
 * tests run as root that process becomes nobody.
 */
async function inspect(path: string): Promise<Findings> {
  const child = fork(join(__dirname, 'inspectReadOnly.ts'), [path], {
    execArgv: ['--import', 'tsx', '--require', join(__dirname, '../../register.cjs')],
  });
  const exited = once(child, 'exit');
  const [findings] = (await once(child, 'message')) as [Findings];
  await exited;
  return findings;
}

/** Copies a database, and whatever stands beside it, into a folder that nobody but us may write. */
async function makeReadOnlyCopy(t: TestContext, path: string): Promise<string> {
  const folder = join(await makeFolder(t), 'cache');
  await mkdir(folder);
  for (const name of await readdir(dirname(path))) {
    await copyFile(join(dirname(path), name), join(folder, name));
    await chmod(join(folder, name), 0o444);
  }
  await chmod(dirname(folder), 0o755);
  await chmod(folder, 0o555);
  atEnd(t, () => chmod(folder, 0o755));
  return join(folder, 'cache.db');
}

async function fill(path: string): Promise<void> {
  const loader = await SqliteLoader.open(path);
  await loader.save(makeEntry());
  await loader.close();
}

test('a cache in a folder without write permission is read and not changed', async (t) => {
  const path = await makeCache(t);
  await fill(path);
  // What has been merged stands in the one file: the state that a closed kernel leaves.
  await runSql(path, 'SELECT 1');
  const found = await inspect(await makeReadOnlyCopy(t, path));
  assert.equal(found.error, undefined, found.error?.message);
  assert.equal(found.apps, 1);
  assert.equal(found.bytes, 'some bytes');
  assert.equal(found.clear?.kind, 'readOnly');
  assert.match(found.clear.message, /no permission to change .*Nothing was changed/);
});

test('a log that cannot be merged in a read-only folder is told, with the way out', async (t) => {
  const path = await makeCache(t);
  const other = await OtherProcess.start(t, path);
  await other.run("INSERT INTO apps VALUES (1, '../../nb.py', 0)");
  const copy = await makeReadOnlyCopy(t, path);
  await chmod(dirname(copy), 0o755);
  await rm(`${copy}-shm`, { force: true });
  await chmod(dirname(copy), 0o555);
  const found = await inspect(copy);
  assert.equal(found.error?.kind, 'unreadable');
  assert.match(found.error.message, /cache\.db-wal.*an account that may write/);
});

test('a file without read permission is unreadable', async (t) => {
  const path = await makeCache(t);
  const copy = await makeReadOnlyCopy(t, path);
  await chmod(copy, 0o000);
  const found = await inspect(copy);
  assert.equal(found.error?.kind, 'unreadable');
  assert.ok(found.error.message.includes(copy));
});
