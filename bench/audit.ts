import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { benchPython } from '../test/environment';
import type { Figure } from './figures';

const run = promisify(execFile);

const names = {
  noted: 'Noting a file that a cell opens',
  thread: 'Noting one that a thread of the cell opens',
  idle: 'The same hook while no cell is computed',
} as const;

/** What the audit hook, which notes the files that cells read, adds to an `open`. */
export async function measure(): Promise<Figure[]> {
  const { stdout } = await run(benchPython(), [path.join(import.meta.dirname, 'audit.py')], {
    env: { ...process.env, PYTHONPATH: path.resolve(import.meta.dirname, '..', 'python') },
  });
  const found = JSON.parse(stdout) as Record<keyof typeof names, number>;
  return Object.entries(names).map(([name, what]) => ({
    what,
    value: `${found[name as keyof typeof names].toFixed(2)} µs`,
    goal: '≤ 3 µs',
    how: 'added to the audit event of an open; medians of 101 interleaved rounds of 2,000',
  }));
}
