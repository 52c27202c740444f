import assert from 'node:assert/strict';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import {
  findPlace,
  nearestProject,
  type PlaceFault,
  type PlaceSource,
} from '../../../src/store/settings/place';
import { makeFolder } from './cacheFolder';

/** Paths are relative to a folder of the case's own, which `{root}` stands for. */
interface Case {
  readonly name: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly platform?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly folders?: readonly string[];
  readonly links?: Readonly<Record<string, string>>;
  readonly notebook: string;
  readonly expect: {
    readonly folder: string;
    readonly source: PlaceSource;
    readonly file?: string;
    readonly refused?: readonly { readonly fault: PlaceFault; readonly about: string }[];
  };
}

const table = path.resolve(__dirname, '../../fixtures/places.json');

test('place: the table that both languages share', async (t) => {
  const cases = JSON.parse(await readFile(table, 'utf8')) as Case[];
  for (const each of cases) {
    await t.test(each.name, async (t) => {
      const root = await makeFolder(t);
      const filled = (text: string) => text.replaceAll('{root}', root);
      const make = async (name: string) => {
        await mkdir(path.dirname(path.join(root, name)), { recursive: true });
        return path.join(root, name);
      };
      for (const [name, text] of Object.entries(each.files ?? {})) {
        await writeFile(await make(name), filled(text));
      }
      for (const name of each.folders ?? []) await mkdir(await make(name));
      for (const [name, target] of Object.entries(each.links ?? {})) {
        await symlink(target, await make(name));
      }
      const folder = path.dirname(await make(each.notebook));
      const env = Object.fromEntries(
        Object.entries(each.env ?? {}).map(([name, value]) => [name, filled(value)]),
      );

      const found = await findPlace(folder, {
        env,
        platform: each.platform ?? 'linux',
        home: path.join(root, 'home'),
      });

      const { expect } = each;
      assert.deepEqual(
        {
          ...found,
          refusals: found.refusals.map(({ fault, about }) => ({ fault, about })),
        },
        {
          folder: path.join(root, filled(expect.folder)),
          source: expect.source,
          file: expect.file === undefined ? undefined : path.join(root, expect.file),
          refusals: (expect.refused ?? []).map(({ fault, about }) => ({
            fault,
            about: filled(about),
          })),
        },
      );
      for (const { about, message } of found.refusals) assert.ok(message.includes(about));
    });
  }
});

test('place: a file that no reader takes is broken', async (t) => {
  const folder = await makeFolder(t);
  for (const text of [Buffer.from("name = '\xff'", 'latin1'), `a = ${'['.repeat(5000)}`]) {
    await writeFile(path.join(folder, 'pyproject.toml'), text);
    const { refusals } = await findPlace(folder, { env: {}, platform: 'linux', home: folder });
    assert.deepEqual(
      refusals.map(({ fault }) => fault),
      ['broken'],
    );
  }
});

test('place: the nearest project is the first above a folder, up to where one is looked for', async (t) => {
  const top = await makeFolder(t);
  const deep = path.join(top, 'a', 'b');
  await mkdir(deep, { recursive: true });
  const file = path.join(top, 'pyproject.toml');
  await writeFile(file, '');
  assert.equal(await nearestProject(deep), file);
  assert.equal(await nearestProject(deep, top), file, 'in the last folder, too');
  assert.equal(await nearestProject(deep, path.join(top, 'a')), undefined);
  // A folder of that name is none.
  await mkdir(path.join(deep, 'pyproject.toml'));
  assert.equal(await nearestProject(deep, top), file);
});
