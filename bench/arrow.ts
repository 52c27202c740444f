import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { DecodingWorker } from '../src/formats/DecodingWorker';
import type { Page } from '../src/protocol/pages';
import { benchPython } from '../test/environment';
import { median, milliseconds, type Figure } from './figures';

const run = promisify(execFile);

const ROUNDS = 7;
const PAGE = 200;
/** Bytes of a batch that the preview decodes without asking, by its setting's default. */
const MAX_BATCH = 64 << 20;

interface Frame {
  readonly name: string;
  readonly rows: number;
  /** Rows of a record batch; all of them when it is undefined. */
  readonly batch?: number;
  /** Compressed, as marimo's own serialiser does with pandas frames. */
  readonly lz4?: boolean;
  readonly goals?: boolean;
}

const FRAMES: readonly Frame[] = [
  { name: '10 million rows, 2 GB, in batches', rows: 10_000_000, batch: 65_536, goals: true },
  { name: '300,000 rows, 60 MB, LZ4, one batch', rows: 300_000, lz4: true },
  { name: '10 million rows, 2 GB, one batch', rows: 10_000_000 },
  { name: '10 million rows, 2 GB, LZ4, one batch', rows: 10_000_000, lz4: true },
];

/**
 * A preview's table as the extension host reads it, through the decoder's thread: from nothing to
 * the first page, on to the last row, and by how much the process grows meanwhile.
 */
export async function measure(): Promise<Figure[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cellar-bench-'));
  const figures: Figure[] = [];
  try {
    for (const frame of FRAMES) {
      const file = path.join(folder, 'frame.arrow');
      await write(file, frame);
      const turns: Turn[] = [];
      for (let round = 0; round < ROUNDS; round++) turns.push(await look(file, frame.rows));
      await rm(file);
      figures.push(...described(frame, turns));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return figures;
}

interface Turn {
  readonly first: number;
  readonly last: number;
  /** Bytes that the process grew by at most. */
  readonly growth: number;
  /** Whether the user would have been asked instead. */
  readonly asked: boolean;
}

async function look(path: string, rows: number): Promise<Turn> {
  const decoder = new DecodingWorker(new URL('../dist/decoder.js', import.meta.url).pathname);
  const before = process.memoryUsage.rss();
  let peak = before;
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 5);
  const page = (from: number): Promise<Page> =>
    decoder.page({ from, count: PAGE, allowCostly: false, maxBatchSize: MAX_BATCH });
  try {
    const begun = performance.now();
    await decoder.open({ kind: 'file', path }, 'arrow');
    const shown = await page(0);
    const first = performance.now();
    const end = await page(rows - PAGE);
    const last = performance.now();
    if (end.kind === 'table' && end.rows.length !== PAGE) throw new Error('the last page is short');
    peak = Math.max(peak, process.memoryUsage.rss());
    return {
      first: first - begun,
      last: last - first,
      growth: peak - before,
      asked: shown.kind === 'costly',
    };
  } finally {
    clearInterval(sampling);
    await decoder.close();
  }
}

function described({ name, goals }: Frame, turns: readonly Turn[]): Figure[] {
  const how = `in Node, through the decoder's thread, its start included; median of ${ROUNDS}`;
  const middle = (of: (turn: Turn) => number) => median(turns.map(of));
  const goal = (text: string) => (goals ? { goal: text } : {});
  if (turns.every(({ asked }) => asked)) {
    const value = milliseconds(middle(({ first }) => first));
    return [{ what: `Arrow, ${name}: until the user is asked`, value, how }];
  }
  return [
    {
      what: `Arrow, ${name}: first page`,
      value: milliseconds(middle(({ first }) => first)),
      how,
      ...goal('≤ 300 ms'),
    },
    {
      what: `Arrow, ${name}: on to the last row`,
      value: milliseconds(middle(({ last }) => last)),
      how,
      ...goal('≤ 300 ms'),
    },
    {
      what: `Arrow, ${name}: growth of the process`,
      value: `${(Math.max(...turns.map(({ growth }) => growth)) / 1e6).toFixed(0)} MB`,
      how: `the most of ${ROUNDS} times, sampled every 5 ms`,
      ...goal('≤ 100 MB'),
    },
  ];
}

async function write(file: string, { rows, batch, lz4 }: Frame): Promise<void> {
  await run(
    benchPython(),
    [
      ...['-m', 'stores.frame', file, '--rows', String(rows)],
      ...(batch === undefined ? [] : ['--batch', String(batch)]),
      ...(lz4 === true ? ['--lz4'] : []),
    ],
    { cwd: import.meta.dirname, env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } },
  );
}
