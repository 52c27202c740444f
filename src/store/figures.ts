import { dirname, resolve } from 'node:path';
import type { Connection } from './database/Connection';
import { integer, Listing, oneOf, optional, real, sum, text } from './entries/fields';
import { looksAfterItself, tellsCallsApart } from './database/features';
import { Loss, type Lost } from './cleaning/loss';
import { choose, listCandidates, listShared, numberIn, readUsed } from './cleaning/retention';

const week = 7 * 86_400;
/** Clean-ups, and days, that are told. */
const cleaningsTold = 5;
const daysTold = 14;

/** What hits saved: seconds to compute less seconds to load, and money. */
export interface Saved {
  readonly hits: number;
  readonly seconds: number;
  readonly amount: number;
}

export interface SavedByCell extends Saved {
  /** The notebook's absolute path. */
  readonly notebook: string;
  readonly cellId: number;
  readonly name: string | undefined;
  readonly code: string;
}

/** A day as the kernel's clock had it, `2026-02-28`. */
export interface SavedByDay extends Saved {
  readonly day: string;
}

const actors = ['kernel', 'vscode', 'command'] as const;

export interface CleaningSummary {
  /** Unix seconds. */
  readonly at: number;
  readonly actor: (typeof actors)[number];
  readonly entries: number;
  readonly size: number;
  readonly seconds: number;
  /** What the evicted had cost in money; 0 as well where nobody noted that, before format 1.2. */
  readonly amount: number;
}

/** What another budget would have meant in the last week. */
export interface Difference {
  /** Bytes more of a larger one, bytes in all of a smaller one. */
  readonly size: number;
  /** What was, or would have been, computed again: seconds, and money. */
  readonly seconds: number;
  readonly amount: number;
}

/** How a cache does. Sizes are bytes. */
export interface Figures {
  readonly used: number;
  /** `undefined` for none. */
  readonly budget: number | undefined;
  /** What hits saved, by cell; those that saved nothing are left out. Absent in older formats. */
  readonly cells: readonly SavedByCell[] | undefined;
  /** By day, the last two weeks, oldest first, and only days on which something was saved. */
  readonly days: readonly SavedByDay[];
  /** The newest first. */
  readonly cleanings: readonly CleaningSummary[];
  /** What a larger budget would have saved; absent where nothing was missed. */
  readonly larger: Difference | undefined;
  /** What half of what is used, as the budget, would have cost; absent where nobody would notice. */
  readonly smaller: Difference | undefined;
}

const saved = { hits: sum('s.hits'), seconds: real('s.seconds'), amount: real('s.amount') };
const cells = new Listing('a cell', {
  path: text('a.path'),
  cellId: integer('c.cell_id'),
  name: optional(text('c.name')),
  code: text('c.code'),
  ...saved,
});
const cellSavings = new Listing('a cell', saved);
const days = new Listing('a day', { day: text('s.day'), ...saved });
const cleanings = new Listing('a clean-up', {
  at: real('at'),
  actor: oneOf('actor', actors),
  entries: integer('entries'),
  size: integer('size'),
  seconds: real('seconds'),
  amount: real('amount'),
});

const added = 'total(hits) AS hits, total(seconds) AS seconds, total(amount) AS amount';

export interface FiguresOptions {
  /** Given what is used, in bytes. */
  readonly budget: (used: number) => Promise<number | undefined>;
  /** Unix seconds. */
  readonly now: number;
}

/** @param path the database as the user knows it: the notebooks' paths are relative to its folder */
export async function readFigures(
  connection: Connection,
  path: string,
  { budget, now }: FiguresOptions,
): Promise<Figures> {
  if (!(await looksAfterItself(connection))) return olderFigures(connection, budget);
  const limit = await budget(await readUsed(connection));
  const lastCleanings = (await tellsCallsApart(connection))
    ? `SELECT c.*, coalesce(k.amount, 0.0) AS amount
       FROM cleanings AS c LEFT JOIN cleaning_costs AS k USING (cleaning_id)`
    : 'SELECT *, 0.0 AS amount FROM cleanings';
  await connection.exec('BEGIN');
  try {
    const used = await readUsed(connection);
    const row = await connection.get(
      `SELECT
         ${cells.sql(`(SELECT cell_id, ${added} FROM savings GROUP BY cell_id) AS s
           JOIN cells AS c USING (cell_id) JOIN apps AS a USING (app_id)`)} AS cells,
         ${days.sql(`(SELECT day, ${added} FROM savings WHERE day >= ? GROUP BY day) AS s`)} AS days,
         ${cleanings.sql(`(${lastCleanings} WHERE entries > 0
           ORDER BY at DESC LIMIT ${cleaningsTold})`)} AS cleanings`,
      dayOf(now, daysTold - 1),
    );
    const parsed = cells.parse(row?.cells, connection.path);
    return {
      used,
      budget: limit,
      cells: parsed
        .map(({ path: app, ...cell }) => ({ ...cell, notebook: resolve(dirname(path), app) }))
        .sort((a, b) => b.seconds - a.seconds || a.cellId - b.cellId),
      days: days.parse(row?.days, connection.path).sort((a, b) => (a.day < b.day ? -1 : 1)),
      cleanings: cleanings.parse(row?.cleanings, connection.path).sort((a, b) => b.at - a.at),
      larger: largerBudget(await listRegrets(connection, now - week)),
      smaller: await smallerBudget(connection, used, now),
    };
  } finally {
    await connection.exec('ROLLBACK');
  }
}

/** What a cell's hits saved in all; `undefined` for an older format. */
export async function readSaved(
  connection: Connection,
  cellId: number,
): Promise<Saved | undefined> {
  if (!(await looksAfterItself(connection))) return undefined;
  const row = await connection.get(
    `SELECT ${cellSavings.sql(`(SELECT ${added} FROM savings WHERE cell_id = ?) AS s`)} AS saved`,
    cellId,
  );
  return cellSavings.parse(row?.saved, connection.path)[0];
}

/** Of format 1.0 only the size is known. */
async function olderFigures(
  connection: Connection,
  budget: FiguresOptions['budget'],
): Promise<Figures> {
  const used = await connection.number('SELECT CAST(total(size) AS INTEGER) FROM blobs');
  return {
    used,
    budget: await budget(used),
    cells: undefined,
    days: [],
    cleanings: [],
    larger: undefined,
    smaller: undefined,
  };
}

/** An evicted entry that was computed again, and what that took: seconds, and money. */
export interface Regret extends Lost {
  /** Bytes more that would have kept it. */
  readonly room: number;
  /** Seconds that this is worth, money among them. */
  readonly value: number;
}

/**
 * A regret is of the entry that was made at its time, which knows its cell and its money for as long as
 * it is there. One whose entry has left again counts by itself.
 */
async function listRegrets(connection: Connection, since: number): Promise<Regret[]> {
  const rows = await connection.all(
    `SELECT max(0, r.room) AS room, r.seconds, r.seconds + coalesce(c.seconds, 0) AS value,
       coalesce(c.amount, 0) AS amount, coalesce(e.cache_name <> 'cell_cache', 0) AS part,
       coalesce(e.cell_id, -r.regret_id) AS cell_id
     FROM regrets AS r LEFT JOIN entries AS e ON e.created_at = r.at
       LEFT JOIN costs AS c USING (entry_id)
     WHERE r.at >= ? AND r.room IS NOT NULL GROUP BY r.regret_id`,
    since,
  );
  return rows.map((row) => {
    const number = numberIn(row, connection.path);
    return {
      room: number('room'),
      cellId: number('cell_id'),
      part: number('part') === 1,
      seconds: number('seconds'),
      amount: number('amount'),
      value: number('value'),
    };
  });
}

/**
 * The least round size that would have saved four fifths of what was computed again. All of it may take
 * far more, for a single entry that left long ago.
 */
export function largerBudget(regrets: readonly Regret[]): Difference | undefined {
  const all = regrets.reduce((total, { value }) => total + value, 0);
  if (all < 1) return undefined;
  let reached = 0;
  for (const { room, value } of [...regrets].sort((a, b) => a.room - b.room)) {
    reached += value;
    if (reached < 0.8 * all) continue;
    const size = rounded(Math.max(room, 1e6));
    const { seconds, amount } = new Loss(regrets.filter((regret) => regret.room <= size));
    return { size, seconds, amount };
  }
  return undefined;
}

/** Up to 1, 2 or 5 of a decimal unit. */
export function rounded(size: number): number {
  const unit = 10 ** Math.floor(Math.log10(size));
  return ([1, 2, 5].find((step) => step * unit >= size) ?? 10) * unit;
}

/** What would have left with half the room, and was wanted in the last week all the same. */
async function smallerBudget(
  connection: Connection,
  used: number,
  now: number,
): Promise<Difference | undefined> {
  const size = Math.floor(used / 2);
  const candidates = await listCandidates(connection, now, []);
  const left = choose(candidates, await listShared(connection), used, size);
  const rows = await connection.all(
    'SELECT entry_id AS id FROM entries WHERE last_hit_at >= ?',
    now - week,
  );
  const wanted = new Set(rows.map(({ id }) => id));
  const { seconds, amount } = new Loss(
    left
      .filter(({ reason, candidate }) => reason === 'room' && wanted.has(candidate.entryId))
      .map(({ candidate }) => candidate),
  );
  return seconds < 1 && amount === 0 ? undefined : { size, seconds, amount };
}

/**
 * The day of a time, in Unix seconds, where we are, or one that is so many days before it: some days have
 * 23 or 25 hours.
 */
export function dayOf(at: number, before = 0): string {
  const date = new Date(at * 1000);
  date.setDate(date.getDate() - before);
  const two = (number: number) => String(number).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
