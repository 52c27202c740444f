/** The part of `vscode.Memento` that is needed. */
export interface Memento {
  get(key: string): unknown;
  update(key: string, value: unknown): Thenable<void>;
}

const key = 'cellar.preview.databases';

/**
 * Numbers for databases that stay the same from session to session. A page keeps the number, so that
 * nothing that runs in it can name a path: it could only ask for a database that was shown before.
 */
export class Bookmarks {
  readonly #memento: Memento;

  constructor(memento: Memento) {
    this.#memento = memento;
  }

  numberOf(database: string): number {
    const databases = this.#databases();
    const known = databases.indexOf(database);
    if (known >= 0) return known;
    void this.#memento.update(key, [...databases, database]);
    return databases.length;
  }

  databaseOf(number: number): string | undefined {
    return this.#databases()[number];
  }

  #databases(): string[] {
    const kept = this.#memento.get(key);
    return Array.isArray(kept) ? kept.map(String) : [];
  }
}
