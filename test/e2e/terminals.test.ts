import assert from 'node:assert/strict';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { SqliteLoader } from '../../src/store/SqliteLoader';
import { newestPython, pythons, uv } from '../environment';
import { plainNotebook } from '../notebooks';
import { emptyFolder, stepsIn } from './steps';
import { VsCode } from './VsCode';

const version = pythons().at(-1)?.version ?? '';
const notebook = `# /// script
# requires-python = ">=3.10"
# dependencies = ["marimo==${version}"]
#
# [tool.marimo.runtime]
# cache_cells = true
# ///
${plainNotebook}`;

test('a kernel started in a terminal uses the cache', async (t) => {
  const folder = await emptyFolder(t);
  const cache = path.join(folder, '__marimo__', 'cache', 'cache.db');
  const file = (name: string) => path.join(folder, name);
  await writeFile(file('notebook.py'), notebook);
  const vsCode = await VsCode.open({
    folder,
    environment: { PYTHONPATH: '' },
    settings: {
      [`terminal.integrated.env.${process.platform === 'darwin' ? 'osx' : 'linux'}`]: {
        PATH: [path.dirname(uv()), process.env.PATH].join(path.delimiter),
      },
    },
  });
  t.after(() => vsCode.close());
  const step = stepsIn(t, vsCode, 'terminal');

  /** Runs a line in a new terminal and waits for its end. */
  const inTerminal = async (line: string, seconds = 60): Promise<void> => {
    await rm(file('done'), { force: true });
    await vsCode.runInTerminal(`${line}; echo $? > done`);
    await vsCode.eventually(async () => {
      assert.match(await readFile(file('done'), 'utf8'), /\d/);
    }, seconds);
    assert.equal((await readFile(file('done'), 'utf8')).trim(), '0', line);
  };

  const cached = async (): Promise<number> => {
    const loader = await SqliteLoader.open(cache);
    try {
      const [app] = await loader.apps();
      return app?.entries ?? 0;
    } finally {
      await loader.close();
    }
  };

  await step('PYTHONPATH names the package, and nothing empty', async () => {
    await vsCode.tree.show();
    await vsCode.tree.pane.getByText('Nothing is cached here yet').waitFor({ timeout: 30_000 });
    await inTerminal('printenv PYTHONPATH > path.txt');
    const parts = (await readFile(file('path.txt'), 'utf8')).trim().split(path.delimiter);
    assert.ok(!parts.includes(''), 'an empty entry would mean the working directory');
    const [first] = parts;
    assert.ok(first !== undefined && path.isAbsolute(first));
    await stat(path.join(first, 'marimo_cellar', '__init__.py'));
  });

  const ways: [string, string][] = [
    ['a virtual environment', `"${newestPython()}" -m marimo export html --no-sandbox notebook.py`],
    [
      'uv run',
      `uv run --no-project --with marimo==${version} marimo export html --no-sandbox notebook.py`,
    ],
    ["marimo's sandbox", `"${newestPython()}" -m marimo export html --sandbox notebook.py`],
  ];
  for (const [way, line] of ways) {
    await step(`a kernel in ${way} fills it`, async () => {
      await rm(path.dirname(cache), { recursive: true, force: true });
      await inTerminal(`${line} > page.html`, 120);
      assert.equal(await cached(), 1);
    });
  }

  await step('python -E ignores it, and marimo runs without Cellar', async () => {
    await rm(path.dirname(cache), { recursive: true, force: true });
    await inTerminal(
      `"${newestPython()}" -E -m marimo export html --no-sandbox notebook.py > page.html`,
    );
    await assert.rejects(stat(cache));
  });
});
