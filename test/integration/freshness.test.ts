import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import test from 'node:test';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '..', '..');

test('what is said of cells comes true in the next run of a real kernel', async () => {
  const program = ['--import', 'tsx', '--require', './test/register.cjs', 'bench/freshness.ts'];
  const { stdout, stderr } = await run(
    process.execPath,
    [...program, '--json', '--verbose', '--edits', '12'],
    { cwd: root },
  );
  const result = JSON.parse(stdout) as Record<string, unknown>;
  assert.deepEqual(Object.keys(result), ['false_fresh', 'reason_right', 'edits']);
  assert.equal(result.false_fresh, 0, stderr);
  assert.equal(result.reason_right, 1, stderr);
  assert.equal(result.edits, 12);
});
