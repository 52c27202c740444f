-- From format 1.1 to 1.2, which tells calls apart. What each of it means is in
-- ../schema.sql.

CREATE TABLE calls (
  entry_id  INTEGER PRIMARY KEY REFERENCES entries (entry_id) ON DELETE CASCADE,
  arguments TEXT NOT NULL
);

CREATE TABLE cleaning_costs (
  cleaning_id INTEGER PRIMARY KEY REFERENCES cleanings (cleaning_id) ON DELETE CASCADE,
  amount      REAL NOT NULL
);

CREATE TABLE looks (
  app_id INTEGER PRIMARY KEY REFERENCES apps (app_id) ON DELETE CASCADE,
  at     REAL NOT NULL,
  kept   INTEGER NOT NULL
);
