import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import sqlite3 from '@vscode/sqlite3';
import schema from '../../../python/marimo_cellar/schema.sql';
import { formatVersion } from '../../../src/store/database/schema';
import { normalise } from '../../../src/notebook/normalise';

/** A cell as a kernel would have saved it. */
export interface SavedCell {
  readonly name?: string;
  readonly code: string;
  readonly defs?: readonly string[];
  /** Places of the cells that it depends on, all before it. */
  readonly parents?: readonly number[];
  /** Values with their sizes; without it nothing is cached. */
  readonly values?: Readonly<Record<string, number>>;
  readonly runtime?: number;
  readonly lookup?: {
    readonly outcome: 'hit' | 'miss';
    readonly seconds?: number;
    readonly why?: string;
    /** As the kernel writes them, since format 1.1. */
    readonly reasons?: readonly object[];
  };
}

/** A folder with a notebook's place and its cache, where cells are cached, removed when the test ends. */
export async function makeNotebookFolder(
  t: TestContext,
): Promise<{ notebook: string; database: string }> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'cellar-server-')));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const cache = path.join(folder, '__marimo__', 'cache');
  await mkdir(cache, { recursive: true });
  const setting = '[tool.marimo.runtime]\ncache_cells = true\n';
  await writeFile(path.join(folder, 'pyproject.toml'), setting);
  return { notebook: path.join(folder, 'nb.py'), database: path.join(cache, 'cache.db') };
}

/** Runs SQL through a connection of its own, as another process would. */
export async function runSql(database: string, sql: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const connection = new sqlite3.Database(database, (opened) => {
      if (opened) {
        reject(opened);
        return;
      }
      connection.exec(sql, (failed) => {
        connection.close((closed) => {
          const error = failed ?? closed;
          if (error) reject(error);
          else resolve();
        });
      });
    });
  });
}

export const creation = `
  PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = 0x43454C52;
  PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;
  BEGIN; ${schema}; PRAGMA user_version = ${formatVersion}; COMMIT;`;

/** The rows of a notebook `nb.py`; cells are numbered from 1, their entries too. */
export function savedRows(cells: readonly SavedCell[], at = Date.now() / 1000 - 7200): string {
  const nodes: string[] = [];
  const statements = [`INSERT OR IGNORE INTO apps VALUES (1, '../../nb.py', ${at})`];
  for (const [index, cell] of cells.entries()) {
    const id = index + 1;
    const digest = sha256(normalise(cell.code));
    const parents = (cell.parents ?? []).map((place) => nodes[place] ?? '').sort();
    const node = sha256(Buffer.from(digest + parents.join(''), 'hex'));
    nodes.push(node);
    statements.push(
      `INSERT INTO cells VALUES (${id}, 1, ${text(cell.name)}, ${index}, ${text(cell.code)},
        ${text(JSON.stringify(cell.defs ?? []))}, ${at}, NULL, NULL)`,
      `INSERT OR IGNORE INTO sources VALUES (x'${digest}', ${text(cell.code)})`,
      `INSERT INTO nodes VALUES (x'${node}', ${id}, x'${digest}', ${text(JSON.stringify(parents))})`,
    );
    if (cell.values) {
      statements.push(
        `INSERT INTO entries VALUES (${id}, ${id}, 'cell_cache', 'C', 'h${id}', 'lazy', x'${node}',
          ${cell.runtime ?? 34}, ${at}, NULL, 0, 0, '{}')`,
        ...Object.entries(cell.values).flatMap(([name, size]) => itemRows(id, name, size)),
      );
    }
    if (cell.lookup) {
      const { outcome, seconds, why, reasons } = cell.lookup;
      statements.push(
        `INSERT INTO lookups VALUES (NULL, ${id}, 'cell_cache', 'h${id}', '${outcome}', ${at},
          ${seconds ?? 'NULL'}, ${text(why)})`,
        ...(reasons === undefined
          ? []
          : [`INSERT INTO reasons VALUES (last_insert_rowid(), ${text(JSON.stringify(reasons))})`]),
      );
    }
  }
  return `BEGIN; ${statements.join(';\n')}; COMMIT;`;
}

function itemRows(id: number, name: string, size: number): string[] {
  const digest = sha256(`${id} ${name} ${size}`);
  return [
    `INSERT INTO blobs (digest, size, crc32, content) VALUES (x'${digest}', ${size}, 0, x'00')`,
    `INSERT INTO items VALUES (${id}, ${id}, ${text(`cell_cache/h${id}/${name}`)}, ${text(name)},
      'pickle', NULL, x'${digest}', 0)`,
  ];
}

function text(value: string | undefined): string {
  return value === undefined ? 'NULL' : `'${value.replaceAll("'", "''")}'`;
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
