import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { CannotSet } from '../../../src/explorer/setup/tomlSetting';
import { scriptSettings, useFilesAgain, useSqlite } from '../../../src/explorer/setup/userConfig';
import { userConfig } from '../../../src/store/settings/marimo';

const now = scriptSettings['0.24.1'];

const written: { name: string; before: string; after: string; line: number }[] = [
  {
    name: 'an empty file',
    before: '',
    after: '[cache.store]\ntype = "sqlite"\n',
    line: 1,
  },
  {
    name: 'a file of other settings, whose comments and layout stay',
    before: '# mine\n[display]\ntheme  =  "dark"\n',
    after: '# mine\n[display]\ntheme  =  "dark"\n\n[cache.store]\ntype = "sqlite"\n',
    line: 5,
  },
  {
    name: "the cache's other settings",
    before: '[cache]\nverification = "strict"\n\n[display]\ntheme = "dark"\n',
    after:
      '[cache]\nverification = "strict"\n\n[cache.store]\ntype = "sqlite"\n\n[display]\ntheme = "dark"\n',
    line: 4,
  },
  {
    name: 'dotted keys from the top',
    before: 'cache.verification = "on"\n[display]\n',
    after: 'cache.verification = "on"\n[display]\n\n[cache.store]\ntype = "sqlite"\n',
    line: 4,
  },
];

for (const { name, before, after, line } of written) {
  test(`a line is added to ${name}, and taken out again`, () => {
    assert.deepEqual(useSqlite(before, now), { text: after, line, already: false });
    assert.deepEqual(useSqlite(after, now), { text: after, line, already: true });
    assert.equal(useFilesAgain(after, now), before);
    assert.equal(useFilesAgain(before, now), before);
  });
}

test('each marimo has a line of its own', () => {
  const { text } = useSqlite('[experimental]\nwasm = true\n', scriptSettings['0.24.0']);
  assert.equal(text, '[experimental]\nwasm = true\n\n[experimental.cache]\nstore = "sqlite"\n');
});

test('a line that somebody else wrote is taken out, and nothing beside it', () => {
  assert.equal(
    useFilesAgain('[cache]\nstore.type = "sqlite" # for scripts\nverification = "on"\n', now),
    '[cache]\nverification = "on"\n',
  );
  assert.throws(
    () => useFilesAgain('cache = { store = { type = "sqlite" }, verification = "on" }\n', now),
    (error) => error instanceof CannotSet && error.why === 'noPlace',
  );
});

for (const before of [
  '[cache.store]\ntype = "redis"\n',
  '[cache.store]\ntype = "sqlite"\nargs = { x = 1 }\n',
  '[cache.store]\ntype = "sqlite"\nargs = { x = 9007199254740993 }\n',
  '[[cache.store]]\ntype = "sqlite"\n\n[[cache.store]]\ntype = "file"\n',
]) {
  test(`another store stays: ${JSON.stringify(before)}`, () => {
    assert.throws(
      () => useSqlite(before, now),
      (error) => error instanceof CannotSet && error.why === 'another',
    );
  });
}

test("the user's configuration is where marimo looks for it", async (t) => {
  const home = await mkdtemp(path.join(tmpdir(), 'cellar-config-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const folder = path.join(home, 'work', 'project');
  await mkdir(folder, { recursive: true });
  const usual = path.join(home, '.config', 'marimo', 'marimo.toml');
  const found = (env = {}) => userConfig(folder, { env, home });
  assert.deepEqual(await found(), { file: usual, isNew: true, hiddenBy: undefined });
  const moved = path.join(home, 'moved');
  assert.equal((await found({ XDG_CONFIG_HOME: ' ' })).file, usual);
  assert.equal(
    (await found({ XDG_CONFIG_HOME: moved })).file,
    path.join(moved, 'marimo', 'marimo.toml'),
  );
  await mkdir(path.dirname(usual), { recursive: true });
  await writeFile(usual, '');
  assert.equal((await found()).isNew, false);
  const inHome = path.join(home, '.marimo.toml');
  await writeFile(inHome, '');
  assert.deepEqual(await found(), { file: inHome, isNew: false, hiddenBy: undefined });
  const shared = path.join(home, 'work', '.marimo.toml');
  await writeFile(shared, '');
  assert.deepEqual(await found(), { file: inHome, isNew: false, hiddenBy: shared });
});
