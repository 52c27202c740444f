import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { fileIn, ReadFiles } from '../../../src/server/ReadFiles';
import type { ReadSummary } from '../../../src/store/rows';

/** A folder with a file as it was read, and files that count how often one is digested. */
async function readFrom(t: TestContext) {
  const folder = await mkdtemp(path.join(tmpdir(), 'cellar-reads-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'data.csv');
  await writeFile(file, 'a,b\n');
  const { size, mtimeMs } = await stat(file);
  const digested: string[] = [];
  const digestOf = async (each: string) => {
    digested.push(path.basename(each));
    return createHash('sha256')
      .update(await readFile(each))
      .digest('hex');
  };
  const read: ReadSummary = {
    entryId: 1,
    path: 'data.csv',
    how: 'opened',
    size,
    modifiedAt: mtimeMs / 1000,
    digest: createHash('sha256').update('a,b\n').digest('hex'),
  };
  const files = new ReadFiles(digestOf);
  const find = (reads: readonly ReadSummary[] = [read], mayBeGone = true) =>
    files.findOutdated(folder, reads, { entryId: 1 }, mayBeGone);
  return { file, read, digested, find };
}

test('a file that is as it was is looked at, and not read', async (t) => {
  const { digested, find } = await readFrom(t);
  assert.equal(await find(), undefined);
  assert.deepEqual(digested, []);
});

test('a file that was only touched is read once, and again when it is touched again', async (t) => {
  const { file, digested, find } = await readFrom(t);
  await utimes(file, 1000, 2000);
  assert.deepEqual(await Promise.all([find(), find(), find()]), [undefined, undefined, undefined]);
  assert.equal(await find(), undefined);
  assert.equal(digested.length, 1);
  await utimes(file, 1000, 3000);
  assert.equal(await find(), undefined);
  assert.equal(digested.length, 2);
});

test('a file of the same size with other content is out of date, also when asked again', async (t) => {
  const { file, digested, find } = await readFrom(t);
  await writeFile(file, 'c,d\n');
  await utimes(file, 1000, 2000);
  const outdated = { path: 'data.csv', named: false, changedAt: 2000 };
  assert.deepEqual(await find(), outdated);
  assert.deepEqual(await find(), outdated);
  assert.equal(digested.length, 1);
});

test('a file of another size, or one that is gone, is out of date without being read', async (t) => {
  const { file, digested, find } = await readFrom(t);
  await writeFile(file, 'longer\n');
  assert.equal((await find())?.path, 'data.csv');
  await rm(file);
  assert.deepEqual(await find(), { path: 'data.csv', named: false, changedAt: undefined });
  assert.deepEqual(digested, []);
});

test('a file that could not be read is asked for again', async (t) => {
  const { file, read } = await readFrom(t);
  await utimes(file, 1000, 2000);
  let fails = true;
  const files = new ReadFiles(() =>
    fails ? Promise.reject(new Error('no')) : Promise.resolve('other'),
  );
  const find = () => files.findOutdated(path.dirname(file), [read], { entryId: 1 });
  assert.equal(await find(), undefined);
  fails = false;
  assert.equal((await find())?.path, 'data.csv');
});

test('what was surely read goes before what is only named', async (t) => {
  const { read, find } = await readFrom(t);
  const gone = { ...read, path: 'gone.csv' };
  const named = { ...read, path: 'named.csv', how: 'named' } as const;
  assert.equal((await find([named, gone]))?.path, 'gone.csv');
  assert.deepEqual(await find([named]), { path: 'named.csv', named: true, changedAt: undefined });
  assert.equal(await find([{ ...gone, entryId: 2 }]), undefined);
});

test('where what is gone does not count, what has changed is found behind it', async (t) => {
  const { read, file, find } = await readFrom(t);
  const gone = { ...read, path: 'gone.csv' };
  assert.equal(await find([gone, read], false), undefined);
  await writeFile(file, 'another size');
  assert.equal((await find([gone, read], false))?.path, read.path);
});

test('on Windows, a path of a stranger leads to no other host or drive', () => {
  const { win32 } = path;
  assert.equal(fileIn('C:\\work', '../data/a.csv', win32), 'C:\\data\\a.csv');
  for (const whole of ['\\\\host\\share', '//host/share', '\\\\?\\UNC\\host', 'D:/data', '/data']) {
    assert.match(fileIn('C:\\work', whole, win32), /^C:\\work\\/);
  }
});

test('what is no plain file is never read', async (t) => {
  const { read, digested, find } = await readFrom(t);
  const device = { ...read, path: '../../../../../../../../../../dev/zero', size: 0 };
  assert.equal((await find([device]))?.changedAt, undefined);
  assert.equal((await find([{ ...read, path: '.' }]))?.path, '.');
  assert.deepEqual(digested, []);
});

test('a name that comes is a change of the pattern that stands for it, and no other is', async (t) => {
  const { file, find } = await readFrom(t);
  const folder = path.dirname(file);
  await mkdir(path.join(folder, 'data'));
  const put = (name: string) => writeFile(path.join(folder, 'data', name), '');
  await Promise.all(['b.csv', 'a.csv', '.hidden.csv', 'notes.txt', '[a].csv'].map(put));
  const { mtimeMs } = await stat(path.join(folder, 'data'));
  const names: ReadSummary = {
    entryId: 1,
    path: 'data/?.csv',
    how: 'named',
    size: 2,
    modifiedAt: mtimeMs / 1000,
    // As `entries/patterns.py` makes it.
    digest: createHash('sha256').update('a.csv\0b.csv').digest('hex'),
  };
  assert.equal(await find([names]), undefined);
  // The time tells that nothing came or went.
  assert.equal(await find([{ ...names, digest: undefined }]), undefined);
  await put('c.txt');
  await utimes(path.join(folder, 'data'), 1000, 2000);
  assert.equal(await find([names]), undefined);
  await put('c.csv');
  await utimes(path.join(folder, 'data'), 1000, 3000);
  assert.deepEqual(await find([names]), { path: 'data/?.csv', named: true, changedAt: 3000 });
  const gone = { path: 'gone/*.csv', named: true, changedAt: undefined };
  assert.deepEqual(await find([{ ...names, path: gone.path }]), gone);
  // What a stranger's database says: nothing outside of the notebook's folder is listed.
  const outside = { ...names, path: '../*.csv' };
  assert.deepEqual(await find([outside]), { ...gone, path: outside.path });
});
