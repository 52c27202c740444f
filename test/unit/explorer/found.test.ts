import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { chosenDatabases, Places, withoutDatabase } from '../../../src/explorer/tree/found';
import { makeFolder } from '../store/cacheFolder';

/** Two workspace folders, the second within the first, and a project in each. */
async function setUp(t: TestContext, env: Record<string, string> = {}) {
  const root = await makeFolder(t);
  const at = (name: string) => path.join(root, name);
  const folders = ['work', 'work/inner'].map(
    (name) => ({ kind: 'folder', name, path: at(name) }) as const,
  );
  const write = async (name: string, text: string) => {
    await mkdir(path.dirname(at(name)), { recursive: true });
    await writeFile(at(name), text);
  };
  const places = () => new Places({ env, platform: 'linux', home: at('home') });
  const projects = [at('work/a'), at('work/inner/b')];
  for (const project of projects) await mkdir(project, { recursive: true });
  const chosen = async (asked = places()) =>
    (await chosenDatabases(folders, projects, asked)).map(({ path: database, folder }) => [
      path.relative(root, database),
      path.relative(root, folder),
    ]);
  return { root, at, write, places, chosen };
}

test('found: where nothing is set, nothing is chosen', async (t) => {
  const { chosen } = await setUp(t);
  assert.deepEqual(await chosen(), []);
});

test('found: projects choose for themselves, each in the workspace folder it is in', async (t) => {
  const { chosen, write } = await setUp(t);
  await write('pyproject.toml', "[tool.cellar]\npath = 'above'");
  await write('work/a/pyproject.toml', "[tool.cellar]\npath = '.cellar'");
  await write('work/inner/b/pyproject.toml', "[tool.cellar]\npath = 'c'");
  assert.deepEqual(await chosen(), [
    ['above/cache.db', 'work'],
    ['above/cache.db', 'work/inner'],
    ['work/a/.cellar/cache.db', 'work'],
    ['work/inner/b/c/cache.db', 'work/inner'],
  ]);
});

test("found: the user's place is named once for each workspace folder", async (t) => {
  const { chosen, write } = await setUp(t);
  await write('home/.config/cellar/config.toml', "path = '~/caches'");
  assert.deepEqual(await chosen(), [
    ['home/caches/cache.db', 'work'],
    ['home/caches/cache.db', 'work/inner'],
  ]);
});

test('found: what cannot be followed chooses nothing', async (t) => {
  const { chosen, write } = await setUp(t);
  await write('work/a/pyproject.toml', "[tool.cellar]\npath = '../../outside'");
  assert.deepEqual(await chosen(), []);
});

test("found: marimo's old files are of no interest where the cache is elsewhere now", async (t) => {
  const { places, write, at } = await setUp(t);
  await write('work/a/pyproject.toml', "[tool.cellar]\npath = '.cellar'");
  const files = ['work/a', 'work/other'].map((notebooks) => ({
    path: at(`${notebooks}/__marimo__/cache`),
    folder: at('work'),
  }));
  const there = new Set([at('work/a/.cellar/cache.db')]);
  assert.deepEqual(await withoutDatabase(files, there, places()), files.slice(1));
  assert.deepEqual(await withoutDatabase(files, new Set(), places()), files);
});
