import { lstat, readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { isMissing, partialName, type BlobFolder } from '../blobs/BlobFolder';
import { CacheError } from '../database/CacheError';
import { Checksums, sealOf } from '../blobs/checksums';
import type { Connection, Row } from '../database/Connection';

/** What may be wrong with a cache; `marimo_cellar/checking/checking.py` says what each kind means. */
export type FaultKind =
  | 'unreadable'
  | 'integrity'
  | 'foreign-key'
  | 'totals'
  | 'row'
  | 'owner'
  | 'seal'
  | 'no-items'
  | 'not-whole'
  | 'unused-blob'
  | 'unused-source'
  | 'wrong-name'
  | 'missing-file'
  | 'wrong-size'
  | 'wrong-bytes'
  | 'unreadable-file'
  | 'unknown-file'
  | 'partial-file';

export interface Fault {
  readonly kind: FaultKind;
  /** A key of marimo's, a digest in hex, or a path below the cache's folder. */
  readonly about: string;
  readonly message: string;
  /** The entry that cannot be served for it, where it is one's own. */
  readonly entryId?: number;
  /** The cell whose totals are wrong. */
  readonly cellId?: number;
  /** The cells that lose by it, in the order of their notebooks; absent where nobody does. */
  readonly owners?: readonly Owner[];
}

/** A cell as people know it. */
export interface Owner {
  /** The notebook's absolute path. */
  readonly notebook: string;
  readonly name: string | undefined;
  readonly code: string;
}

export interface Report {
  readonly faults: readonly Fault[];
  readonly entries: number;
  /** Bytes of the values that can be served. */
  readonly size: number;
  /** Values that were found wrong before: kept, and never served. */
  readonly quarantined: number;
}

export interface CheckOptions {
  /** Unix seconds. */
  readonly now: number;
  readonly signal?: AbortSignal;
  /** Hears how many bytes of how many were looked at. */
  readonly step?: (done: number, total: number) => void;
}

/** A file that no row names may belong to a save that is under way, for so many seconds. */
export const grace = 3600;

/**
 * Compares rows with one another, with their bytes and with the files, both ways. It only reads, one
 * query at a time, and looks again at what seems wrong: kernels may be saving meanwhile.
 * @throws when `signal` is aborted.
 */
export async function check(
  connection: Connection,
  blobs: BlobFolder,
  options: CheckOptions,
): Promise<Report> {
  const faults: Fault[] = [];
  for (const part of [checkRows, checkEntries, checkBlobs, checkFiles]) {
    options.signal?.throwIfAborted();
    try {
      await part(connection, blobs, faults, options);
    } catch (error) {
      if (!(error instanceof CacheError && error.kind === 'damaged')) throw error;
      const told = faults.some(({ kind }) => kind === 'unreadable');
      if (!told) faults.push({ kind: 'unreadable', about: 'cache.db', message: error.message });
    }
  }
  return { faults, ...(await takeStock(connection)) };
}

async function takeStock(connection: Connection): Promise<Omit<Report, 'faults'>> {
  try {
    const row = await connection.get(
      `SELECT (SELECT count(*) FROM entries) AS entries,
         total(CASE WHEN quarantined_at IS NULL THEN size END) AS size,
         count(quarantined_at) AS quarantined FROM blobs`,
    );
    return {
      entries: Number(row?.entries),
      size: Number(row?.size),
      quarantined: Number(row?.quarantined),
    };
  } catch (error) {
    if (!(error instanceof CacheError && error.kind === 'damaged')) throw error;
    return { entries: 0, size: 0, quarantined: 0 };
  }
}

type Part = (
  connection: Connection,
  blobs: BlobFolder,
  faults: Fault[],
  options: CheckOptions,
) => Promise<void>;

/** Cells whose totals are not what they sum up; the seconds differ by what adding them loses. */
export const wrongTotals = `
  SELECT cell_id FROM totals AS t WHERE
    entries <> (SELECT count(*) FROM entries AS e WHERE e.cell_id = t.cell_id)
    OR size <> (SELECT total(b.size) FROM blobs AS b
      WHERE b.digest IN (SELECT i.digest FROM items AS i WHERE i.cell_id = t.cell_id))
    OR abs(runtime - (SELECT total(runtime) FROM entries AS e WHERE e.cell_id = t.cell_id))
      > 1e-6 * max(1, runtime)
  UNION SELECT cell_id FROM cells WHERE cell_id NOT IN (SELECT cell_id FROM totals)`;

/**
 * What the one row of `usage` is to say. Not by `sum`, which fails where damaged sizes add up to more
 * than an integer holds.
 */
export const usage = `
  SELECT CAST((SELECT total(size) FROM blobs) AS INTEGER)
    + 2048 * (SELECT count(*) FROM entries) AS size`;

/** Whether it says anything else; format 1.0 has no such table until a notebook runs. */
export async function isUsageWrong(connection: Connection): Promise<boolean> {
  if (!(await connection.get("SELECT 1 FROM sqlite_schema WHERE name = 'usage'"))) return false;
  const wrong = await connection.get(
    `SELECT size FROM (${usage}) AS due
     WHERE (SELECT count(*) FROM usage) <> 1
       OR due.size IS NOT (SELECT usage.size FROM usage)`,
  );
  return wrong !== undefined;
}

const checkRows: Part = async (connection, _, faults) => {
  const about = 'cache.db';
  for (const { integrity_check } of await connection.all('PRAGMA integrity_check')) {
    if (integrity_check === 'ok') continue;
    faults.push({ kind: 'integrity', about, message: String(integrity_check) });
  }
  for (const { table, parent } of await connection.all('PRAGMA foreign_key_check')) {
    const message = `${String(table)} refers to a row of ${String(parent)} that is gone`;
    faults.push({ kind: 'foreign-key', about, message });
  }
  for (const { cell_id } of await connection.all(wrongTotals)) {
    const message = 'the totals of a cell are wrong';
    faults.push({ kind: 'totals', about, message, cellId: Number(cell_id) });
  }
  if (await isUsageWrong(connection)) {
    faults.push({ kind: 'totals', about, message: 'the total of all cells is wrong' });
  }
  for (const { digest } of await connection.all(
    `SELECT lower(hex(code_digest)) AS digest FROM sources
     WHERE code_digest NOT IN (SELECT code_digest FROM nodes)`,
  )) {
    faults.push({
      kind: 'unused-source',
      about: String(digest),
      message: 'no node stands on this code',
    });
  }
};

/** The key that an entry is whole with; null for one that no loader of marimo's made. */
const lastKey = `e.cache_name || '/' || e.cache_type || '_' || e.hash || '.' || CASE e.loader
  WHEN 'lazy' THEN 'jsonl' WHEN 'pickle' THEN 'pickle' WHEN 'json' THEN 'json' END`;

const checkEntries: Part = async (connection, _, faults) => {
  for (const { id, key, items } of await connection.all(
    `SELECT e.entry_id AS id, coalesce(${lastKey}, e.cache_name || '/' || e.hash) AS key,
       EXISTS (SELECT 1 FROM items AS i WHERE i.entry_id = e.entry_id) AS items
     FROM entries AS e WHERE NOT EXISTS (SELECT 1 FROM items AS i
       WHERE i.entry_id = e.entry_id AND i.key = coalesce(${lastKey}, i.key))`,
  )) {
    faults.push({
      kind: items === 1 ? 'not-whole' : 'no-items',
      about: String(key),
      message: items === 1 ? 'its manifest or value is not there' : 'nothing is stored of it',
      entryId: Number(id),
    });
  }
  for (const { id, key } of await connection.all(
    `SELECT i.entry_id AS id, i.key FROM items AS i JOIN entries AS e USING (entry_id)
     WHERE i.cell_id <> e.cell_id`,
  )) {
    const message = 'it is filed under another cell than its result';
    faults.push({ kind: 'owner', about: String(key), message, entryId: Number(id) });
  }
  for (const { id, key, digest, size, seal } of await connection.all(
    `SELECT i.entry_id AS id, i.key, lower(hex(i.digest)) AS digest, b.size, i.seal
     FROM items AS i JOIN blobs AS b USING (digest)`,
  )) {
    const right =
      typeof key === 'string' &&
      Number.isSafeInteger(size) &&
      sealOf(key, String(digest), Number(size)) === seal;
    if (right) continue;
    const message = 'a wrong seal: it does not belong to the bytes it refers to';
    faults.push({ kind: 'seal', about: String(key), message, entryId: Number(id) });
  }
};

const blobRows = `
  SELECT blob_id AS id, lower(hex(digest)) AS digest, size, crc32, file,
    typeof(digest) = 'blob' AND typeof(size) = 'integer' AND typeof(crc32) = 'integer'
      AND typeof(file) IN ('null', 'text') AS typed,
    CASE typeof(content) WHEN 'blob' THEN length(content) END AS length,
    EXISTS (SELECT 1 FROM items WHERE items.digest = blobs.digest) AS used
  FROM blobs WHERE quarantined_at IS NULL`;

const checkBlobs: Part = async (connection, blobs, faults, { signal, step }) => {
  const rows = await connection.all(blobRows);
  const total = rows.reduce((sum, { size }) => sum + (Number(size) || 0), 0);
  let done = 0;
  for (const row of rows) {
    signal?.throwIfAborted();
    const about = String(row.digest);
    const found =
      (await findWrong(connection, blobs, row, signal)) ??
      (row.used === 1 ? undefined : (['unused-blob', 'no item refers to it'] as const));
    // It may have been replaced or cleared while it was looked at.
    if (found && (await isStill(connection, row))) {
      faults.push({ kind: found[0], about, message: found[1] });
    }
    done += Number(row.size) || 0;
    step?.(done, total);
  }
};

async function isStill(connection: Connection, row: Row): Promise<boolean> {
  const again = await connection.get(`${blobRows} AND blob_id = ?`, Number(row.id));
  return again !== undefined && Object.entries(row).every(([name, value]) => again[name] === value);
}

async function findWrong(
  connection: Connection,
  blobs: BlobFolder,
  row: Row,
  signal?: AbortSignal,
): Promise<readonly [FaultKind, string] | undefined> {
  if (row.typed !== 1) return ['row', 'a value of its row is of a wrong type'];
  const size = Number(row.size);
  if (row.file === null) {
    if (row.length !== size)
      return ['wrong-size', `it has ${String(row.length)} bytes, not ${size}`];
    const found = await connection.get(
      'SELECT content FROM blobs WHERE blob_id = ?',
      Number(row.id),
    );
    const sums = new Checksums();
    if (Buffer.isBuffer(found?.content)) sums.add(found.content);
    return compare(row, sums);
  }
  const name = typeof row.file === 'string' ? row.file : '';
  try {
    const file = await blobs.find(name, String(row.digest), size);
    const sums = file.kind === 'lost' ? file : await blobs.check(file, signal);
    if (!('why' in sums)) return compare(row, sums);
    if (sums.why === 'missing') return ['missing-file', `the file ${name} is missing`];
    if (sums.why === 'wrongSize') return ['wrong-size', `the file ${name} has not ${size} bytes`];
    const ours = await blobs.locate(name, String(row.digest)).catch(() => undefined);
    return ours === undefined
      ? ['wrong-name', `its row names the file ${name}`]
      : ['missing-file', `${name} is missing: what lies there is no plain file`];
  } catch (error) {
    if (!(error instanceof CacheError && error.kind === 'unreadable')) throw error;
    return ['unreadable-file', error.message];
  }
}

function compare(row: Row, sums: Checksums): readonly [FaultKind, string] | undefined {
  const right = sums.size === row.size && sums.crc32 === row.crc32 && sums.digest() === row.digest;
  return right ? undefined : ['wrong-bytes', 'its bytes are not those that were saved'];
}

const checkFiles: Part = async (connection, blobs, faults, { now, signal }) => {
  // At once: there is no index by file.
  const rows = await connection.all('SELECT file FROM blobs WHERE file IS NOT NULL');
  const named = new Set(rows.map(({ file }) => file));
  for (const path of await filesBelow(blobs.path, faults)) {
    signal?.throwIfAborted();
    const file = relative(blobs.path, path).split(sep).join('/');
    const found = await lstat(path).catch(() => undefined);
    if (found === undefined || found.mtimeMs / 1000 > now - grace) continue;
    const about = `blobs/${file}`;
    if (partialName.test(file)) {
      faults.push({ kind: 'partial-file', about, message: 'the rest of a write that was cut off' });
    } else if (
      !named.has(file) &&
      // It may have got one since.
      !(await connection.get('SELECT 1 FROM blobs WHERE file = ?', file))
    ) {
      const there = await lstat(path).catch(() => undefined);
      if (there) faults.push({ kind: 'unknown-file', about, message: 'a file that has no row' });
    }
  }
};

/** Files below `blobs/` that no row names, and that no save under way is to name, by their path there. */
export async function findLooseFiles(
  connection: Connection,
  blobs: BlobFolder,
  options: CheckOptions,
): Promise<string[]> {
  const faults: Fault[] = [];
  await checkFiles(connection, blobs, faults, options);
  return looseFilesIn(faults);
}

/** The files that these faults say no row names, by their path below `blobs/`. */
export function looseFilesIn(faults: readonly Fault[]): string[] {
  return faults
    .filter(({ kind }) => kind === 'unknown-file' || kind === 'partial-file')
    .map(({ about }) => about.slice('blobs/'.length));
}

/** All that is no folder; links are not followed. */
async function filesBelow(folder: string, faults: Fault[]): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const found: string[] = [];
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) found.push(...(await filesBelow(path, faults)));
      else found.push(path);
    }
    return found.sort();
  } catch (error) {
    if (isMissing(error)) return [];
    const message = `it cannot be read (${String((error as NodeJS.ErrnoException).code)})`;
    faults.push({ kind: 'unreadable-file', about: folder, message });
    return [];
  }
}
