import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import schema from '../../../python/marimo_cellar/schema.sql';
import { Connection } from '../../../src/store/database/Connection';
import { landed } from '../../../src/store/database/landed';
import {
  compareSchemas,
  formatVersion,
  readSchema,
  schemaOf,
} from '../../../src/store/database/schema';

const migrations = join(__dirname, '../../../python/marimo_cellar/migrations');
const fixtures = join(__dirname, '../../fixtures/store');

test('every script that leads to a format is known, in order', async () => {
  const files = (await readdir(migrations)).filter((file) => file.endsWith('.sql')).sort();
  assert.deepEqual(
    [...landed.keys()].map((version) => `${version}.sql`),
    files,
  );
  for (const [version, script] of landed) {
    assert.equal(script, await readFile(join(migrations, `${version}.sql`), 'utf8'));
  }
});

test('the scripts lead to the newest schema', async () => {
  const connection = await Connection.open('schema.sql', 'memory');
  try {
    await connection.exec(schema);
    const expected = await schemaOf(formatVersion);
    assert.ok(expected);
    assert.equal(compareSchemas(expected, await readSchema(connection)), 'equal');
  } finally {
    await connection.close();
  }
});

test('a version that was never landed has no schema; a newer one has ours at least', async () => {
  assert.equal(schemaOf(7), undefined);
  assert.equal(await schemaOf(formatVersion + 1), await schemaOf(formatVersion));
});

test('a cache of every format is kept, and opened by a test', () => {
  for (const version of landed.keys()) {
    const name = `${Math.floor(version / 1000)}.${version % 1000}`;
    assert.ok(existsSync(join(fixtures, name, 'cache', 'cache.db')), name);
  }
});
