import assert from 'node:assert/strict';
import { mkdir, open, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import {
  CacheError,
  UnsupportedError,
  type CacheErrorKind,
} from '../../../src/store/database/CacheError';
import { SqliteLoader } from '../../../src/store/SqliteLoader';
import { Connection, uriOf } from '../../../src/store/database/Connection';
import { formatVersion } from '../../../src/store/database/schema';
import {
  atEnd,
  creation,
  makeCache,
  makeEntry,
  makeFolder,
  openCache,
  runSql,
} from './cacheFolder';
import { OtherProcess } from './OtherProcess';

/** Asserts the kind of error, and that its message names the file and is a sentence with a way out. */
async function assertRefused(path: string, kind: CacheErrorKind, says: RegExp): Promise<void> {
  await assert.rejects(SqliteLoader.open(path), (error: unknown) => {
    assert.ok(error instanceof CacheError, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.ok(error.message.includes(path), error.message);
    assert.match(error.message, says);
    return true;
  });
}

/** A cache with a large table of results, so that its file has many pages. */
async function makeFilledCache(t: TestContext): Promise<string> {
  const path = await makeCache(t);
  const loader = await SqliteLoader.open(path);
  for (let i = 0; i < 40; i++) {
    await loader.save(makeEntry({ hash: `h${i}`, items: [filler(i)] }));
  }
  await loader.close();
  await runSql(path, 'PRAGMA journal_mode = DELETE');
  return path;
}

function filler(i: number) {
  const content = [Buffer.alloc(20_000, i)];
  return { key: `k${i}`, name: 'x', format: 'npy' as const, typeHint: undefined, content };
}

test('a file that is not there is missing', async (t) => {
  const folder = await makeFolder(t);
  await assertRefused(join(folder, 'cache.db'), 'missing', /no cache/);
  await assertRefused(join(folder, 'none', 'cache.db'), 'missing', /no cache/);
});

test('a file of a network share is named to SQLite without a host', () => {
  assert.equal(
    uriOf('\\\\server\\share\\a b#1?.db', true),
    'file:////server/share/a%20b%231%3F.db',
  );
  assert.equal(uriOf('C:\\a\\cache.db', true), 'file:///C:/a/cache.db');
  assert.equal(uriOf('/a/50%/cache.db', false), 'file:///a/50%25/cache.db');
});

test('looking makes no file', async (t) => {
  const folder = await makeFolder(t);
  await assert.rejects(SqliteLoader.open(join(folder, 'cache.db')));
  await assert.rejects(stat(join(folder, 'cache.db')), { code: 'ENOENT' });
});

test('an empty file, or a database with nothing laid out, is not a cache yet', async (t) => {
  const folder = await makeFolder(t);
  await writeFile(join(folder, 'empty.db'), '');
  await assertRefused(join(folder, 'empty.db'), 'missing', /empty/);
  await runSql(
    join(folder, 'bare.db'),
    'PRAGMA application_id = 0x43454C52; PRAGMA user_version = 0',
  );
  await assertRefused(join(folder, 'bare.db'), 'missing', /Run the notebook/);
});

test('a file of another kind is not a database', async (t) => {
  const folder = await makeFolder(t);
  const path = join(folder, 'cache.db');
  await writeFile(path, 'these are not the bytes you are looking for\n'.repeat(300));
  await assertRefused(path, 'notADatabase', /not an SQLite database/);
  await mkdir(join(folder, 'folder.db'));
  await assertRefused(join(folder, 'folder.db'), 'notADatabase', /not a file/);
});

for (const [what, length] of [
  ['in its header', 60],
  ['within its first page', 5000],
  ['after its first page', 8192],
  ['in the middle', 40_000],
] as const) {
  test(`a database cut short ${what} is refused`, async (t) => {
    const path = await makeFilledCache(t);
    await truncate(path, length);
    await assert.rejects(SqliteLoader.open(path), (error: unknown) => {
      assert.ok(error instanceof CacheError);
      assert.match(error.kind, /^(damaged|notADatabase)$/);
      assert.ok(error.message.includes(path));
      return true;
    });
  });
}

test('damage that is met later is told as damage, and what is whole is still listed', async (t) => {
  const path = await makeFilledCache(t);
  const connection = await Connection.open(path, 'read');
  const page = await connection.number(
    "SELECT rootpage FROM sqlite_schema WHERE name = 'lookups_by_cell'",
  );
  await connection.close();
  const file = await open(path, 'r+');
  await file.write(Buffer.alloc(8192, 0xa5), 0, 8192, (page - 1) * 8192);
  await file.close();
  const loader = await SqliteLoader.open(path);
  atEnd(t, () => loader.close());
  await assert.rejects(loader.lookups(1, 10), {
    kind: 'damaged',
    message: /Run a notebook that uses it: what is whole is taken/,
  });
  assert.equal((await loader.apps()).length, 1);
  assert.equal((await loader.cells(1)).length, 40);
});

test('a newer major version is left alone, and both versions are named', async (t) => {
  const path = await makeCache(t);
  await runSql(path, 'PRAGMA user_version = 2003');
  await assertRefused(path, 'newer', /format 2\.3; .* up to 1\.\d.*Update Cellar/);
});

test('a newer minor version that adds tables and columns is read and changed', async (t) => {
  const path = await makeCache(t);
  await runSql(
    path,
    `ALTER TABLE entries ADD COLUMN cost REAL; CREATE TABLE extras (hash TEXT);
     CREATE INDEX extras_by_hash ON extras (hash); PRAGMA user_version = ${formatVersion + 1}`,
  );
  const loader = await openCache(t, path);
  const id = await loader.save(makeEntry());
  assert.equal((await loader.entry(id))?.hash, 'h1');
});

test('a newer minor version with a trigger of its own is read and never changed', async (t) => {
  const path = await makeCache(t);
  await runSql(
    path,
    `INSERT INTO apps VALUES (1, '../../nb.py', 0);
     CREATE TRIGGER surprise AFTER UPDATE ON cells BEGIN DELETE FROM apps; END;
     PRAGMA user_version = ${formatVersion + 1}`,
  );
  const loader = await openCache(t, path);
  assert.equal((await loader.apps()).length, 1);
  await assert.rejects(loader.clearApp(1), { kind: 'readOnly', message: /newer Cellar/ });
});

for (const [what, change] of [
  ['a trigger', 'CREATE TRIGGER t AFTER INSERT ON apps BEGIN DELETE FROM cells; END'],
  ['a view', 'CREATE VIEW v AS SELECT * FROM apps'],
  ['a table more', 'CREATE TABLE more (x)'],
  ['an index less', 'DROP INDEX entries_by_hash'],
  ['a column more', 'ALTER TABLE apps ADD COLUMN x'],
  [
    'a trigger with another body',
    `DROP TRIGGER cells_begin;
    CREATE TRIGGER cells_begin AFTER INSERT ON cells BEGIN DELETE FROM apps; END`,
  ],
  ['a table that is a view', 'DROP TABLE lookups; CREATE VIEW lookups AS SELECT 1 AS cell_id'],
  [
    'a newer minor version and a column less',
    `ALTER TABLE lookups DROP COLUMN why;
    PRAGMA user_version = ${formatVersion + 1}`,
  ],
  [
    'a newer minor version and an index less',
    `DROP INDEX entries_by_hash;
    PRAGMA user_version = ${formatVersion + 1}`,
  ],
  ['a version that never was', 'PRAGMA user_version = 7'],
] as const) {
  test(`a database with ${what} is not believed`, async (t) => {
    const path = await makeCache(t);
    await runSql(path, change);
    await assertRefused(path, 'foreign', /not those of Cellar's format/);
  });
}

test('comments and layout of the schema do not matter, literals do', async (t) => {
  const folder = await makeFolder(t);
  const relaid = creation.replaceAll('\n  ', '\n      /* laid out */ ').replace(/ -- .*/g, '');
  await runSql(join(folder, 'relaid.db'), relaid);
  await (await openCache(t, join(folder, 'relaid.db'))).close();
  await runSql(join(folder, 'other.db'), creation.replace("'hit', 'miss'", "'hit', 'mi--\nss'"));
  await assertRefused(join(folder, 'other.db'), 'foreign', /not those of Cellar/);
});

test("another program's database is foreign", async (t) => {
  const path = join(await makeFolder(t), 'cache.db');
  await runSql(path, 'CREATE TABLE moz_places (id INTEGER PRIMARY KEY)');
  await assertRefused(path, 'foreign', /another program/);
});

test('statistics that SQLite keeps are no strangers', async (t) => {
  const path = await makeCache(t);
  await runSql(path, "INSERT INTO apps VALUES (1, '../../nb.py', 0); ANALYZE");
  assert.equal((await (await openCache(t, path)).apps()).length, 1);
});

test('a database reached by a link is read where it is; notebooks are relative to the link', async (t) => {
  const path = await makeCache(t);
  const elsewhere = join(await makeFolder(t), '__marimo__');
  await symlink(dirname(dirname(path)), elsewhere);
  const loader = await openCache(t, join(elsewhere, 'cache', 'cache.db'));
  const id = await loader.save(
    makeEntry({ items: [{ ...filler(1), content: [Buffer.alloc(90_000)] }] }),
  );
  const [item] = await loader.items(id);
  assert.ok(item);
  const file = await loader.values.file(item);
  assert.ok(file.kind === 'file' && file.path.startsWith(dirname(path)));
  assert.equal((await loader.apps())[0]?.notebook, join(dirname(elsewhere), 'nb.py'));
});

test('a schema that is changed under an open cache stops it from being believed', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await loader.save(makeEntry());
  const other = await OtherProcess.start(t, path);
  await other.run('CREATE TRIGGER t AFTER DELETE ON entries BEGIN DELETE FROM apps; END');
  await assert.rejects(loader.clearApp(1), CacheError);
  await assert.rejects(loader.apps(), { kind: 'foreign' });
  await other.run('DROP TRIGGER t');
  assert.equal((await loader.apps()).length, 1);
  assert.equal((await loader.clearApp(1)).entries, 1);
});

test('SQLite that does not load names platform, architecture and package', async (t) => {
  const folder = await makeFolder(t);
  const { build } = await import('esbuild');
  // The bundle as it is shipped, without the native module that belongs beside it.
  await build({
    stdin: {
      contents: `export { SqliteLoader } from './src/store/SqliteLoader';`,
      resolveDir: join(__dirname, '../../..'),
    },
    bundle: true,
    platform: 'node',
    outfile: join(folder, 'store.cjs'),
    external: ['*.node'],
    loader: { '.sql': 'text' },
    logLevel: 'silent',
  });
  const path = await makeCache(t);
  const store = (await import(join(folder, 'store.cjs'))) as { SqliteLoader: typeof SqliteLoader };
  await assert.rejects(store.SqliteLoader.open(path), (error: unknown) => {
    const { name, kind, platform, arch, packageName, message } = error as UnsupportedError;
    assert.deepEqual([name, kind], ['UnsupportedError', 'unsupported']);
    assert.deepEqual([platform, arch], [process.platform, process.arch]);
    assert.equal(packageName, '@vscode/sqlite3');
    assert.ok(message.includes(`${platform}-${arch}`) && message.includes(packageName), message);
    return true;
  });
});
