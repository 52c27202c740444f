import { CacheError } from './CacheError';
import { contentMark, isSameFile, openDatabase, type OpenDatabase } from './opening';
import type { Change } from './Watcher';

/** The database that stands at a path now: opened again when another file takes its place. */
export class LiveDatabase {
  #database: OpenDatabase | undefined;
  /** The check or opening under way, so that calls that come together share one. */
  #turn: Promise<OpenDatabase> | undefined;
  /** `PRAGMA data_version`: what it was when we last looked. */
  #dataVersion: number;
  /** What the file looked like when it could not be opened, so that nothing is announced twice. */
  #refused: string | undefined;
  #closed = false;

  /** @param announce is told when the file is found gone or replaced, whoever finds it. */
  constructor(
    opened: OpenDatabase,
    private readonly announce: (change: Change) => void,
  ) {
    this.#database = opened;
    this.#dataVersion = opened.dataVersion;
    this.path = opened.path;
  }

  readonly path: string;

  /** @throws CacheError when what stands there now cannot be used. */
  current(): Promise<OpenDatabase> {
    if (this.#closed) {
      return Promise.reject(new CacheError('closed', this.path, `${this.path} was closed.`));
    }
    this.#turn ??= this.#check().finally(() => {
      this.#turn = undefined;
    });
    return this.#turn;
  }

  /** @returns what changed since the last look and was not announced yet. */
  async look(): Promise<Change | undefined> {
    if (this.#refused !== undefined && (await contentMark(this.path)) === this.#refused) return;
    try {
      const database = await this.current();
      const dataVersion = await database.connection.number('PRAGMA data_version');
      if (dataVersion === this.#dataVersion) return undefined;
      this.#dataVersion = dataVersion;
      const schemaVersion = await database.connection.number('PRAGMA schema_version');
      if (schemaVersion === database.schemaVersion) return 'committed';
      // Somebody changed the tables: it is a stranger's file until it has been compared again.
      await this.#drop();
      await this.current();
    } catch (error) {
      if (!(error instanceof CacheError)) throw error;
    }
    return undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#turn?.catch(() => undefined);
    await this.#drop();
  }

  async #check(): Promise<OpenDatabase> {
    const known = this.#database;
    // It may have been given up while the file was looked at.
    if (known && (await isSameFile(known)) && this.#database === known) return known;
    await this.#drop();
    const mark = await contentMark(this.path);
    try {
      this.#database = await openDatabase(this.path);
    } catch (error) {
      if (mark !== this.#refused) {
        this.#refused = mark;
        const gone = error instanceof CacheError && error.kind === 'missing';
        this.announce(gone ? 'gone' : 'replaced');
      }
      throw error;
    }
    this.#dataVersion = this.#database.dataVersion;
    this.#refused = undefined;
    this.announce('replaced');
    return this.#database;
  }

  async #drop(): Promise<void> {
    const database = this.#database;
    this.#database = undefined;
    await database?.connection.close();
  }
}
