import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type { Machine, Result } from './cases';
import type { Figure } from './figures';

/** Writes RESULTS.md into `folder`. */
export async function writeResults(
  folder: string,
  machine: Machine,
  results: readonly Result[],
  figures: readonly Figure[],
): Promise<void> {
  await writeFile(path.join(folder, 'RESULTS.md'), text(machine, results, figures));
}

function text(machine: Machine, results: readonly Result[], figures: readonly Figure[]): string {
  const cpus = os.cpus();
  const hardware = `${cpus.length} cores (${cpus[0]?.model ?? 'unknown'}), ${Math.round(os.totalmem() / 2 ** 30)} GiB`;
  return `# Figures

Written by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}. Machine: ${hardware}, ${os.type()} ${os.arch()}, ${machine.folder}; ${(os.loadavg()[2] ?? 0).toFixed(1)} processes wanted a core in the quarter of an hour before its end, the benchmark's own among them. Node ${process.version}, Python ${machine.python}, SQLite ${machine.sqlite}, ${Object.entries(
    machine.versions,
  )
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')}.

| case | subject | ratio |
| --- | --- | --- |
${results.map(({ id, subject, ratio }) => `| ${id} | ${subject} | ${ratio.toFixed(2)} |`).join('\n')}

| what | figure | how |
| --- | --- | --- |
${figures.map(({ what, value, how }) => `| ${what} | ${value} | ${how} |`).join('\n')}
`;
}
