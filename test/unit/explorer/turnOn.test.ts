import assert from 'node:assert/strict';
import test from 'node:test';
import { CannotSet } from '../../../src/explorer/setup/tomlSetting';
import {
  hasMetadataBlock,
  takeOutOfNotebook,
  takeOutOfProject,
  turnOnInNotebook,
  turnOnInProject,
} from '../../../src/explorer/setup/turnOn';

const projects: { name: string; before: string; after: string; line: number }[] = [
  {
    name: 'an empty file',
    before: '',
    after: '[tool.marimo.runtime]\ncache_cells = true\n',
    line: 1,
  },
  {
    name: 'a file of others, whose comments and layout stay',
    before: '[project] # ours\nname  =  "a"\n\n\n',
    after: '[project] # ours\nname  =  "a"\n\n[tool.marimo.runtime]\ncache_cells = true\n\n\n',
    line: 4,
  },
  {
    name: 'a file with a whole number that only Python holds',
    before: '[tool.other]\nseed = 9007199254740993\n',
    after: '[tool.other]\nseed = 9007199254740993\n\n[tool.marimo.runtime]\ncache_cells = true\n',
    line: 4,
  },
  {
    name: 'a file that does not end in a newline',
    before: '[project]\nname = "a"',
    after: '[project]\nname = "a"\n\n[tool.marimo.runtime]\ncache_cells = true',
    line: 4,
  },
  {
    name: 'the table with other settings',
    before: '[tool.marimo.runtime]\nauto_reload = "lazy"\n\n[tool.ruff]\n',
    after: '[tool.marimo.runtime]\ncache_cells = true\nauto_reload = "lazy"\n\n[tool.ruff]\n',
    line: 1,
  },
  {
    name: 'the table in quotes and with spaces, indented',
    before: '  [ tool . "marimo" . runtime ] # here\n  auto_reload = "lazy"\n',
    after: '  [ tool . "marimo" . runtime ] # here\n  cache_cells = true\n  auto_reload = "lazy"\n',
    line: 1,
  },
  {
    name: 'the setting turned off, with a comment',
    before: '[tool.marimo.runtime]\ncache_cells = false  # too slow\n',
    after: '[tool.marimo.runtime]\ncache_cells = true  # too slow\n',
    line: 1,
  },
  {
    name: "marimo's other tables: beside them, before the comment of the next",
    before: '[tool.marimo.display]\ntheme = "dark"\n\n# lint\n[tool.ruff]\n',
    after:
      '[tool.marimo.display]\ntheme = "dark"\n\n[tool.marimo.runtime]\ncache_cells = true\n\n# lint\n[tool.ruff]\n',
    line: 4,
  },
  {
    name: 'dotted keys below tool.marimo',
    before: '[tool.marimo]\nruntime.auto_reload = "lazy"\n',
    after: '[tool.marimo]\nruntime.cache_cells = true\nruntime.auto_reload = "lazy"\n',
    line: 1,
  },
  {
    name: 'dotted keys from the top',
    before: 'tool.marimo.runtime.auto_reload = "lazy"\n',
    after: 'tool.marimo.runtime.cache_cells = true\ntool.marimo.runtime.auto_reload = "lazy"\n',
    line: 0,
  },
  {
    name: 'an inline table',
    before: '[tool.marimo]\nruntime = { auto_reload = "lazy" }\n',
    after: '[tool.marimo]\nruntime = { cache_cells = true, auto_reload = "lazy" }\n',
    line: 1,
  },
  {
    name: 'an empty inline table',
    before: '[tool.marimo]\nruntime = {}\n',
    after: '[tool.marimo]\nruntime = { cache_cells = true }\n',
    line: 1,
  },
  {
    name: 'the setting turned off in an inline table',
    before: '[tool]\nmarimo.runtime = {cache_cells=false, auto_reload="lazy"}\n',
    after: '[tool]\nmarimo.runtime = {cache_cells=true, auto_reload="lazy"}\n',
    line: 1,
  },
  {
    name: 'text in a string that looks like the table',
    before: '[project]\ndescription = """\n[tool.marimo.runtime]\ncache_cells = false\n"""\n',
    after:
      '[project]\ndescription = """\n[tool.marimo.runtime]\ncache_cells = false\n"""\n\n[tool.marimo.runtime]\ncache_cells = true\n',
    line: 7,
  },
  {
    name: 'lines that end as on Windows',
    before: '[project]\r\nname = "a"\r\n',
    after: '[project]\r\nname = "a"\r\n\r\n[tool.marimo.runtime]\r\ncache_cells = true\r\n',
    line: 4,
  },
];

for (const { name, before, after, line } of projects) {
  test(`pyproject.toml: ${name}`, () => {
    assert.deepEqual(turnOnInProject(before), { text: after, line, already: false });
    assert.deepEqual(turnOnInProject(after), { text: after, line, already: true });
  });
}

const app = 'import marimo\n\napp = marimo.App()\n';
const notebooks: { name: string; before: string; after: string; line: number }[] = [
  {
    name: 'without a block',
    before: app,
    after: `# /// script\n# [tool.marimo.runtime]\n# cache_cells = true\n# ///\n\n${app}`,
    line: 2,
  },
  {
    name: 'that can be run by its name',
    before: `#!/usr/bin/env python\n\n${app}`,
    after: `#!/usr/bin/env python\n# /// script\n# [tool.marimo.runtime]\n# cache_cells = true\n# ///\n\n${app}`,
    line: 3,
  },
  {
    name: 'with dependencies',
    before: `# /// script\n# dependencies = [\n#     "marimo",\n# ]\n# ///\n\n${app}`,
    after: `# /// script\n# dependencies = [\n#     "marimo",\n# ]\n#\n# [tool.marimo.runtime]\n# cache_cells = true\n# ///\n\n${app}`,
    line: 6,
  },
  {
    name: 'with the table',
    before: `# /// script\n# requires-python = ">=3.12"\n#\n# [tool.marimo.runtime]\n# auto_reload = "lazy"\n# ///\n${app}`,
    after: `# /// script\n# requires-python = ">=3.12"\n#\n# [tool.marimo.runtime]\n# cache_cells = true\n# auto_reload = "lazy"\n# ///\n${app}`,
    line: 4,
  },
  {
    name: 'with another kind of block and a lone marker',
    before: `# /// lock\n# version = 1\n# ///\n# ///\n${app}`,
    after: `# /// script\n# [tool.marimo.runtime]\n# cache_cells = true\n# ///\n\n# /// lock\n# version = 1\n# ///\n# ///\n${app}`,
    line: 2,
  },
  {
    name: 'whose lines end as on Windows',
    before: '# /// script\r\n# dependencies = []\r\n# ///\r\nimport marimo\r\n',
    after:
      '# /// script\r\n# dependencies = []\r\n#\r\n# [tool.marimo.runtime]\r\n# cache_cells = true\r\n# ///\r\nimport marimo\r\n',
    line: 4,
  },
];

for (const { name, before, after, line } of notebooks) {
  test(`a notebook ${name}`, () => {
    assert.deepEqual(turnOnInNotebook(before), { text: after, line, already: false });
    assert.deepEqual(turnOnInNotebook(after), { text: after, line, already: true });
    assert.equal(hasMetadataBlock(after), true);
    assert.equal(takeOutOfNotebook(after), before);
    assert.equal(takeOutOfNotebook(before), before);
  });
}

test('of pyproject.toml the setting goes, and its table where that held nothing else', () => {
  const others = '[project] # ours\nname  =  "a"\n';
  const table = '\n[tool.marimo.runtime]\ncache_cells = true\n';
  assert.equal(takeOutOfProject(others + table), others);
  assert.equal(
    takeOutOfProject(`${others}${table}auto_reload = "lazy"\n`),
    `${others}\n[tool.marimo.runtime]\nauto_reload = "lazy"\n`,
  );
  assert.throws(() => takeOutOfNotebook('# /// script\n# a = [\n# ///\n'), CannotSet);
});

const refused: { name: string; turnOn: () => unknown; why: CannotSet['why'] }[] = [
  { name: 'broken TOML', turnOn: () => turnOnInProject('[project\n'), why: 'brokenToml' },
  {
    name: 'a broken block',
    turnOn: () => turnOnInNotebook(`# /// script\n# dependencies = [\n# ///\n${app}`),
    why: 'brokenToml',
  },
  {
    name: 'two blocks',
    turnOn: () =>
      turnOnInNotebook('# /// script\n# a = 1\n# ///\n\n# /// script\n# b = 1\n# ///\n'),
    why: 'severalBlocks',
  },
  {
    name: 'something else of that name',
    turnOn: () => turnOnInProject('tool = "hammer"\n'),
    why: 'noPlace',
  },
  {
    name: 'a table that nothing can be added to',
    turnOn: () => turnOnInProject('tool = { marimo = { display = { theme = "dark" } } }\n'),
    why: 'noPlace',
  },
];

for (const { name, turnOn, why } of refused) {
  test(`refused: ${name}`, () => {
    assert.throws(turnOn, (error) => error instanceof CannotSet && error.why === why);
  });
}
