import type { Connection } from './Connection';

// What later formats added: VS Code reads older databases as they are. Formats only go forward, so what
// a connection has found once is there for good; what it has not may come.

/** Whether the database has what the policy needs: those of format 1.0 have not. */
export const looksAfterItself = remembered((connection) =>
  connection.number(
    `SELECT count(*) FROM sqlite_schema WHERE type = 'view' AND name = 'retention'`,
  ),
);

/** Whether lookups say why, and which files were read: since 1.1. */
export const tellsWhy = remembered((connection) =>
  connection.number('SELECT user_version > 1000 FROM pragma_user_version'),
);

/** Whether what a function was called with is kept, and what clean-ups cost in money: since 1.2. */
export const tellsCallsApart = remembered((connection) =>
  connection.number('SELECT user_version > 1001 FROM pragma_user_version'),
);

function remembered(
  ask: (connection: Connection) => Promise<number>,
): (connection: Connection) => Promise<boolean> {
  const there = new WeakSet<Connection>();
  return async (connection) => {
    if (there.has(connection)) return true;
    const isThere = (await ask(connection)) > 0;
    if (isThere) there.add(connection);
    return isThere;
  };
}
