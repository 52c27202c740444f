import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ClearUndo } from '../../../src/store/ClearUndo';
import { Connection } from '../../../src/store/database/Connection';
import type { ClearTarget, NewItem } from '../../../src/store/rows';
import type { SqliteLoader } from '../../../src/store/SqliteLoader';
import { makeCache, makeEntry, makeItem, openCache, runSql } from './cacheFolder';

const shared = Buffer.alloc(100_000, 'shared');
export const small = (i: number) => Buffer.alloc(100, i);
export const large = (i: number) => Buffer.alloc(70_000, i);

export const ofCell = (cellId: number): ClearTarget => ({ kind: 'cell', cellId });
export const ofApp = (appId: number): ClearTarget => ({ kind: 'app', appId });

function items(i: number): NewItem[] {
  return [
    makeItem(`k${i}/shared`, 'shared', shared),
    makeItem(`k${i}/small`, 'small', small(i)),
    makeItem(`k${i}/large`, 'large', large(i)),
  ];
}

export function entryOf(i: number, different: Partial<Parameters<typeof makeEntry>[0]> = {}) {
  const digest = (name: string) => Buffer.from(name).toString('hex').padEnd(64, '0');
  return makeEntry({
    cell: {
      ...makeEntry().cell,
      app: i < 2 ? '../../a.py' : '../../b.py',
      ordinal: i,
      name: `cell${i + 1}`,
    },
    hash: `h${i}`,
    runtime: 2 ** i,
    node: { codeDigest: digest(`code${i}`), code: `x = ${i}`, parents: [] },
    items: items(i),
    ...different,
  });
}

/**
 * Two notebooks of two cells, that share one large value; with all that may hang on an entry, and a
 * pinned one that was hit, in what hits saved too.
 */
export async function fill(t: TestContext): Promise<{ path: string; loader: SqliteLoader }> {
  const path = await makeCache(t);
  const loader = await openCache(t, path);
  for (let i = 0; i < 4; i++) await loader.save(entryOf(i));
  await runSql(
    path,
    `INSERT INTO costs SELECT entry_id, 0.1 + entry_id, 60.5 FROM entries;
     INSERT INTO inputs SELECT entry_id, '{"values": {"x": "' || hash || '"}}' FROM entries;
     INSERT INTO reads SELECT entry_id, 'data.csv', 'opened', 12, 1.5, zeroblob(32) FROM entries;
     UPDATE entries SET pinned = 1, hits = 7, last_hit_at = created_at + 3.25 WHERE entry_id = 1;
     UPDATE cells SET cleared_at = 12.5 WHERE cell_id = 2;
     INSERT INTO lookups (cell_id, cache_name, hash, outcome, at, seconds)
       SELECT cell_id, cache_name, hash, 'hit', 1e9, 0.01 FROM entries;
     INSERT INTO reasons SELECT lookup_id, '[]' FROM lookups;
     INSERT INTO cleanings (at, actor, entries, size, seconds, level, evicted)
       VALUES (5, 'kernel', 1, 1, 1, 0.5, 9);`,
  );
  return { path, loader };
}

/** All rows of all tables, but for the numbers of blobs; and the files with their bytes. */
export async function dump(path: string): Promise<Record<string, string[]>> {
  const connection = await Connection.open(path, 'read');
  const found: Record<string, string[]> = {};
  try {
    const tables = await connection.all("SELECT name FROM sqlite_schema WHERE type = 'table'");
    for (const { name } of tables) {
      const rows = await connection.all(`SELECT * FROM ${String(name)}`);
      found[String(name)] = rows
        .map((row) =>
          JSON.stringify(row, (key, value: unknown) => {
            if (key === 'blob_id') return undefined;
            const isBytes = value instanceof Object && 'type' in value && value.type === 'Buffer';
            return isBytes ? digestOf(Buffer.from((value as unknown as Bytes).data)) : value;
          }),
        )
        .sort();
    }
  } finally {
    await connection.close();
  }
  found.files = await filesOf(path);
  for (const file of found.files) {
    const bytes = await readFile(join(dirname(path), 'blobs', file));
    found[file] = [digestOf(bytes)];
  }
  return found;
}

/** As JSON has a Buffer. */
interface Bytes {
  readonly data: number[];
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export async function filesOf(path: string): Promise<string[]> {
  const names = await readdir(join(dirname(path), 'blobs'), { recursive: true });
  return names.filter((name) => name.includes('.')).sort();
}

export async function clearKept(
  loader: SqliteLoader,
  ...targets: ClearTarget[]
): Promise<ClearUndo> {
  const { undo } = await loader.clearUndoably(targets);
  assert.ok(undo, 'it can be undone');
  return undo;
}
