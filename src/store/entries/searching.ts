import type { Connection, Value } from '../database/Connection';
import { tellsCallsApart } from '../database/features';
import type { FoundEntry } from '../rows';
import { isTold } from './calls';
import { integer, Listing, optional, real, text } from './fields';
import { listEntries } from './listing';
import type { InEditors } from './uses';

/** Words that are looked for: of a long prompt the kernel's side keeps the beginning and the end. */
const mostWords = 12;
/** Characters of a cell's code that are told of: enough for what it is called, and for most of what it says. */
const ofCode = 4000;

/** What results are searched for by. */
export interface EntrySearch {
  /** Each word of it has to be found; nothing finds everything. */
  readonly text: string;
  /** The notebooks whose results are wanted, by id, with what people call them. */
  readonly notebooks: ReadonlyMap<number, string>;
  /** How many results are told of at most. */
  readonly most: number;
  /** What editors know better than the cache. */
  readonly open?: InEditors;
}

const isOwn = "cache_name = 'cell_cache'";

const cells = new Listing('a cell', {
  cellId: integer('c.cell_id'),
  appId: integer('c.app_id'),
  name: optional(text('c.name')),
  code: text(`substr(c.code, 1, ${ofCode})`),
  retiredAt: optional(real('c.retired_at')),
});

/**
 * The words that a text is searched by: what stands between them in the label of a call is no part of any,
 * so that `ask('Why is…')` finds what it is of.
 */
export function wordsOf(text: string): string[] {
  const words = text.split(/[\s\p{Cc}…(),=]+/u).filter((word) => word !== '');
  return [...new Set(words)].slice(0, mostWords);
}

/**
 * The results in which all words of a text are found, what was saved or used last first: in what their call
 * was made with, in the names of the function or block, of the cell, of its variables or of the notebook, and
 * after these the cells' own results in whose code they are. A function's results are not found by their
 * cell's code, in which the prompts of all of them may stand.
 */
export async function searchEntries(
  connection: Connection,
  { text, notebooks, most, open }: EntrySearch,
): Promise<FoundEntry[]> {
  const words = wordsOf(text);
  const values: Value[] = [JSON.stringify([...notebooks.keys()]), most];
  const bind = (value: string): string => `?${values.push(value)}`;
  const hasCalls = words.length > 0 && (await tellsCallsApart(connection));
  const conditions = words.map((word) => {
    const has = (column: string, patterns: readonly string[]) =>
      `(${patterns.map((each) => `${column} LIKE ${each} ESCAPE '\\'`).join(' OR ')})`;
    const patterns = casesOf(word).map((each) => bind(pattern(each)));
    // As JSON has them.
    const quoted = () =>
      casesOf(word).map((each) => bind(pattern(JSON.stringify(each).slice(1, -1))));
    const named = [...notebooks].filter(([, name]) => isIn(word, name)).map(([id]) => id);
    const inNames = `cell_id IN (SELECT cell_id FROM cells WHERE ${has('name', patterns)}
      OR ${has('defs', patterns)} OR app_id IN (SELECT value FROM json_each(${bind(JSON.stringify(named))})))`;
    const inCall = hasCalls ? `(${isTold} AND ${has('arguments', quoted())})` : 'false';
    const inCode = `cell_id IN (SELECT cell_id FROM cells WHERE ${has('code', patterns)})`;
    return {
      named: `(${inNames} OR (NOT ${isOwn} AND (${has('cache_name', patterns)} OR ${inCall})))`,
      inCode: `(${isOwn} AND ${inCode})`,
    };
  });
  const all = (some: readonly string[]) => (some.length === 0 ? 'true' : some.join(' AND '));
  const rows = await connection.all(
    `SELECT entry_id AS id, ${all(conditions.map(({ named }) => named))} AS named
     FROM entries ${hasCalls ? 'LEFT JOIN calls USING (entry_id)' : ''}
     WHERE cell_id IN (
         SELECT cell_id FROM cells WHERE app_id IN (SELECT value FROM json_each(?1)))
       AND ${all(conditions.map(({ named, inCode }) => `(${named} OR ${inCode})`))}
     ORDER BY named DESC, max(created_at, coalesce(last_hit_at, created_at)) DESC, entry_id DESC
     LIMIT ?2`,
    ...values,
  );
  const ids = new Map(rows.map(({ id, named }) => [Number(id), named !== 0]));
  return described(connection, ids, open);
}

/** @param found the ids in their order, with whether each was found by more than code */
async function described(
  connection: Connection,
  found: ReadonlyMap<number, boolean>,
  open: InEditors | undefined,
): Promise<FoundEntry[]> {
  if (found.size === 0) return [];
  const entryIds = [...found.keys()];
  const entries = await listEntries(connection, { entryIds }, open);
  const row = await connection.get(
    `SELECT ${cells.sql(
      `cells AS c WHERE c.cell_id IN (
         SELECT cell_id FROM entries WHERE entry_id IN (SELECT value FROM json_each(?)))`,
    )} AS cells`,
    JSON.stringify(entryIds),
  );
  const byId = new Map(entries.map((entry) => [entry.entryId, entry]));
  const cellsById = new Map(
    cells.parse(row?.cells, connection.path).map((cell) => [cell.cellId, cell]),
  );
  return [...found].flatMap(([id, isNamed]) => {
    // It may have gone meanwhile.
    const entry = byId.get(id);
    const cell = entry && cellsById.get(entry.cellId);
    return entry === undefined || cell === undefined ? [] : [{ entry, cell, isNamed }];
  });
}

/** What has a text in it, for `LIKE`, which has signs of its own. */
function pattern(text: string): string {
  return `%${text.replace(/[%_\\]/g, '\\$&')}%`;
}

/** A word as it may be written: SQLite tells capitals from small letters, but for those of ASCII. */
function casesOf(word: string): string[] {
  if (!/[^\0-\x7f]/.test(word)) return [word];
  const small = word.toLowerCase();
  const [first = ''] = small;
  const capital = first.toUpperCase() + small.slice(first.length);
  return [...new Set([word, small, capital, word.toUpperCase()])];
}

/** The same of a text at hand. */
function isIn(word: string, text: string): boolean {
  return text.toLowerCase().includes(word.toLowerCase());
}
