import { randomUUID } from 'node:crypto';
import { Connection, sharedUri } from './Connection';

/** Rows that were removed, in a database in this process's memory, for as long as it is open. */
export class Kept {
  private constructor(
    /** What a connection attaches it by. */
    readonly uri: string,
    private readonly connection: Connection,
  ) {}

  static async open(): Promise<Kept> {
    const name = `cellar-${randomUUID()}`;
    return new Kept(sharedUri(name), await Connection.open(name, 'shared'));
  }

  /** Gives its memory back. Doing so twice is harmless. */
  close(): Promise<void> {
    return this.connection.close();
  }
}
