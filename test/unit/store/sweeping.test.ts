import assert from 'node:assert/strict';
import { access, mkdir, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { Connection } from '../../../src/store/database/Connection';
import { makeCache, makeEntry, makeItem, openCache, runSql } from './cacheFolder';

const day = 86_400;

async function count(path: string, sql: string): Promise<number> {
  const connection = await Connection.open(path, 'read');
  try {
    return await connection.number(sql);
  } finally {
    await connection.close();
  }
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

test('what is of no use to anybody goes, and the rest stays', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  for (let i = 0; i < 3; i++) {
    await loader.save(
      makeEntry({
        cell: { ...makeEntry().cell, ordinal: i, name: `c${i}`, code: `x${i} = ${i}` },
        hash: `h${i}`,
        items: [makeItem(`k${i}`, 'x', Buffer.alloc(70_000, i + 1))],
      }),
    );
  }
  const now = Date.now() / 1000;
  const quarantined = (hash: string, days: number) => `
    UPDATE blobs SET quarantined_at = ${now - days * day} WHERE digest =
      (SELECT digest FROM items JOIN entries USING (entry_id) WHERE hash = '${hash}');`;
  await runSql(
    path,
    `${quarantined('h0', 8)} ${quarantined('h1', 6)} ${quarantined('h2', 8)}
     UPDATE entries SET pinned = 1 WHERE hash = 'h2';
     INSERT INTO blobs (digest, size, crc32, content) VALUES (zeroblob(32), 1, 0, x'00');
     WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 69)
     INSERT INTO lookups (cell_id, cache_name, hash, outcome, at)
       SELECT (SELECT min(cell_id) FROM cells), 'block', 'h', 'miss', i FROM n;`,
  );
  const blobs = join(dirname(path), 'blobs');
  const stray = join(blobs, '00', `${'00'.repeat(32)}.pickle`);
  const young = join(blobs, '11', `${'11'.repeat(32)}.pickle`);
  const foreign = join(blobs, '00', 'notes.txt');
  for (const file of [stray, young]) await mkdir(dirname(file), { recursive: true });
  for (const file of [stray, young, foreign]) {
    await writeFile(file, 'x');
    if (file !== young) await utimes(file, now - 7200, now - 7200);
  }

  assert.ok((await loader.upkeep.sweep(now)) > 0);
  assert.equal(await count(path, 'SELECT count(*) FROM entries'), 2);
  assert.equal(await count(path, "SELECT count(*) FROM entries WHERE hash = 'h0'"), 0);
  assert.equal(await count(path, 'SELECT count(*) FROM blobs'), 2);
  assert.equal(await count(path, "SELECT count(*) FROM lookups WHERE cache_name = 'block'"), 50);
  assert.equal(
    await count(path, "SELECT CAST(min(at) AS INTEGER) FROM lookups WHERE cache_name = 'block'"),
    20,
  );
  assert.deepEqual(await Promise.all([stray, young, foreign].map(exists)), [false, true, true]);
  assert.ok(Math.abs((await stat(`${path}-swept`)).mtimeMs / 1000 - now) < 2);

  // For a day nothing is looked through again, and so nothing written either.
  const version = () => count(path, 'SELECT CAST(swept_at AS INTEGER) FROM cleaners');
  const before = await version();
  await utimes(young, now - 7200, now - 7200);
  assert.equal(await loader.upkeep.sweep(now + 60), 0);
  assert.equal(await version(), before);
  assert.ok(await exists(young));
  assert.equal(await loader.upkeep.sweep(now + 2 * day), 2);
  assert.ok(!(await exists(young)));
  await unlink(foreign);
});

test('a plan that nobody wants any more ends by an error, and the loader goes on', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await loader.save(makeEntry());
  const stop = new AbortController();
  const plan = loader.upkeep.plan({
    budget: () => {
      stop.abort(new Error('stopped'));
      return Promise.resolve(0);
    },
    now: Date.now() / 1000,
    signal: stop.signal,
  });
  await assert.rejects(plan, /stopped/);
  const options = { budget: () => Promise.resolve(0), now: Date.now() / 1000 };
  assert.ok(await loader.upkeep.plan(options));
});

test('a query that takes long is ended in its midst', async (t) => {
  const connection = await Connection.open(await makeCache(t), 'read');
  t.after(() => connection.close());
  const endless = connection.all(
    'WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n',
  );
  const again = setInterval(() => {
    connection.interrupt();
  }, 20);
  t.after(() => {
    clearInterval(again);
  });
  await assert.rejects(endless, /interrupt/i);
});

test('after a cleaner that was killed its values are looked for at once', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await loader.save(makeEntry());
  const now = Date.now() / 1000;
  await loader.upkeep.sweep(now);
  await runSql(
    path,
    `INSERT INTO blobs (digest, size, crc32, content) VALUES (zeroblob(32), 1, 0, x'00');`,
  );
  assert.equal(await loader.upkeep.sweep(now + 100), 0);
  await runSql(path, `UPDATE cleaners SET holder = 'killed', until = ${now - 1}`);
  assert.equal(await loader.upkeep.sweep(now + 100), 1);
  assert.equal(await count(path, 'SELECT count(*) FROM blobs WHERE length(content) = 1'), 0);
});

test('a wrong count of what is used is put right', async (t) => {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  await loader.save(makeEntry());
  const used = await count(path, 'SELECT size FROM usage');
  for (const damage of ['size = size + 7', "size = 'x'", 'size = NULL']) {
    await runSql(path, `UPDATE usage SET ${damage}; UPDATE cleaners SET swept_at = 0;`);
    await loader.upkeep.sweep(Date.now() / 1000);
    assert.equal(await count(path, 'SELECT size FROM usage'), used);
  }
});
