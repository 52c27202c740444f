import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import sqlite3 from '@vscode/sqlite3';
import schema from '../../../python/marimo_cellar/schema.sql';
import type { NewCell, NewEntry, NewItem } from '../../../src/store/rows';
import { formatVersion } from '../../../src/store/database/schema';
import { SqliteLoader, type LoaderOptions } from '../../../src/store/SqliteLoader';
import { audit } from './audit';

/** How a database is made, as the head of schema.sql says. */
export const creation = `
  PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = 0x43454C52;
  PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;
  BEGIN; ${schema}; PRAGMA user_version = ${formatVersion}; COMMIT;`;

const endings = new WeakMap<TestContext, (() => Promise<unknown>)[]>();

/** Has work done when the test ends, what was asked last first; `t.after` has no such order. */
export function atEnd(t: TestContext, work: () => Promise<unknown>): void {
  let ending = endings.get(t);
  if (ending === undefined) {
    const own: (() => Promise<unknown>)[] = [];
    ending = own;
    endings.set(t, own);
    t.after(async () => {
      const failures: unknown[] = [];
      for (const each of own.reverse())
        await each().catch((error: unknown) => failures.push(error));
      if (failures.length > 0) throw failures[0];
    });
  }
  ending.push(work);
}

/** A folder for one test, removed after it. */
export async function makeFolder(t: TestContext): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'cellar-store-')));
  atEnd(t, () => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs SQL on a database, which is made when there is none, through a connection of its own. */
export async function runSql(path: string, sql: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await new Promise<void>((resolve, reject) => {
    const database = new sqlite3.Database(path, (opened) => {
      if (opened) {
        reject(opened);
        return;
      }
      database.exec(sql, (failed) => {
        database.close((closed) => {
          const error = failed ?? closed;
          if (error) reject(error);
          else resolve();
        });
      });
    });
  });
}

/** An empty cache at the place where a notebook `nb.py` would have it. @returns the database's path. */
export async function makeCache(t: TestContext): Promise<string> {
  const path = join(await makeFolder(t), '__marimo__', 'cache', 'cache.db');
  await runSql(path, creation);
  return path;
}

/**
 * Opens a cache for one test, which ends by closing it and with the store's own check.
 * @param allowed faults that the test makes itself, as the check tells them.
 */
export async function openCache(
  t: TestContext,
  path: string,
  { allowed = [], ...options }: LoaderOptions & { readonly allowed?: readonly RegExp[] } = {},
): Promise<SqliteLoader> {
  const loader = await SqliteLoader.open(path, options);
  atEnd(t, async () => {
    await loader.close();
    await audit(path, allowed);
  });
  return loader;
}

type CellsEntry = NewEntry & { readonly cell: NewCell };

/** A result of the cell `df = load()` in `nb.py`, with what a test wants to be different. */
export function makeEntry(different: Partial<CellsEntry> = {}): CellsEntry {
  return {
    cell: {
      app: '../../nb.py',
      cellId: undefined,
      name: 'data',
      ordinal: 0,
      code: 'df = load()',
      defs: ['df'],
    },
    cacheName: 'cell_cache',
    cacheType: 'C',
    hash: 'h1',
    loader: 'lazy',
    node: undefined,
    runtime: 2.5,
    versions: { marimo: '0.25.2', python: '3.12.1', cache: '1' },
    items: [makeItem('cell_cache/h1/df.arrow', 'df', Buffer.from('some bytes'))],
    ...different,
  };
}

export function makeItem(key: string, name: string, bytes: Uint8Array): NewItem {
  return {
    key,
    name,
    format: 'arrow',
    typeHint: undefined,
    content: [bytes],
  };
}
