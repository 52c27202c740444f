import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { PythonPackage } from '../../../src/explorer/setup/PythonPackage';

async function setUp(t: TestContext) {
  const root = await mkdtemp(path.join(os.tmpdir(), 'cellar-package-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const bundled = path.join(root, 'dist', 'python');
  const wheels = path.join(root, 'dist', 'wheel');
  const home = path.join(root, 'home');
  await write(bundled, {
    'marimo_cellar/__init__.py': 'one',
    'marimo_cellar/schema.sql': 'two',
    'marimo_cellar-0.1.0.dist-info/entry_points.txt': 'three',
  });
  const open = () => new PythonPackage(bundled, wheels, home);
  return { bundled, wheels, home, open };
}

async function write(folder: string, files: Record<string, string>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content);
  }
}

async function read(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const contents = await Promise.all(
    files.map(async ({ parentPath, name }) => {
      const file = path.join(parentPath, name);
      return [path.relative(folder, file), await readFile(file, 'utf8')] as const;
    }),
  );
  return Object.fromEntries(contents.sort(([a], [b]) => (a < b ? -1 : 1)));
}

test('the copy holds what the bundle holds, and nothing is left beside it', async (t) => {
  const { bundled, home, open } = await setUp(t);
  assert.equal(await open().place(), true);
  assert.deepEqual(await read(open().folder), await read(bundled));
  assert.deepEqual(await readdir(home), ['python']);
});

test('a new version takes away what it no longer has; what Python compiled does not count', async (t) => {
  const { bundled, home, open } = await setUp(t);
  await open().place();
  await write(open().folder, { 'marimo_cellar/__pycache__/a.pyc': 'compiled' });
  await open().place();
  assert.ok('marimo_cellar/__pycache__/a.pyc' in (await read(open().folder)), 'left alone');

  await rm(path.join(bundled, 'marimo_cellar-0.1.0.dist-info'), { recursive: true });
  await write(bundled, { 'marimo_cellar-0.2.0.dist-info/entry_points.txt': 'three' });
  await open().place();
  assert.deepEqual(await read(open().folder), await read(bundled));
  assert.deepEqual(await readdir(home), ['python']);
});

test('a copy that was changed or cut short is made anew', async (t) => {
  const { bundled, open } = await setUp(t);
  await open().place();
  await write(open().folder, { 'marimo_cellar/__init__.py': 'on', 'marimo_cellar/extra.py': '' });
  await open().place();
  assert.deepEqual(await read(open().folder), await read(bundled));
});

test('windows that start at once agree', async (t) => {
  const { bundled, home, open } = await setUp(t);
  const done = await Promise.all(Array.from({ length: 8 }, () => open().place()));
  assert.ok(done.every(Boolean));
  assert.deepEqual(await read(open().folder), await read(bundled));
  assert.deepEqual(await readdir(home), ['python']);
});

test('leftovers go once nobody can be at them any more', async (t) => {
  const { home, open } = await setUp(t);
  const names = [1, 2].map((n) => `python-${String(n).repeat(8)}-0000-0000-0000-000000000000`);
  const [old = '', fresh = ''] = names.map((name) => path.join(home, name));
  await write(old, { 'a.py': '' });
  await write(fresh, { 'a.py': '' });
  await utimes(old, new Date(0), new Date(0));
  await open().place();
  assert.deepEqual((await readdir(home)).sort(), ['python', path.basename(fresh)].sort());
});

test('a build without the package places none', async (t) => {
  const { bundled, home, open } = await setUp(t);
  await rm(bundled, { recursive: true });
  assert.equal(await open().place(), false);
  await assert.rejects(readdir(home), { code: 'ENOENT' });
  assert.equal(await open().wheel(), undefined);
});

test('the wheel is found among other files', async (t) => {
  const { wheels, open } = await setUp(t);
  const name = 'marimo_cellar-0.1.0-py3-none-any.whl';
  await write(wheels, { 'README.txt': '', [name]: '' });
  assert.equal(await open().wheel(), path.join(wheels, name));
});
