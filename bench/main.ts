import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import * as activation from './activation';
import * as arrow from './arrow';
import * as audit from './audit';
import { idsOf, measureCases, type Result } from './cases';
import * as clearing from './clearing';
import { type Kept, readKept, renewed, writeKept } from './kept';
import * as hover from './hover';
import { parseOptions, type Options } from './options';
import * as overhead from './overhead';
import * as size from './package';
import * as parse from './parse';
import { writeResults } from './results';
import * as tree from './tree';

/** What is measured beside the stores, by the names that `--only` takes. */
const FIGURES = { size, activation, tree, hover, parse, arrow, audit, clearing, overhead };

/** `npm run bench`: measures, and after a whole run, or when told to, writes RESULTS.md beside this. */
async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options.list) {
    console.log((await idsOf(options)).join('\n'));
    return;
  }
  const tell = options.json ? console.error : console.log;
  const results: Kept['results'][number][] = [];
  const machine = await measureCases(options, (result) => {
    tell(sentence(result));
    results.push({ ...result, ...occasion() });
  });
  const figures: Kept['figures'][number][] = [];
  const failed: string[] = [];
  for (const [name, workload] of Object.entries(FIGURES)) {
    if (options.quick || !(options.only?.includes(name) ?? true)) continue;
    try {
      for (const figure of await workload.measure()) {
        tell(`${figure.what}: ${figure.value} (${figure.how})`);
        figures.push({ name, ...figure, ...occasion() });
      }
    } catch (error) {
      // What was measured before it took many minutes, and is kept all the same.
      failed.push(name);
      console.error(error);
    }
  }
  if (options.save || isWhole(options)) {
    const folder = path.resolve(import.meta.dirname);
    const before = isWhole(options) ? undefined : await readKept(folder);
    const ids = await idsOf({ ...options, only: undefined });
    const kept = renewed(before, { machine, results, figures }, ids);
    await writeKept(folder, kept);
    await writeResults(folder, kept, ids);
  }
  if (options.json) console.log(JSON.stringify({ cases: results.map(raw) }));
  if (failed.length > 0) {
    console.error(`Not measured: ${failed.join(', ')}`);
    process.exitCode = 1;
  }
}

const isWhole = ({ quick, only, rounds }: Options): boolean =>
  !quick && only === undefined && rounds === undefined;

const occasion = () => ({
  date: new Date().toISOString().slice(0, 10),
  load: Math.round((os.loadavg()[0] ?? 0) * 10) / 10,
});

const raw = ({ id, subject, ratio, rounds }: Result) => ({ id, subject, ratio, rounds });

const sentence = ({ id, subject, ratio, low, high, rounds }: Result): string =>
  `${id.padEnd(24)} ${subject.padEnd(12)} ${ratio.toFixed(2).padStart(8)}   ` +
  `(${low.toFixed(2)} to ${high.toFixed(2)}, ${rounds} rounds)`;

void main();
