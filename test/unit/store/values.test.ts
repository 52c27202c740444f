import assert from 'node:assert/strict';
import {
  copyFile,
  mkdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { sealOf } from '../../../src/store/blobs/checksums';
import type { ItemSummary, Lost } from '../../../src/store/rows';
import type { SqliteLoader } from '../../../src/store/SqliteLoader';
import { makeCache, makeEntry, makeFolder, makeItem, openCache, runSql } from './cacheFolder';

const small = Buffer.from('a value in its row');
const large = Buffer.alloc(3 << 20, 'bytes of a file ');

interface Made {
  readonly loader: SqliteLoader;
  readonly path: string;
  readonly inRow: ItemSummary;
  readonly inFile: ItemSummary;
  /** Absolute path of the file. */
  readonly file: string;
  readonly entryId: number;
}

/** @param allowed what the store's check may find in the end. */
async function make(t: TestContext, ...allowed: RegExp[]): Promise<Made> {
  const path = await makeCache(t);
  const loader = await openCache(t, path, { allowed });
  const items = [makeItem('k/large', 'large', large), makeItem('k/small', 'small', small)];
  const entryId = await loader.save(makeEntry({ items }));
  const [inFile, inRow] = await loader.items(entryId);
  assert.ok(inFile?.file !== undefined && inRow && inRow.file === undefined);
  return { loader, path, inRow, inFile, entryId, file: join(dirname(path), 'blobs', inFile.file) };
}

const lost = (why: Lost['why']) => ({ kind: 'lost', why });

test('the seal is the CRC-32 over key, digest and size', () => {
  // Python: zlib.crc32("clé".encode() + bytes.fromhex("ab" * 32) + (5).to_bytes(8, "little"))
  assert.equal(sealOf('clé', 'ab'.repeat(32), 5), 804436856);
});

test('small values are read from their row, large ones by their file', async (t) => {
  const { loader, inRow, inFile, file, entryId } = await make(t);
  assert.deepEqual(await loader.values.inline(inRow), { kind: 'bytes', bytes: small });
  assert.deepEqual(await loader.values.file(inFile), {
    kind: 'file',
    path: file,
    size: large.length,
  });
  assert.deepEqual(await readFile(file), large);
  const options = { quarantine: false };
  assert.deepEqual(await loader.values.verify(inRow, options), { kind: 'right' });
  assert.deepEqual(await loader.values.verify(inFile, options), { kind: 'right' });
  const loaded = await loader.load(entryId);
  assert.ok(loaded.kind === 'hit');
  assert.deepEqual(
    loaded.items.map(({ item, content }) => [item.key, content.kind]),
    [
      ['k/large', 'file'],
      ['k/small', 'bytes'],
    ],
  );
});

test('a file that is missing is a miss of its entry and of nothing else', async (t) => {
  const { loader, inFile, inRow, file, entryId } = await make(t, /^missing-file/);
  await rm(file);
  assert.deepEqual(await loader.values.file(inFile), lost('missing'));
  assert.deepEqual(await loader.values.verify(inFile, { quarantine: true }), lost('missing'));
  assert.deepEqual(await loader.load(entryId), { kind: 'miss', key: 'k/large', why: 'missing' });
  assert.equal((await loader.values.inline(inRow)).kind, 'bytes');
  assert.equal((await loader.items(entryId)).length, 2);
});

test('a file cut short is told by its size', async (t) => {
  const { loader, inFile, file } = await make(t, /^wrong-size/);
  await truncate(file, large.length - 1);
  assert.deepEqual(await loader.values.file(inFile), lost('wrongSize'));
  assert.deepEqual(await loader.values.verify(inFile, { quarantine: false }), lost('wrongSize'));
});

test('wrong bytes of the right length are found, and set aside where that is allowed', async (t) => {
  const { loader, inFile, file, entryId } = await make(t);
  const wrong = Buffer.from(large);
  wrong[large.length - 1] = 0;
  await writeFile(file, wrong);
  assert.equal((await loader.values.file(inFile)).kind, 'file');
  assert.deepEqual(await loader.values.verify(inFile, { quarantine: false }), lost('wrongBytes'));
  assert.equal((await loader.item(entryId, 'k/large'))?.quarantined, false);
  assert.deepEqual(await loader.values.verify(inFile, { quarantine: true }), lost('wrongBytes'));
  assert.equal((await loader.item(entryId, 'k/large'))?.quarantined, true);
  assert.deepEqual(await loader.values.file(inFile), lost('quarantined'));
  const key = { cacheName: 'cell_cache', cacheType: 'C', hash: 'h1', loader: 'lazy' } as const;
  assert.deepEqual(await loader.lookup(1, key), { kind: 'miss', why: 'noEntry' });
});

test('a row with wrong bytes, length or seal is never handed over', async (t) => {
  const { loader, path, inRow } = await make(t, /wrong seal/, /totals/, /^wrong-(bytes|size)/);
  const here = `WHERE content IS NOT NULL`;
  await runSql(path, `UPDATE blobs SET content = x'00' || substr(content, 2) ${here}`);
  assert.deepEqual(await loader.values.inline(inRow), lost('missing'), 'a text is no blob');
  await runSql(path, `UPDATE blobs SET content = CAST('A value in its row' AS BLOB) ${here}`);
  assert.deepEqual(await loader.values.inline(inRow), lost('wrongBytes'));
  await runSql(path, `UPDATE blobs SET content = CAST('a value' AS BLOB) ${here}`);
  assert.deepEqual(await loader.values.inline(inRow), lost('wrongSize'));
  await runSql(
    path,
    `UPDATE blobs SET content = CAST('a value in its row' AS BLOB) ${here};
     UPDATE items SET seal = seal + 1 WHERE key = 'k/small'`,
  );
  assert.deepEqual(await loader.values.inline(inRow), lost('wrongSeal'));
  await runSql(path, `UPDATE blobs SET content = zeroblob(2000000) ${here}`);
  assert.deepEqual(await loader.values.inline(inRow), lost('tooLarge'));
});

test('an entry that was cleared meanwhile is told so', async (t) => {
  const { loader, inRow, inFile, entryId } = await make(t);
  await loader.clear([{ kind: 'entry', entryId }]);
  assert.deepEqual(await loader.values.inline(inRow), lost('cleared'));
  assert.deepEqual(await loader.values.file(inFile), lost('cleared'));
  assert.deepEqual(await loader.load(entryId), { kind: 'miss', key: undefined, why: 'cleared' });
});

test('no link is followed to a file', async (t) => {
  const { loader, inFile, file } = await make(t, /^wrong-name|^missing-file/);
  const elsewhere = join(await makeFolder(t), 'elsewhere');
  await rename(file, elsewhere);
  await symlink(elsewhere, file);
  assert.deepEqual(await loader.values.file(inFile), lost('unsafePath'));
  assert.deepEqual(await loader.values.verify(inFile, { quarantine: true }), lost('unsafePath'));
});

test('no link is followed to a folder', async (t) => {
  const { loader, inFile, file } = await make(
    t,
    /^wrong-name|^missing-file|^unreadable-file/,
    /^unknown-file/,
  );
  const elsewhere = join(await makeFolder(t), 'shard');
  await mkdir(elsewhere);
  await copyFile(file, join(elsewhere, file.slice(dirname(file).length + 1)));
  await rm(dirname(file), { recursive: true });
  await symlink(elsewhere, dirname(file));
  assert.deepEqual(await loader.values.file(inFile), lost('unsafePath'));
  await loader.clearCell(1);
  assert.equal(
    (await readFile(join(elsewhere, file.slice(dirname(file).length + 1)))).length,
    large.length,
  );
});

for (const file of [
  '../../../etc/passwd',
  '/etc/passwd',
  'ab/../../cache.db',
  '${digest}.arrow',
  '00/${digest}.arrow',
  '${shard}/${digest}.exe',
  '${shard}/${digest}.arrow/',
  '${shard}\\${digest}.arrow',
  '${shard}/${other}.arrow',
]) {
  test(`a row may not name the file ${file}`, async (t) => {
    const { loader, path, inFile } = await make(
      t,
      /^wrong-name|^missing-file|^unreadable-file/,
      /^unknown-file/,
    );
    const { digest } = inFile;
    const name = file
      .replace('${shard}', digest.slice(0, 2))
      .replace('${digest}', digest)
      .replace('${other}', digest.slice(0, 2) + 'f'.repeat(62));
    await runSql(path, `UPDATE blobs SET file = '${name}' WHERE file IS NOT NULL`);
    assert.deepEqual(await loader.values.file(inFile), lost('unsafePath'));
  });
}

test('verifying can be called off', async (t) => {
  const { loader, inFile } = await make(t);
  await assert.rejects(
    loader.values.verify(inFile, { quarantine: true, signal: AbortSignal.abort() }),
    {
      name: 'AbortError',
    },
  );
  assert.deepEqual(await loader.values.verify(inFile, { quarantine: false }), { kind: 'right' });
});
