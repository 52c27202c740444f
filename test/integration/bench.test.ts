import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { test } from 'node:test';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '..', '..');

/** What has to be measured, whatever the sizes. */
const WORK = [
  ...['put', 'get-hot', 'get-first', 'get-cold', 'hit', 'miss'],
  ...['mapped', 'mapped-npy', 'mapped-signed'],
  ...['list', 'totals', 'clear', 'disk', 'threads8', 'procs4', 'memory', 'entry6', 'entry6-get'],
  ...['pickle', 'pickle-get', 'notebook-warm', 'notebook-warm-wall', 'notebook-cold'],
  ...['notebook-cold-wall', 'frames-warm', 'frames-warm-wall', 'calls-warm'],
  'calls-cold',
];

/** `npm run bench`, without npm's own words. @returns its standard output */
async function bench(...args: string[]): Promise<string> {
  const program = path.join(root, 'scripts', 'bench.mjs');
  const { stdout } = await run(process.execPath, [program, ...args], {
    cwd: root,
    maxBuffer: 16 * 1024 * 1024,
  });
  return stdout;
}

test('a quick benchmark prints a ratio for every case that it promises, and nothing else', async () => {
  const promised = (await bench('--list', '--quick')).trim().split('\n');
  const { cases } = JSON.parse(await bench('--quick', '--json')) as {
    cases: { id: string; subject: string; ratio: number; rounds: number }[];
  };

  const measured = cases.filter(({ subject }) => subject === 'cellar').map(({ id }) => id);
  assert.deepEqual(measured, promised);
  const work = new Set(measured.map((id) => id.split('/')[0]));
  assert.deepEqual(
    WORK.filter((name) => !work.has(name)),
    [],
  );
  for (const { id, subject, ratio, rounds } of cases) {
    // Whether it is a good one depends on what else this machine does.
    assert.ok(Number.isFinite(ratio) && ratio > 0, `${subject} in ${id}: ${ratio}`);
    assert.equal(rounds, 1);
  }
});
