import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { pythons } from '../test/environment';
import * as editor from './editor';
import type { Figure } from './figures';
import * as hover from './hover';
import * as overhead from './overhead';
import * as size from './package';

/** `npm run bench`: measures everything and writes RESULTS.md beside this file. */
async function main(): Promise<void> {
  const load = os.loadavg()[0] ?? 0;
  const figures: Figure[] = [];
  for (const workload of [size, hover, editor, overhead]) {
    for (const figure of await workload.measure()) {
      console.log(`${figure.what}: ${figure.value} (${figure.how})`);
      figures.push(figure);
    }
  }
  await writeFile(path.join(import.meta.dirname, 'RESULTS.md'), results(figures, load));
}

/** @param load processes that wanted a core in the minute before, on average */
function results(figures: readonly Figure[], load: number): string {
  const cpus = os.cpus();
  const machine = `${cpus.length} cores (${cpus[0]?.model ?? 'unknown'}), ${Math.round(os.totalmem() / 2 ** 30)} GiB`;
  return `# Figures

Written by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}. Machine: ${machine}, ${os.type()} ${os.arch()}; ${load.toFixed(1)} processes wanted a core when it began. Node ${process.version}, marimo ${pythons().at(-1)?.version ?? 'unknown'}.

| what | figure | how |
| --- | --- | --- |
${figures.map(({ what, value, how }) => `| ${what} | ${value} | ${how} |`).join('\n')}

## What to conclude

- A run of a whole notebook is mostly the start of Python, marimo and its libraries, the same with both stores, and varies with whatever else the machine does. Read these two ratios on a quiet machine, and only as a sign that neither store costs what a person would notice: they do not say how the stores compare.
- The times in VS Code include the browser that drives it, so they are upper bounds of what the extension takes.
`;
}

void main();
