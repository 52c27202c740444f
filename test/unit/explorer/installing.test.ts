import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import test from 'node:test';
import { InstallFailure, install, wayToInstall } from '../../../src/explorer/setup/installing';
import { type Interpreter, ask, interpreterOf } from '../../../src/explorer/setup/interpreters';
import { run } from '../../../src/explorer/setup/run';

const python = process.platform === 'win32' ? 'python' : 'python3';

const plain: Interpreter = {
  executable: '/env/bin/python',
  version: '3.12.4',
  prefix: '/env',
  purelib: '/env/lib/python3.12/site-packages',
  pip: true,
  managed: false,
  marimo: '0.25.2',
  cellar: undefined,
};

test('pip where there is one, else uv, else by hand', () => {
  const wheel = '/w.whl';
  const pip = wayToInstall(plain, wheel, 'uv');
  assert.equal(pip.kind, 'pip');
  assert.ok('args' in pip && pip.args.includes('--no-deps') && pip.args.at(-1) === wheel);
  const uv = wayToInstall({ ...plain, pip: false }, wheel, 'uv');
  assert.equal(uv.kind, 'uv');
  assert.ok('args' in uv && uv.args.includes(plain.executable) && uv.args.at(-1) === wheel);
  assert.equal(wayToInstall({ ...plain, pip: false }, wheel, undefined).kind, 'unpack');
});

test("the system's own Python and one that is too old are refused", () => {
  assert.deepEqual(wayToInstall({ ...plain, managed: true }, '/w.whl', 'uv'), {
    kind: 'refused',
    why: 'managed',
  });
  for (const version of ['2.7.18', '3.9.19']) {
    assert.deepEqual(wayToInstall({ ...plain, version }, '/w.whl', 'uv'), {
      kind: 'refused',
      why: 'tooOld',
    });
  }
  assert.equal(wayToInstall({ ...plain, version: '3.10.0' }, '/w.whl', 'uv').kind, 'pip');
});

/** A wheel of a package as small as can be, named as ours. */
const wheelMaker = `
import sys, zipfile
name, version = "marimo_cellar", "9.9.9"
info = f"{name}-{version}.dist-info"
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.writestr(f"{name}/__init__.py", "")
    wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(f"{info}/RECORD", "")
`;

test('an environment with neither pip nor uv gets the wheel, and loses the version before', async (t) => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'cellar-install-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const environment = path.join(root, 'env');
  const wheel = path.join(root, 'marimo_cellar-9.9.9-py3-none-any.whl');
  assert.equal((await run(python, ['-m', 'venv', '--without-pip', environment])).code, 0);
  assert.equal((await run(python, ['-c', wheelMaker, wheel])).code, 0);
  const interpreter = await ask(interpreterOf(environment));
  assert.ok(interpreter && !interpreter.pip && interpreter.cellar === undefined);
  const old = path.join(interpreter.purelib, 'marimo_cellar-0.0.1.dist-info');
  await mkdir(old, { recursive: true });
  await writeFile(path.join(old, 'METADATA'), 'Name: marimo_cellar\nVersion: 0.0.1\n');

  const output: string[] = [];
  const options = {
    signal: new AbortController().signal,
    onOutput: (text: string) => output.push(text),
    uv: path.join(root, 'no-uv'),
  };
  await install(interpreter, wheel, options);
  assert.equal((await ask(interpreter.executable))?.cellar, '9.9.9');
  assert.deepEqual(
    (await readdir(interpreter.purelib)).filter((name) => name.startsWith('marimo_cellar')),
    ['marimo_cellar', 'marimo_cellar-9.9.9.dist-info'],
  );
  assert.match(output[0] ?? '', /zipfile/, 'the log says what was run');

  await writeFile(wheel, 'not a wheel');
  await assert.rejects(install(interpreter, wheel, options), (error) => {
    assert.ok(error instanceof InstallFailure && error.why === 'failed');
    assert.match(error.detail, /not a zip file/i);
    return true;
  });
});
