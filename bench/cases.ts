import { spawn } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { benchPython } from '../test/environment';
import type { Options } from './options';

/** One subject in one case, beside marimo's file store; made by bench/stores/rounds.py. */
export interface Result {
  readonly id: string;
  readonly subject: string;
  /** The median of the rounds' ratios; of `low` and `high`, their quartiles. */
  readonly ratio: number;
  readonly rounds: number;
  readonly low: number;
  readonly high: number;
  /** The subject's own figure and the file store's, in `unit`. */
  readonly median: number;
  readonly base: number;
  /** Seconds and bytes: less is better; operations in a second: more is. */
  readonly unit: 's' | 'B' | '1/s';
}

/** What the Python side ran on. */
export interface Machine {
  readonly python: string;
  readonly sqlite: string;
  readonly versions: Readonly<Record<string, string>>;
  /** The type of file system that the caches were on. */
  readonly folder: string;
  /** How what the system keeps of files in memory was dropped. */
  readonly cold: string;
}

/** @returns the ids that a run with these options promises */
export async function idsOf(options: Options): Promise<string[]> {
  for await (const line of lines(['--list', ...argumentsOf(options)])) {
    return JSON.parse(line) as string[];
  }
  throw new Error('the list of cases is empty');
}

/**
 * Measures the stores in one process group of Python.
 * @param tell hears of every result
 * @returns what it ran on
 */
export async function measureCases(
  options: Options,
  tell: (result: Result) => void,
): Promise<Machine> {
  let machine: Machine | undefined;
  for await (const line of lines(argumentsOf(options))) {
    // What our own program beside this one prints: its shape is that of rounds.py.
    const said = JSON.parse(line) as { machine: Machine } | { result: Result };
    if ('machine' in said) machine = said.machine;
    else tell(said.result);
  }
  if (machine === undefined) throw new Error('nothing was measured');
  return machine;
}

function argumentsOf({ quick, only, rounds }: Options): string[] {
  return [
    ...(quick ? ['--quick'] : []),
    ...(only === undefined ? [] : ['--only', only.join(',')]),
    ...(rounds === undefined ? [] : ['--rounds', String(rounds)]),
  ];
}

/** Runs bench/stores. @returns what it prints, line by line; what goes wrong is shown as it comes */
async function* lines(args: readonly string[]): AsyncGenerator<string> {
  const python = path.resolve(import.meta.dirname, '..', 'python');
  const child = spawn(benchPython(), ['-m', 'stores', '--package', python, ...args], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  yield* createInterface({ input: child.stdout });
  const code = await ended;
  if (code !== 0) throw new Error(`the stores' benchmark ended with code ${code}`);
}
