-- From format 1.0 to 1.1, which looks after the disk. What each of it means is in
-- ../schema.sql.

CREATE TABLE usage AS SELECT
  coalesce((SELECT sum(size) FROM blobs), 0) + 2048 * (SELECT count(*) FROM entries) AS size;

CREATE TRIGGER usage_blob AFTER INSERT ON blobs BEGIN
  UPDATE usage SET size = size + NEW.size;
END;
CREATE TRIGGER usage_unblob AFTER DELETE ON blobs BEGIN
  UPDATE usage SET size = size - OLD.size;
END;
CREATE TRIGGER usage_reblob AFTER UPDATE OF size ON blobs BEGIN
  UPDATE usage SET size = size + NEW.size - OLD.size;
END;
CREATE TRIGGER usage_entry AFTER INSERT ON entries BEGIN
  UPDATE usage SET size = size + 2048;
END;
CREATE TRIGGER usage_unentry AFTER DELETE ON entries BEGIN
  UPDATE usage SET size = size - 2048;
END;

CREATE INDEX blobs_by_size ON blobs (digest, size);

CREATE TABLE openings (
  app_id INTEGER NOT NULL REFERENCES apps (app_id) ON DELETE CASCADE,
  holder TEXT NOT NULL,
  until  REAL NOT NULL,
  PRIMARY KEY (app_id, holder)
) WITHOUT ROWID;

CREATE TABLE cleaners (
  one      INTEGER PRIMARY KEY CHECK (one = 1),
  holder   TEXT NOT NULL,
  until    REAL NOT NULL,
  swept_at REAL NOT NULL
);

CREATE TABLE ghosts (
  ghost_id   INTEGER PRIMARY KEY,
  hash       TEXT NOT NULL,
  cache_name TEXT NOT NULL,
  cache_type TEXT NOT NULL,
  loader     TEXT NOT NULL,
  at         REAL NOT NULL,
  size       INTEGER NOT NULL,
  seconds    REAL NOT NULL,
  reason     TEXT NOT NULL,
  evicted    INTEGER NOT NULL,
  UNIQUE (hash, cache_name, cache_type, loader)
);

CREATE TABLE regrets (
  regret_id INTEGER PRIMARY KEY,
  at        REAL NOT NULL,
  room      INTEGER,
  seconds   REAL NOT NULL
);

CREATE TRIGGER entries_regret AFTER INSERT ON entries
WHEN EXISTS (
  SELECT 1 FROM ghosts WHERE hash = NEW.hash AND cache_name = NEW.cache_name
    AND cache_type = NEW.cache_type AND loader = NEW.loader AND at < NEW.created_at
) BEGIN
  INSERT INTO regrets (at, room, seconds)
    SELECT NEW.created_at,
      CASE reason WHEN 'room' THEN
        coalesce((SELECT max(evicted) FROM cleanings), 0) - evicted
      END,
      coalesce(NEW.runtime, seconds)
    FROM ghosts WHERE hash = NEW.hash AND cache_name = NEW.cache_name
      AND cache_type = NEW.cache_type AND loader = NEW.loader;
  DELETE FROM ghosts WHERE hash = NEW.hash AND cache_name = NEW.cache_name
    AND cache_type = NEW.cache_type AND loader = NEW.loader;
END;

CREATE TABLE costs (
  entry_id INTEGER PRIMARY KEY REFERENCES entries (entry_id) ON DELETE CASCADE,
  amount   REAL NOT NULL,
  seconds  REAL NOT NULL
);

CREATE TABLE savings (
  cell_id INTEGER NOT NULL REFERENCES cells (cell_id) ON DELETE CASCADE,
  day     TEXT NOT NULL,
  hits    INTEGER NOT NULL,
  seconds REAL NOT NULL,
  amount  REAL NOT NULL,
  PRIMARY KEY (cell_id, day)
) WITHOUT ROWID;

CREATE TRIGGER lookups_save AFTER INSERT ON lookups WHEN NEW.outcome = 'hit' BEGIN
  INSERT INTO savings (cell_id, day, hits, seconds, amount)
    SELECT NEW.cell_id, coalesce(date(NEW.at, 'unixepoch', 'localtime'), ''), 1,
      max(0, coalesce(max(e.runtime), 0) - coalesce(NEW.seconds, 0)),
      coalesce(max(c.amount), 0)
    FROM entries AS e LEFT JOIN costs AS c USING (entry_id)
    WHERE e.cell_id = NEW.cell_id AND e.cache_name = NEW.cache_name
      AND e.hash = NEW.hash
    ON CONFLICT (cell_id, day) DO UPDATE SET hits = hits + 1,
      seconds = seconds + excluded.seconds, amount = amount + excluded.amount;
END;

CREATE TABLE cleanings (
  cleaning_id INTEGER PRIMARY KEY,
  at          REAL NOT NULL,
  actor       TEXT NOT NULL,
  entries     INTEGER NOT NULL,
  size        INTEGER NOT NULL,
  seconds     REAL NOT NULL,
  level       REAL NOT NULL,
  evicted     INTEGER NOT NULL
);
CREATE INDEX cleanings_by_time ON cleanings (at, level);

CREATE VIEW retention AS
WITH
  sizes AS (
    SELECT i.entry_id,
      sum(b.size * 1.0 / same.items) AS size,
      sum(CASE WHEN same.first = same.last THEN b.size * 1.0 / same.items ELSE 0 END) AS own
    FROM (
      SELECT digest, count(*) AS items, min(entry_id) AS first, max(entry_id) AS last
      FROM items GROUP BY digest
    ) AS same
    JOIN blobs AS b INDEXED BY blobs_by_size ON b.digest = same.digest
    JOIN items AS i ON i.digest = same.digest
    GROUP BY i.entry_id
  ),
  uses AS (
    SELECT e.entry_id, e.cell_id, c.app_id, e.cache_name, e.node, e.pinned,
      c.retired_at, e.hits, e.runtime, e.created_at,
      max(e.created_at, coalesce(e.last_hit_at, e.created_at)) AS used_at
    FROM entries AS e JOIN cells AS c USING (cell_id)
  ),
  spans AS (
    SELECT *, max(used_at) OVER version AS until,
      max(used_at) OVER version - min(created_at) OVER version > 43200 AS lasting
    FROM uses WINDOW version AS (PARTITION BY cell_id, cache_name, node)
  ),
  ranks AS (
    SELECT *,
      dense_rank() OVER (PARTITION BY cell_id, cache_name ORDER BY until DESC, node)
        AS version,
      CASE WHEN lasting THEN dense_rank() OVER (
        PARTITION BY cell_id, cache_name, lasting ORDER BY until DESC, node
      ) END AS settled
    FROM spans
  ),
  worths AS (
    SELECT r.*, r.version = 1 AND r.used_at = r.until AS latest,
      coalesce(r.runtime, 1.0) AS seconds,
      coalesce(c.amount, 0.0) AS amount,
      coalesce(r.runtime, 1.0) + coalesce(c.seconds, 0.0) AS value,
      coalesce(s.size, 0.0) + 2048 AS size,
      CAST(coalesce(s.own, 0.0) + 0.5 AS INTEGER) + 2048 AS own
    FROM ranks AS r LEFT JOIN sizes AS s USING (entry_id) LEFT JOIN costs AS c USING (entry_id)
  )
SELECT entry_id, cell_id, app_id, cache_name, node, pinned, retired_at, used_at,
  version, settled, latest, seconds, amount, value, size, own,
  coalesce((
    SELECT level FROM cleanings WHERE at <= used_at ORDER BY at DESC, level DESC LIMIT 1
  ), 0.0)
    + 4.0 * (hits + 1) / (hits + 4) * value / (version * version * size) AS priority
FROM worths;

CREATE TABLE reasons (
  lookup_id INTEGER PRIMARY KEY REFERENCES lookups (lookup_id) ON DELETE CASCADE,
  reasons   TEXT NOT NULL
);

CREATE TABLE inputs (
  entry_id INTEGER PRIMARY KEY REFERENCES entries (entry_id) ON DELETE CASCADE,
  inputs   TEXT NOT NULL
);

CREATE TABLE reads (
  entry_id    INTEGER NOT NULL REFERENCES entries (entry_id) ON DELETE CASCADE,
  path        TEXT NOT NULL,
  how         TEXT NOT NULL CHECK (how IN ('opened', 'named')),
  size        INTEGER NOT NULL,
  modified_at REAL NOT NULL,
  digest      BLOB CHECK (length(digest) = 32),
  PRIMARY KEY (entry_id, path)
) WITHOUT ROWID;

CREATE TABLE missing (
  app_id INTEGER PRIMARY KEY REFERENCES apps (app_id) ON DELETE CASCADE,
  since  REAL NOT NULL
);
