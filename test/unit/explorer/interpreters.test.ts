import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import {
  type Interpreter,
  ask,
  askAll,
  parseAnswer,
} from '../../../src/explorer/setup/interpreters';
import { run } from '../../../src/explorer/setup/run';

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

test('an answer is read behind what a site hook prints, and nothing else is believed', () => {
  assert.deepEqual(parseAnswer(`hello\n${JSON.stringify({ ...plain, cellar: null })}\n`), plain);
  for (const answer of ['', 'Python 2', '[]', 'null', '{"executable": 3}']) {
    assert.equal(parseAnswer(answer), undefined);
  }
});

test('a real Python answers, once an environment', async () => {
  const python = process.platform === 'win32' ? 'python' : 'python3';
  const answer = await ask(python);
  assert.ok(answer, 'the tests need a Python on the path');
  assert.match(answer.version, /^3\.\d+\.\d+$/);
  assert.ok(path.isAbsolute(answer.purelib));
  assert.equal((await askAll([python, answer.executable, '/no/such/python'])).length, 1);
});

test('what never answers is given up', { skip: process.platform === 'win32' }, async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'cellar-python-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const python = path.join(folder, 'python');
  await writeFile(python, '#!/bin/sh\nexec sleep 600\n');
  await chmod(python, 0o755);
  assert.equal(await ask(python, undefined, 100), undefined);
});

test('a program that is not there, fails or is stopped is told apart from one that ends well', async () => {
  assert.equal((await run('/no/such/program', [])).code, undefined);
  const failed = await run(process.execPath, ['-e', 'console.error("why"); process.exit(3)']);
  assert.deepEqual([failed.code, failed.output.trim(), failed.stdout], [3, 'why', '']);
  const abort = new AbortController();
  const stopped = run(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
    signal: abort.signal,
  });
  abort.abort();
  assert.equal((await stopped).code, undefined);
});
