import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { scriptSettings, useFilesAgain, useSqlite } from '../../src/explorer/setup/userConfig';
import { userConfig } from '../../src/store/settings/marimo';
import { pythons } from '../environment';
import { bundledPython } from '../kernel';

const run = promisify(execFile);

const notebook = `import marimo

app = marimo.App()


@app.cell
def kept():
    import marimo as mo

    with mo.persistent_cache("kept"):
        value = [1, 2, 3]
    return (value,)


if __name__ == "__main__":
    app.run()
`;

for (const { version, python } of pythons()) {
  test(`marimo ${version}: the line makes scripts keep their results in SQLite`, async (t) => {
    const home = await mkdtemp(path.join(tmpdir(), 'cellar-scripts-'));
    t.after(() => rm(home, { recursive: true, force: true }));
    const folder = path.join(home, 'work');
    await mkdir(folder);
    await writeFile(path.join(folder, 'script.py'), notebook);
    const env = { ...process.env, XDG_CONFIG_HOME: undefined };
    const { file } = await userConfig(folder, { env: {}, home });
    const before = '# mine\n[display]\ntheme = "dark"\n';
    await mkdir(path.dirname(file), { recursive: true });
    const setting = scriptSettings[version === '0.24.0' ? '0.24.0' : '0.24.1'];
    const script = async () => {
      const { stderr } = await run(python, ['script.py'], {
        cwd: folder,
        env: { ...env, HOME: home, USERPROFILE: home, PYTHONPATH: bundledPython },
      });
      assert.equal(stderr, '');
      const files = await readdir(path.join(folder, '__marimo__', 'cache'));
      await rm(path.join(folder, '__marimo__'), { recursive: true });
      return files;
    };

    await writeFile(file, useSqlite(before, setting).text);
    const inSqlite = await script();
    assert.ok(inSqlite.includes('cache.db') && !inSqlite.includes('kept'), String(inSqlite));

    await writeFile(file, useFilesAgain(await readFile(file, 'utf8'), setting));
    assert.equal(await readFile(file, 'utf8'), before);
    const inFiles = await script();
    assert.ok(!inFiles.includes('cache.db') && inFiles.includes('kept'), String(inFiles));
  });
}
