import { mkdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type { Result } from './cases';
import type { Figure } from './figures';
import { goalOf } from './goals';
import type { Kept } from './kept';
import { plot } from './plots';

const SUBJECTS = ['cellar', 'cellar[fast]', 'diskcache', 'joblib'];
/** In the plots a second line of ours would say little. */
const PLOTTED = ['cellar', 'diskcache', 'joblib'];

/** The sections of the file, each with the work that its table shows. */
const SECTIONS = [
  {
    title: 'One value by its key',
    work: ['put', 'sha256', 'get-hot', 'get-first', 'get-cold', 'hit', 'miss'],
  },
  {
    title: "Whole results through marimo's loaders",
    work: ['entry6', 'entry6-get', 'pickle', 'pickle-get'],
  },
  {
    title: 'Arrays and frames to first use',
    work: ['mapped', 'mapped-npy', 'mapped-signed', 'mapped-npy-signed'],
  },
  { title: 'Many at once (operations in a second: more is better)', work: ['threads8', 'procs4'] },
  { title: 'A cache of many entries', work: ['list', 'totals', 'clear', 'clear-known'] },
  {
    title: 'Disk and memory',
    work: ['disk', 'disk-twice', 'memory', 'memory-put', 'memory-get'],
  },
  {
    title: 'Whole notebooks',
    work: [
      ...['notebook-warm', 'notebook-warm-wall', 'notebook-cold', 'notebook-cold-wall'],
      ...['frames-warm', 'frames-warm-wall'],
      ...['functions-warm', 'functions-warm-wall', 'functions-cold', 'functions-cold-wall'],
      ...['list-warm', 'list-warm-wall', 'list-cold', 'list-cold-wall'],
      ...['calls-warm', 'calls-cold', 'calls-within'],
    ],
  },
];

const PLOTS = [
  { work: 'put', title: 'put: seconds against marimo’s files (less is better)' },
  { work: 'get-hot', title: 'get, from memory: seconds against marimo’s files (less is better)' },
  {
    work: 'get-cold',
    title: 'get, from the disk: seconds against marimo’s files (less is better)',
  },
];

/** Writes RESULTS.md and its plots into `folder`. @param ids the cases that it should hold */
export async function writeResults(
  folder: string,
  kept: Kept,
  ids: readonly string[],
): Promise<void> {
  const { results, figures } = kept;
  await mkdir(path.join(folder, 'plots'), { recursive: true });
  for (const { work, title } of PLOTS) {
    await writeFile(path.join(folder, 'plots', `${work}.svg`), plotOf(title, work, results));
  }
  const note = (name: string) => readFile(path.join(folder, 'notes', `${name}.md`), 'utf8');
  const text = [
    '# Figures\n',
    about(kept, ids),
    await note('method'),
    ...SECTIONS.map(({ title, work }) => `## ${title}\n\n${pictures(work)}${table(work, results)}`),
    `## In VS Code\n\n${figureTable(figures)}`,
    `## Where Cellar loses\n\n${losses(results)}`,
    `## What to conclude\n\n${await note('conclusions')}`,
    `## What was tried, and did not help\n\n${await note('tried')}`,
  ];
  await writeFile(
    path.join(folder, 'RESULTS.md'),
    text.map((part) => `${part.trimEnd()}\n`).join('\n'),
  );
}

function about({ machine, results, figures }: Kept, ids: readonly string[]): string {
  const cpus = os.cpus();
  const hardware = `${cpus.length} cores (${cpus[0]?.model ?? 'unknown'}), ${Math.round(os.totalmem() / 2 ** 30)} GiB`;
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  const occasions = [...results, ...figures];
  const dates = range(occasions.map(({ date }) => date).toSorted());
  const loads = range(occasions.map(({ load }) => load).toSorted((a, b) => a - b));
  const missing = ids.filter((id) => !results.some((one) => one.id === id));
  return [
    `Written by \`npm run bench\`, measured ${dates}. Machine: ${hardware}, ${os.type()} ${os.arch()}, caches on ${machine.folder}; ${loads} processes wanted a core meanwhile, the benchmark's own among them. Node ${process.version}, Python ${machine.python}, SQLite ${machine.sqlite}, ${versions.join(', ')}. The page cache was dropped by \`${machine.cold}\`.\n`,
    ...(missing.length === 0 ? [] : [`Not measured yet: ${missing.join(', ')}.\n`]),
  ].join('\n');
}

/** @param values sorted */
function range(values: readonly (string | number)[]): string {
  const [first, last] = [values[0] ?? '', values.at(-1) ?? ''];
  return first === last ? String(first) : `${first} to ${last}`;
}

const pictures = (work: readonly string[]): string =>
  PLOTS.filter((one) => work.includes(one.work))
    .map(({ work: name, title }) => `![${title}](plots/${name}.svg)\n\n`)
    .join('');

function plotOf(title: string, work: string, results: readonly Result[]): string {
  const of = results.filter(({ id }) => id.split('/')[0] === work);
  const ids = [...new Set(of.map(({ id }) => id))];
  const lines = PLOTTED.map((name) => ({
    name,
    values: ids.map((id) => of.find((one) => one.id === id && one.subject === name)?.ratio),
  }));
  return plot(
    title,
    ids.map((id) => id.split('/')[1] ?? id),
    lines,
  );
}

function table(work: readonly string[], results: readonly Result[]): string {
  const shown = results.filter(({ id }) => work.includes(id.split('/')[0] ?? ''));
  const ids = [...new Set(shown.map(({ id }) => id))];
  const subjects = SUBJECTS.filter((name) => shown.some(({ subject }) => subject === name));
  const rows = ids.map((id) => {
    const ours = shown.filter((one) => one.id === id);
    const cell = (name: string) => {
      const found = ours.find(({ subject }) => subject === name);
      return found === undefined ? '' : ratioOf(found);
    };
    const base = ours[0] === undefined ? '' : quantity(ours[0].base, ours[0].unit);
    return [id, base, ...subjects.map(cell), goalText(id, ours[0]?.unit)];
  });
  return markdown(['case', 'files', ...subjects, 'goal'], rows);
}

/** Cellar's with its quartiles; and of memory, what is beyond the payload. */
function ratioOf({ id, subject, ratio, low, high, median, unit }: Result): string {
  if (subject !== 'cellar') return round(ratio);
  const text = `**${round(ratio)}** (${round(low)} to ${round(high)})`;
  return unit === 'B' && id.startsWith('memory') ? `${text}, ${quantity(median, unit)}` : text;
}

const goalText = (id: string, unit: Result['unit'] | undefined): string => {
  const goal = goalOf(id);
  return goal === undefined ? '' : `${unit === '1/s' ? '≥' : '≤'} ${goal}`;
};

function figureTable(figures: readonly Figure[]): string {
  return markdown(
    ['what', 'figure', 'goal', 'how'],
    figures.map(({ what, value, goal, how }) => [what, value, goal ?? '', how]),
  );
}

/** Every case that misses its goal, and of the others those that are behind the file store. */
function losses(results: readonly Result[]): string {
  const ours = results.filter(
    ({ id, subject }) => subject === 'cellar' && !id.startsWith('sha256/'),
  );
  const worse = ({ ratio, unit }: Result, than: number) =>
    unit === '1/s' ? ratio < than : ratio > than;
  const missed = ours.filter((one) => worse(one, goalOf(one.id) ?? Infinity * sign(one)));
  const behind = ours.filter((one) => !missed.includes(one) && worse(one, 1));
  const list = (of: Result[]) =>
    of.map((one) => `\`${one.id}\` ${round(one.ratio)}`).join(', ') || 'none';
  return (
    `Behind its goal: ${list(missed)}.\n\n` +
    `Behind marimo's files, as the goal allows or without a goal: ${list(behind)}.\n`
  );
}

const sign = ({ unit }: Result): number => (unit === '1/s' ? -1 : 1);

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('');
}

const round = (value: number): string =>
  value >= 10 ? value.toFixed(0) : value >= 0.1 ? value.toFixed(2) : value.toPrecision(1);

function quantity(value: number, unit: Result['unit']): string {
  switch (unit) {
    case 's':
      return value < 1e-3
        ? `${(value * 1e6).toFixed(0)} µs`
        : value < 1
          ? `${(value * 1e3).toPrecision(3)} ms`
          : `${value.toFixed(2)} s`;
    case 'B':
      return `${(value / 1e6).toFixed(value < 1e7 ? 2 : 0)} MB`;
    case '1/s':
      return `${value.toFixed(0)}/s`;
  }
}
