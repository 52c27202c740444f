import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { newestPython } from '../test/environment';
import { runNotebook } from '../test/kernel';
import { median, type Figure } from './figures';

const SAMPLE = 'diabetes.py';
const ROUNDS = 7;

/**
 * A sample's cold and warm run with Cellar beside the same with marimo's own file store, in
 * interleaved rounds, so that whatever else the machine does meets both.
 */
export async function measure(): Promise<Figure[]> {
  const python = newestPython();
  const times = {
    cellar: { cold: [] as number[], warm: [] as number[] },
    files: { cold: [] as number[], warm: [] as number[] },
  };
  const folder = await mkdtemp(path.join(tmpdir(), 'cellar-bench-'));
  try {
    const notebook = path.join(folder, SAMPLE);
    await cp(path.resolve(import.meta.dirname, '..', 'sample', SAMPLE), notebook);
    for (let round = 0; round < ROUNDS; round++) {
      const subjects =
        round % 2 === 0 ? (['cellar', 'files'] as const) : (['files', 'cellar'] as const);
      for (const subject of subjects) {
        await rm(path.join(folder, '__marimo__'), { recursive: true, force: true });
        for (const run of ['cold', 'warm'] as const) {
          const begun = performance.now();
          await runNotebook(python, notebook, subject === 'files' ? { PYTHONPATH: '' } : {});
          times[subject][run].push(performance.now() - begun);
        }
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return (['cold', 'warm'] as const).map((run) => {
    const cellar = median(times.cellar[run]) / 1000;
    const files = median(times.files[run]) / 1000;
    return {
      what: `A ${run} run of sample/${SAMPLE}, marimo's file store being 1`,
      value: (cellar / files).toFixed(2),
      how:
        `${cellar.toFixed(2)} s against ${files.toFixed(2)} s for all of marimo export, its start ` +
        `included; medians of ${ROUNDS} interleaved rounds`,
    };
  });
}
