import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { serveFolder, type Served } from '../../src/endpoint/serveFolder';
import { storeSetting, withEndpoint } from '../../src/explorer/setup/servedStore';
import { Caches } from '../../src/store/Caches';
import { pythons } from '../environment';
import { bundledPython, runNotebook } from '../kernel';
import { cachingApp } from '../notebooks';

const run = promisify(execFile);

/** Each cell notes that it has computed something; what is served notes nothing. */
const notebook = `import marimo

app = marimo.App()


@app.cell
def start():
    import marimo as mo

    return (mo,)


@app.cell
def function(mo):
    @mo.persistent_cache
    def squares(n):
        print("squares", file=open("ran.txt", "a"))
        return {i: i * i for i in range(n)}

    assert len(squares(1000)) == 1000
    return


@app.cell
def block(mo):
    with mo.persistent_cache("block"):
        print("block", file=open("ran.txt", "a"))
        numbers = bytes(range(256)) * 1000
    assert len(numbers) == 256_000
    return


@app.cell
def readable(mo):
    with mo.persistent_cache("readable", method="json"):
        print("readable", file=open("ran.txt", "a"))
        answer = [42, "Käse"]
    assert answer == [42, "Käse"]
    return
`;

/** What is kept in pieces goes to the configured store only where the notebook says so itself. */
const lazyNotebook = `import marimo

app = marimo.App()


@app.cell
def pieces():
    import os
    import marimo as mo
    from marimo._save.loaders import LazyLoader
    from marimo._save.stores import get_store

    with mo.persistent_cache("pieces", method="lazy", store=get_store()):
        print("pieces", file=open("ran.txt", "a"))
        first = {"a": bytes(range(256)) * 1000}
        second = {1, 2, 3}
    # An export ends its kernel without waiting for what is still being sent.
    LazyLoader.flush_all()
    assert len(first["a"]) == 256_000 and second == {1, 2, 3}
    return
`;

/** Every cell is cached, as the folder's own files: marimo asks no configured store for them. */
const cellsNotebook = `${cachingApp}


@app.cell
def cell():
    print("cell", file=open("ran.txt", "a"))
    values = [1, bytes(10)]
    return (values,)


@app.cell
def next_cell(values):
    amount = len(values)
    return (amount,)
`;

async function makeFolder(t: TestContext, notebooks: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(path.join(tmpdir(), 'cellar-endpoint-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(notebooks)) {
    await writeFile(path.join(folder, name), text);
  }
  return folder;
}

/** What the run computed, in any order; and what marimo complained of. */
async function ran(python: string, notebook: string, environment: NodeJS.ProcessEnv) {
  const file = path.join(path.dirname(notebook), 'ran.txt');
  const complaints = await runNotebook(python, notebook, environment);
  const text = await readFile(file, 'utf8').catch(() => '');
  await rm(file, { force: true });
  return { computed: text.split('\n').filter(Boolean).sort(), complaints };
}

for (const { version, python } of pythons()) {
  const marimo = version === '0.24.0' ? '0.24.0' : '0.24.1';

  /** An environment without our package, whose marimo is told of the endpoint by the line. */
  const stockWith = async (t: TestContext, served: Served): Promise<NodeJS.ProcessEnv> => {
    const home = await makeFolder(t, {});
    const file = path.join(home, 'marimo', 'marimo.toml');
    await mkdir(path.dirname(file));
    const before = '[display]\ntheme = "dark"\n';
    await writeFile(file, withEndpoint(before, storeSetting(marimo, served)).text);
    return { PYTHONPATH: '', HOME: home, XDG_CONFIG_HOME: home, XDG_STATE_HOME: home };
  };
  const ours = async (t: TestContext): Promise<NodeJS.ProcessEnv> => {
    const home = await makeFolder(t, {});
    return { PYTHONPATH: bundledPython, HOME: home, XDG_CONFIG_HOME: home, XDG_STATE_HOME: home };
  };
  const serve = async (t: TestContext, folder: string) => {
    const caches = new Caches();
    const reports: unknown[] = [];
    const served = await serveFolder(caches, folder, undefined, (error) => reports.push(error));
    t.after(async () => {
      await served.close();
      await caches.close();
    });
    return { served, caches, reports };
  };

  test(`marimo ${version}: a kernel without Cellar is served, and one with it has the same`, async (t) => {
    const folder = await makeFolder(t, { 'nb.py': notebook });
    const file = path.join(folder, 'nb.py');
    const { served, caches, reports } = await serve(t, folder);
    const stock = await stockWith(t, served);
    const all = ['block', 'readable', 'squares'];

    assert.deepEqual(await ran(python, file, stock), { computed: all, complaints: '' });
    assert.deepEqual(await ran(python, file, stock), { computed: [], complaints: '' });
    const kept = await readdir(path.dirname(served.database));
    for (const name of all) assert.ok(!kept.includes(name), 'no file of marimo’s own');

    const loader = await caches.open(served.database);
    const [app, ...others] = await loader.apps();
    assert.deepEqual([app?.path, app?.entries, others.length], ['../../served', 3, 0]);

    assert.deepEqual((await ran(python, file, await ours(t))).computed, [], 'with our package');
    const own = (await loader.apps()).find(({ notebook }) => notebook === file);
    assert.equal(own?.entries, 3, 'they are its cells’ now');
    assert.deepEqual((await ran(python, file, stock)).computed, [], 'and are served still');

    await loader.clearApp(own.appId);
    assert.deepEqual((await ran(python, file, stock)).computed, all, 'until they are cleared');
    assert.deepEqual(reports, []);
  });

  test(`marimo ${version}: what a kernel with Cellar computed is served to one without`, async (t) => {
    const folder = await makeFolder(t, { 'nb.py': notebook });
    const file = path.join(folder, 'nb.py');
    assert.equal((await ran(python, file, await ours(t))).computed.length, 3);
    const { served } = await serve(t, folder);
    const stock = await stockWith(t, served);
    assert.deepEqual(await ran(python, file, stock), { computed: [], complaints: '' });
  });

  test(`marimo ${version}: entries in pieces are served where the notebook names the store and a key signs them`, async (t) => {
    const folder = await makeFolder(t, { 'lazy.py': lazyNotebook });
    const file = path.join(folder, 'lazy.py');
    const { served, caches } = await serve(t, folder);
    const { stdout: key } = await run(python, [
      '-c',
      'from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey as K\n' +
        'from cryptography.hazmat.primitives import serialization as s\n' +
        'print(K.generate().private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode())',
    ]);
    const stock = await stockWith(t, served);
    const signed = { ...stock, MARIMO_CACHE_SIGNING_PRIVATE_KEY: key };
    assert.deepEqual((await ran(python, file, signed)).computed, ['pieces']);
    assert.deepEqual(await ran(python, file, signed), { computed: [], complaints: '' });
    const loader = await caches.open(served.database);
    const [app] = await loader.apps();
    const [cell] = await loader.cells(app?.appId ?? 0);
    const [entry] = await loader.entries(cell?.cellId ?? 0);
    assert.equal(entry?.loader, 'lazy');
    assert.deepEqual((await loader.items(entry.entryId)).map(({ name }) => name).sort(), [
      'first',
      'manifest',
      'second',
    ]);
    // Without a key marimo takes nothing in pieces from a store that is not its own folder.
    assert.deepEqual((await ran(python, file, stock)).computed, ['pieces']);
  });

  test(`marimo ${version}: cached cells stay the kernel's own files beside what is served`, async (t) => {
    const folder = await makeFolder(t, { 'cells.py': cellsNotebook });
    const file = path.join(folder, 'cells.py');
    const { served } = await serve(t, folder);
    const stock = await stockWith(t, served);
    assert.deepEqual((await ran(python, file, stock)).computed, ['cell']);
    assert.deepEqual((await ran(python, file, stock)).computed, []);
    const kept = await readdir(path.dirname(served.database));
    assert.ok(kept.includes('cell_cache'));
  });

  test(`marimo ${version}: where nobody serves any more the notebook runs without a cache`, async (t) => {
    const folder = await makeFolder(t, { 'nb.py': notebook });
    const file = path.join(folder, 'nb.py');
    const { served } = await serve(t, folder);
    const stock = await stockWith(t, served);
    await served.close();
    const { computed, complaints } = await ran(python, file, stock);
    assert.equal(computed.length, 3);
    assert.match(complaints, /Connection refused/);
    assert.ok(!complaints.includes(served.token), 'and does not tell the token');
  });
}
