import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { placed, placeOfSetting } from '../../../src/explorer/tree/refusedSettings';
import { makeFolder } from '../store/cacheFolder';

const cases: readonly { name: string; text: string; line: number | undefined; said?: string }[] = [
  {
    name: 'in its table, among others that look like it',
    text: '[tool.other]\npath = "a"\n[tool.cellar]\n  path = "b c"  # why\n\n[x]\npath = 1',
    line: 3,
    said: 'path = "b c"  # why',
  },
  {
    name: 'in a text that only seems to say it',
    text: 'x = """\npath = 1\n"""\npath = 2',
    line: 3,
  },
  {
    name: 'in the own settings',
    text: 'budget = 1\r\npath = "x"\r\n',
    line: 1,
    said: 'path = "x"',
  },
  { name: 'as a dotted key', text: '[tool]\ncellar.path = 1\ncellar.budget = 2', line: 1 },
  { name: 'within one line', text: '[tool]\ncellar = { path = 1 }', line: 1 },
  { name: 'over several lines', text: '[tool.cellar]\npath = [\n1,\n]', line: 1 },
  { name: 'not at all', text: '[tool.cellar]\nmy_path = 1\nmy-path = 2', line: undefined },
];

for (const { name, text, line, said } of cases) {
  test(`a setting is found ${name}`, () => {
    const place = placeOfSetting(text, 'path');
    assert.equal(place?.line, line);
    if (said === undefined || place === undefined) return;
    assert.equal(text.split(/\r?\n/)[place.line]?.slice(place.start, place.end), said);
  });
}

test('a key may hold any character', () => {
  for (const key of ['a (b', '(', '[x]', 'größe', '$&', 'a\\nb']) {
    const text = `[tool.cellar]\npath = "a"\n"${key}" = 1\n`;
    assert.equal(placeOfSetting(text, key)?.line, 2, key);
  }
});

test('a refusal without a setting stands where its file is broken, or at its beginning', async (t) => {
  const about = path.join(await makeFolder(t), 'pyproject.toml');
  await writeFile(about, '[tool.cellar]\n  x = = 1\n');
  const refusal = { fault: 'broken', about, message: 'no TOML' } as const;
  assert.deepEqual(await placed({ ...refusal, line: 1 }), {
    file: about,
    key: undefined,
    place: { line: 1, start: 2, end: 9 },
    message: 'no TOML',
  });
  assert.equal((await placed({ ...refusal, line: 99 }))?.place.line, 2);
  assert.equal((await placed({ ...refusal, about: `${about}.gone` }))?.place.line, 0);
});

test('a broken file of a project that has nothing to do with Cellar is nobody’s concern', async (t) => {
  const folder = await makeFolder(t);
  const [project, own] = ['pyproject.toml', 'config.toml'].map((name) => path.join(folder, name));
  assert.ok(project !== undefined && own !== undefined);
  for (const file of [project, own]) await writeFile(file, 'x = = 1\n');
  const refusal = { fault: 'broken', message: 'no TOML' } as const;
  assert.equal(await placed({ ...refusal, about: project }), undefined);
  assert.equal((await placed({ ...refusal, about: own }))?.file, own);
});

test('a variable of the environment is in no file', async () => {
  const refusal = { fault: 'relative', about: 'CELLAR_PATH', message: 'relative' } as const;
  const found = await placed(refusal);
  assert.deepEqual([found?.file, found?.key], [undefined, 'CELLAR_PATH']);
});
