import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { budgetOf, parseSize } from '../../../src/store/settings/budget';
import { makeFolder } from './cacheFolder';

/** Paths are relative to a folder of the case's own; the notebooks are in `p`. */
interface Case {
  readonly name: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly free: number | null;
  readonly used: number;
  readonly size: number | null;
  readonly file?: string;
  readonly refused?: readonly string[];
}
interface Table {
  readonly sizes: readonly (readonly [unknown, number | null])[];
  readonly budgets: readonly Case[];
}

const file = path.resolve(__dirname, '../../fixtures/budgets.json');

test('budgets: the table that both languages share', async (t) => {
  const { sizes, budgets } = JSON.parse(await readFile(file, 'utf8')) as Table;
  await t.test('sizes', () => {
    for (const [value, size] of sizes) {
      assert.equal(parseSize(value), size ?? undefined, JSON.stringify(value));
    }
  });
  for (const each of budgets) {
    await t.test(each.name, async (t) => {
      const root = await makeFolder(t);
      for (const [name, text] of Object.entries(each.files ?? {})) {
        await mkdir(path.dirname(path.join(root, name)), { recursive: true });
        await writeFile(path.join(root, name), text);
      }
      const { size, setting, refusals } = await budgetOf(
        path.join(root, 'p', '__marimo__', 'cache', 'cache.db'),
        each.used,
        { env: {}, platform: 'linux', home: path.join(root, 'home') },
        () => Promise.resolve(each.free ?? undefined),
      );
      assert.equal(size, each.size ?? undefined);
      assert.equal(setting?.file, each.file && path.join(root, each.file));
      assert.deepEqual(
        refusals.map(({ about }) => path.relative(root, about)),
        each.refused ?? [],
      );
    });
  }
});

test('without a setting the disk itself is asked', async (t) => {
  const folder = await makeFolder(t);
  const { size } = await budgetOf(path.join(folder, 'not', 'there', 'cache.db'), 0, {
    env: {},
    platform: 'linux',
    home: folder,
  });
  assert.ok(size !== undefined && size >= 2e9);
});

test('the project that puts a cache elsewhere within it says its budget', async (t) => {
  const folder = await makeFolder(t);
  const project = path.join(folder, 'pyproject.toml');
  await writeFile(project, '[tool.cellar]\npath = ".cellar"\nbudget = "1 GB"\n');
  const { size, setting } = await budgetOf(path.join(folder, '.cellar', 'cache.db'), 0, {
    env: {},
    platform: 'linux',
    home: path.join(folder, 'home'),
  });
  assert.equal(size, 1e9);
  assert.equal(setting?.file, project);
});
