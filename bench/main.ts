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
  const figures: Figure[] = [];
  for (const workload of [size, hover, editor, overhead]) {
    for (const figure of await workload.measure()) {
      console.log(`${figure.what}: ${figure.value} (${figure.how})`);
      figures.push(figure);
    }
  }
  await writeFile(path.join(import.meta.dirname, 'RESULTS.md'), results(figures));
}

function results(figures: readonly Figure[]): string {
  const cpus = os.cpus();
  const machine = `${cpus.length} cores (${cpus[0]?.model ?? 'unknown'}), ${Math.round(os.totalmem() / 2 ** 30)} GiB`;
  return `# Figures

Written by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}. Machine: ${machine}, ${os.type()} ${os.arch()}. Node ${process.version}, marimo ${pythons().at(-1)?.version ?? 'unknown'}.

| what | figure | how |
| --- | --- | --- |
${figures.map(({ what, value, how }) => `| ${what} | ${value} | ${how} |`).join('\n')}

## What to conclude

- A run of a whole notebook is mostly the start of Python, marimo and its libraries, the same with both stores. A ratio near 1 says that Cellar costs nothing that a person notices; it does not say how the stores compare, for which the store itself has to be measured.
- The times in VS Code include the browser that drives it, so they are upper bounds of what the extension takes.
`;
}

void main();
