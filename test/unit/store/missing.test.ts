import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'node:test';
import cases from '../../fixtures/missing.json';
import { Connection } from '../../../src/store/database/Connection';
import { lookForMissing, noteMissing } from '../../../src/store/cleaning/missing';
import { makeFolder } from './cacheFolder';

const tables = `CREATE TABLE apps (app_id INTEGER PRIMARY KEY, path TEXT, last_seen_at REAL);
  CREATE TABLE missing (app_id INTEGER PRIMARY KEY, since REAL)`;

for (const { name, there, apps, missing, changes } of cases) {
  test(`which notebooks are gone: ${name}`, async (t) => {
    const folder = await makeFolder(t);
    for (const each of there) {
      const path = join(folder, each);
      await mkdir(each.endsWith('/') ? path : dirname(path), { recursive: true });
      if (!each.endsWith('/')) await writeFile(path, '');
    }
    const path = join(folder, 'p', '__marimo__', 'cache', 'cache.db');
    const connection = await Connection.open(path, 'memory');
    t.after(() => connection.close());
    await connection.exec(tables);
    for (const app of apps) {
      await connection.run('INSERT INTO apps (path, last_seen_at) VALUES (?, 0)', app);
    }
    const idOf = (app: string) => apps.indexOf(app) + 1;
    for (const app of missing) {
      await connection.run('INSERT INTO missing VALUES (?, 7)', idOf(app));
    }
    const found = await lookForMissing(connection, path);
    assert.deepEqual(found, { gone: changes.gone.map(idOf), back: changes.back.map(idOf) });
    await noteMissing(connection, found, 9);
    const left = await connection.all('SELECT app_id AS id, since FROM missing ORDER BY id');
    const since = new Map([
      ...missing
        .filter((app) => !changes.back.includes(app as never))
        .map((app) => [idOf(app), 7] as const),
      ...changes.gone.map((app) => [idOf(app), 9] as const),
    ]);
    assert.deepEqual(new Map(left.map((row) => [row.id, row.since])), since);
    // Once is enough.
    assert.deepEqual(await lookForMissing(connection, path), { gone: [], back: [] });
  });
}

test('a notebook that no relative path leads to, as on another drive, is missing like any other', async (t) => {
  const folder = await makeFolder(t);
  await writeFile(join(folder, 'there.py'), '');
  const connection = await Connection.open('/elsewhere/cache.db', 'memory');
  t.after(() => connection.close());
  await connection.exec(tables);
  for (const name of ['there.py', 'gone.py']) {
    await connection.run('INSERT INTO apps (path, last_seen_at) VALUES (?, 0)', join(folder, name));
  }
  const found = await lookForMissing(connection, '/elsewhere/cache.db');
  assert.deepEqual(found, { gone: [2], back: [] });
});
