import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { bundledPython } from '../test/kernel';
import { newestPython } from '../test/environment';
import { randomNumbers } from '../test/random';
import { FreshnessTrial, type Tally } from './freshness/FreshnessTrial';
import { samples, smaller } from './freshness/samples';

const EDITS = 200;
const SEED = 20261126;

/** `npm run freshness`: what is said of cells before a run, compared with what the run met. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      edits: { type: 'string', default: String(EDITS) },
      seed: { type: 'string', default: String(SEED) },
      // Every prediction that was not right, on standard error.
      verbose: { type: 'boolean', default: false },
    },
  });
  const edits = Number(values.edits);
  const folder = await mkdtemp(path.join(tmpdir(), 'cellar-freshness-'));
  const kernels = startKernels();
  const tally: Tally = { fresh: 0, falseFresh: 0, changedHit: 0, misses: 0, right: 0 };
  try {
    const below = randomNumbers(Number(values.seed));
    for (const [index, sample] of samples.entries()) {
      const share =
        Math.floor((edits * (index + 1)) / samples.length) -
        Math.floor((edits * index) / samples.length);
      const text = smaller(await readFile(sample, 'utf8'));
      const notebook = path.join(folder, path.basename(sample));
      await writeFile(notebook, text);
      const trial = new FreshnessTrial(notebook, text, kernels.run, below, tally);
      trial.onWrong = values.verbose
        ? (line) => {
            console.error(line);
          }
        : undefined;
      await trial.run(share);
    }
  } finally {
    await kernels.stop();
    await rm(folder, { recursive: true, force: true });
  }
  const right = tally.misses === 0 ? 1 : tally.right / tally.misses;
  if (values.json) {
    console.log(JSON.stringify({ false_fresh: tally.falseFresh, reason_right: right, edits }));
    return;
  }
  const percent = `${(100 * right).toFixed(1)} %`;
  console.log(`${edits} edits of the samples, each followed by a run; seed ${values.seed}`);
  console.log(`Said to be fresh: ${tally.fresh} cells, of which ${tally.falseFresh} missed`);
  console.log(`Said to be changed, and hit all the same: ${tally.changedHit}`);
  console.log(`Misses: ${tally.misses}, with the right reason said before: ${percent}`);
}

/** The process that runs notebooks, one at a time. */
function startKernels(): { run: (notebook: string) => Promise<void>; stop: () => Promise<void> } {
  const modules = ['marimo', 'matplotlib.pyplot', 'pandas', 'polars', 'pyarrow'];
  const parts = ['cluster', 'datasets', 'decomposition', 'ensemble', 'linear_model', 'manifold'];
  const more = ['metrics', 'model_selection', 'neighbors'];
  const learn = [...parts, ...more].map((part) => `sklearn.${part}`);
  const program = path.resolve(import.meta.dirname, 'freshness', 'runs.py');
  // The package as it is built, and the tests of its sources.
  const ours = [bundledPython, path.resolve(import.meta.dirname, '..', 'python')];
  const PYTHONPATH = ours.join(path.delimiter);
  const child = spawn(newestPython(), [program, ...modules, ...learn], {
    env: { ...process.env, PYTHONPATH, MPLBACKEND: 'agg', OMP_NUM_THREADS: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    run: async (notebook) => {
      child.stdin.write(`${notebook}\n`);
      const line = (await lines.next()) as IteratorResult<string, undefined>;
      if (line.value !== '0') throw new Error(`${notebook} did not run`);
    },
    stop: async () => {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

void main();
