// A connection of another process, which runs the statements that a test sends it, in order. It must
// be a process and not a connection of ours: SQLite's locks are told apart by process.
const sqlite3 = require('@vscode/sqlite3');

const database = new sqlite3.Database(process.argv[2], sqlite3.OPEN_READWRITE);
database.serialize();
database.exec(
  'PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA busy_timeout = 10000;',
);

process.on('message', ({ id, sql }) => {
  database.exec(sql, (error) => process.send({ id, error: error?.message }));
});
process.on('disconnect', () => database.close(() => process.exit()));
process.send({ id: 0 });
