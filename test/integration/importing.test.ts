import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { Caches } from '../../src/store/Caches';
import { importFiles, removeFiles } from '../../src/store/stock/importing';
import { pythons } from '../environment';
import { bundledPython, runNotebook } from '../kernel';
import { cachingApp } from '../notebooks';

/** Each cell notes that it has computed something; what is served notes nothing. */
const notebook = `${cachingApp}


@app.cell
def start():
    import marimo as mo

    return (mo,)


@app.cell
def cell():
    print("cell", file=open("ran.txt", "a"))
    values = [1, bytes(range(256)) * 1000]
    return (values,)


@app.cell
def next_cell(values):
    print("next", file=open("ran.txt", "a"))
    amount = len(values)
    return (amount,)


@app.cell
def readable(mo):
    @mo.persistent_cache(method="json")
    def answer():
        print("readable", file=open("ran.txt", "a"))
        return [42, "Käse"]

    assert answer() == [42, "Käse"]
    return
`;

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cellar-import-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

for (const { version, python } of pythons()) {
  test(`marimo ${version} is served what TypeScript imported of its files`, async (t) => {
    const folder = await makeFolder(t);
    const home = await makeFolder(t);
    const file = path.join(folder, 'nb.py');
    await writeFile(file, notebook);
    const own = { HOME: home, XDG_CONFIG_HOME: home, XDG_STATE_HOME: home };
    const computed = async (pythonPath: string) => {
      await runNotebook(python, file, { ...own, PYTHONPATH: pythonPath });
      const notes = path.join(folder, 'ran.txt');
      const text = await readFile(notes, 'utf8').catch(() => '');
      await rm(notes, { force: true });
      return text.split('\n').filter(Boolean).sort();
    };
    assert.deepEqual(await computed(''), ['cell', 'next', 'readable']);

    const stock = path.join(folder, '__marimo__', 'cache');
    const place = { notebooks: folder, stock, database: path.join(stock, 'cache.db') };
    const caches = new Caches();
    t.after(() => caches.close());
    const report = await importFiles(caches, place);
    assert.deepEqual([report.damaged, report.there], [[], 0]);
    assert.ok(report.imported >= 3, String(report.imported));
    assert.equal(await removeFiles(caches, place, report.done), report.imported);
    const left = await readdir(stock, { recursive: true });
    assert.deepEqual(
      left.filter((name) => /\.(jsonl|json|pickle)$/.test(name) && !name.startsWith('blobs')),
      left.filter((name) => /^nb-[0-9a-f]{16}\.json$/.test(name)),
    );
    await caches.close();

    assert.deepEqual(await computed(bundledPython), []);
  });
}
