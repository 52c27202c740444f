import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type * as Native from '@vscode/sqlite3';
import { CacheError } from './CacheError';
import { asCacheError } from './faults';
import { loadSqlite } from './native';

/** What a statement is given. Whole numbers beyond 32 bits arrive as REAL; an INTEGER column mends that. */
export type Value = string | number | Buffer | null;

/** A row as the native module returns it. */
export type Row = Readonly<Record<string, unknown>>;

/**
 * What a connection may do: `immutable` promises SQLite that nobody changes the file meanwhile, `create`
 * makes the file that is not there, and so does `alone`, which keeps everybody else out: a log then
 * needs no memory that programs share. `memory` is nobody else's, `shared` by name for all connections of
 * this process, and gone with the last of them.
 */
export type Mode = 'read' | 'immutable' | 'write' | 'create' | 'alone' | 'memory' | 'shared';

/**
 * A turn of waiting inside SQLite is short, because it holds one of the few threads that all file
 * work of the extension host shares; the rest of the waiting is done here.
 */
const turn = 50;
/** Milliseconds after which another process's lock is taken for a fault. */
const patience = 20_000;

/**
 * What connections share a database in memory by, since SQLite 3.36: its name begins with a slash
 * (`memdbOpen` in SQLite's memdb.c).
 */
export function sharedUri(name: string): string {
  return `file:/${encodeURIComponent(name)}?vfs=memdb`;
}

/**
 * A file as SQLite takes it in a URI: without a host. That of a network share, which `pathToFileURL` makes
 * of `\\\\server\\share`, is part of the path.
 */
export function uriOf(path: string, windows = process.platform === 'win32'): string {
  const { host, pathname } = pathToFileURL(path, { windows });
  return `file://${host === '' ? '' : `//${host}`}${pathname}`;
}

/**
 * A connection to a database, one statement at a time. A lock that somebody else holds is waited
 * for: `database is locked` becomes an error only after 20 seconds.
 */
export class Connection {
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;
  /** Aborted by an interruption, and then another one. */
  #underWay = new AbortController();

  private constructor(
    readonly path: string,
    private readonly native: Native.Database,
  ) {}

  /** @throws CacheError; the file's content is looked at by the first statement only. */
  static async open(path: string, mode: Mode): Promise<Connection> {
    const sqlite = await loadSqlite(path);
    const name = {
      read: path,
      write: path,
      create: path,
      alone: path,
      immutable: `${uriOf(path)}?immutable=1`,
      memory: ':memory:',
      shared: sharedUri(path),
    }[mode];
    const flags = {
      read: sqlite.OPEN_READONLY,
      // An absolute path is no URI; what is attached may be one.
      write: sqlite.OPEN_READWRITE | sqlite.OPEN_URI,
      create: sqlite.OPEN_READWRITE | sqlite.OPEN_CREATE,
      alone: sqlite.OPEN_READWRITE | sqlite.OPEN_CREATE,
      immutable: sqlite.OPEN_READONLY | sqlite.OPEN_URI,
      memory: sqlite.OPEN_READWRITE | sqlite.OPEN_CREATE,
      shared: sqlite.OPEN_READWRITE | sqlite.OPEN_CREATE | sqlite.OPEN_URI,
    }[mode];
    const native = await new Promise<Native.Database>((resolve, reject) => {
      const database = new sqlite.Database(name, flags | sqlite.OPEN_FULLMUTEX, (error) => {
        if (error) reject(asCacheError(error, path));
        else resolve(database);
      });
    });
    native.configure('busyTimeout', turn);
    const connection = new Connection(path, native);
    try {
      // A stranger's file: nothing in its schema may call functions with side effects, and its pages
      // are checked as they are read (https://sqlite.org/security.html). Checkpoints are made under
      // the rule of WriteAheadLog alone, and a blob never travels through mapped memory.
      await connection.exec(
        `${mode === 'alone' ? 'PRAGMA locking_mode = EXCLUSIVE;' : ''}
         PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;
         PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = ON; PRAGMA secure_delete = OFF;
         ${mode === 'read' || mode === 'immutable' ? 'PRAGMA query_only = ON;' : 'PRAGMA synchronous = NORMAL;'}`,
      );
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  all(sql: string, ...values: Value[]): Promise<Row[]> {
    return this.#queue((settle) => this.native.all(sql, values, settle));
  }

  /** The first row. */
  async get(sql: string, ...values: Value[]): Promise<Row | undefined> {
    return (await this.all(sql, ...values))[0];
  }

  /** A whole number that SQLite itself answers: a pragma, a count. */
  async number(sql: string, ...values: Value[]): Promise<number> {
    const value = Object.values((await this.get(sql, ...values)) ?? {})[0];
    if (typeof value !== 'number') throw new Error(`Not a number: ${sql}`);
    return value;
  }

  /** Runs one statement that changes rows. @returns the id of the last row inserted. */
  run(sql: string, ...values: Value[]): Promise<number> {
    return this.#queue((settle) =>
      this.native.run(sql, values, function (error) {
        settle(error, this.lastID);
      }),
    );
  }

  /** Runs statements that return nothing. @param within milliseconds for which a lock is waited for */
  exec(sql: string, within = patience): Promise<void> {
    return this.#queue<undefined>(
      (settle) =>
        this.native.exec(sql, (error) => {
          settle(error, undefined);
        }),
      within,
    );
  }

  /** Ends a query that is under way, or waits for a lock: it then throws. */
  interrupt(): void {
    if (this.#closed) return;
    this.#underWay.abort();
    this.#underWay = new AbortController();
    this.native.interrupt();
  }

  /** Waits for what was asked before, then closes. Calling it twice is harmless. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#last;
    await new Promise<void>((resolve, reject) => {
      this.native.close((error) => {
        if (error) reject(asCacheError(error, this.path));
        else resolve();
      });
    });
  }

  #queue<T>(
    start: (settle: (error: Error | null, value: T) => void) => void,
    within = patience,
  ): Promise<T> {
    if (this.#closed) {
      return Promise.reject(new CacheError('closed', this.path, `${this.path} was closed.`));
    }
    const result = this.#last.then(() => this.#patiently(start, within));
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Repeating is safe: outside of a transaction a refused statement did nothing, and within one it is undone alone. */
  async #patiently<T>(
    start: (settle: (error: Error | null, value: T) => void) => void,
    within: number,
  ): Promise<T> {
    const deadline = performance.now() + within;
    const { signal } = this.#underWay;
    for (;;) {
      try {
        return await new Promise<T>((resolve, reject) => {
          start((error, value) => {
            if (error) reject(asCacheError(error, this.path));
            else resolve(value);
          });
        });
      } catch (error) {
        const busy = error instanceof CacheError && error.kind === 'busy';
        const enough = this.#closed || signal.aborted || performance.now() > deadline;
        if (!busy || enough) throw error;
      }
      await sleep(5 + Math.random() * 20);
    }
  }
}
