import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { findCaching } from '../../../src/store/settings/marimo';

const project = (value: string) => `[tool.marimo.runtime]\ncache_cells = ${value}\n`;
const own = (value: string) => `[runtime]\ncache_cells = ${value}\n`;
const metadata = (value: string) =>
  `# /// script\n# [tool.marimo.runtime]\n# cache_cells = ${value}\n# ///\n\nimport marimo\n`;

/** Values of `auto_reload`, as TOML, and whether marimo loads modules anew by them. */
const reloading = [
  ['"off"', false],
  ['"lazy"', true],
  ['"autorun"', true],
  // As older ones of marimo had it.
  ['false', false],
  ['true', true],
] as const;

const cases: {
  readonly name: string;
  readonly text?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly on: boolean | undefined;
}[] = [
  { name: 'nobody says anything', on: false },
  { name: 'the notebook turns it on', text: metadata('true'), on: true },
  {
    name: 'the notebook turns it off, whatever the project says',
    text: metadata('false'),
    files: { 'work/pyproject.toml': project('true') },
    on: false,
  },
  {
    name: 'its metadata are of other things',
    text: '# /// script\n# dependencies = ["marimo"]\n# ///\n',
    files: { 'work/pyproject.toml': project('true') },
    on: true,
  },
  { name: 'a project above', files: { 'pyproject.toml': project('true') }, on: true },
  {
    name: 'the nearest project counts alone',
    files: { 'work/pyproject.toml': '', 'pyproject.toml': project('true') },
    on: false,
  },
  { name: 'the user', files: { 'home/.config/marimo/marimo.toml': own('true') }, on: true },
  {
    name: 'a .marimo.toml above the notebook in its place',
    files: { '.marimo.toml': own('true'), 'home/.config/marimo/marimo.toml': own('false') },
    on: true,
  },
  {
    name: 'a project before the user',
    files: {
      'work/pyproject.toml': project('false'),
      'home/.config/marimo/marimo.toml': own('true'),
    },
    on: false,
  },
  { name: 'a broken project', files: { 'work/pyproject.toml': '[tool' }, on: undefined },
  {
    name: 'a project with a whole number that only Python holds',
    files: { 'work/pyproject.toml': `seed = 9007199254740993\n${project('true')}` },
    on: true,
  },
  { name: 'broken metadata', text: '# /// script\n# [tool\n# ///\n', on: undefined },
  { name: 'several blocks', text: metadata('true') + metadata('true'), on: undefined },
];

for (const { name, text = '', files = {}, on } of cases) {
  test(`whether cells are cached: ${name}`, async (t) => {
    const top = await realpath(await mkdtemp(path.join(tmpdir(), 'cellar-caching-')));
    t.after(() => rm(top, { recursive: true, force: true }));
    await mkdir(path.join(top, 'work'));
    for (const [file, content] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(top, file)), { recursive: true });
      await writeFile(path.join(top, file), content);
    }
    const user = { env: {}, home: path.join(top, 'home') };
    assert.equal((await findCaching(path.join(top, 'work'), text, user)).on, on);
  });
}

test('whether modules are loaded anew', async (t) => {
  const top = await realpath(await mkdtemp(path.join(tmpdir(), 'cellar-caching-')));
  t.after(() => rm(top, { recursive: true, force: true }));
  const user = { env: {}, home: path.join(top, 'home') };
  const reloads = async () => (await findCaching(top, '', user)).reloads;
  assert.equal(await reloads(), false);
  for (const [value, expected] of reloading) {
    await writeFile(
      path.join(top, 'pyproject.toml'),
      `[tool.marimo.runtime]\nauto_reload = ${value}\n`,
    );
    assert.equal(await reloads(), expected, value);
  }
});
