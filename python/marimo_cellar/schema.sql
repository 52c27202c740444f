-- The one statement of Cellar's format. Python runs it; TypeScript is bundled
-- with it and believes a database only while its schema equals this text.
--
-- Times are Unix seconds (REAL), sizes are bytes, digests are SHA-256 as 32-byte
-- blobs. PRAGMA page_size = 8192, auto_vacuum = INCREMENTAL and application_id = 0x43454C52
-- ("CELR") are set by whoever creates the file, before this script; user_version is
-- major * 1000 + minor, and a minor version only adds.
--
-- No STRICT tables and no RETURNING in here: Python 3.10 still meets SQLite 3.34.

-- A notebook. `path` is relative to the database's folder, with forward slashes.
-- `unsaved`, and `imported` and `served` in the notebooks' folder, stand for what
-- has no file: the last for kernels that VS Code serves.
CREATE TABLE apps (
  app_id       INTEGER PRIMARY KEY,
  path         TEXT NOT NULL UNIQUE,
  last_seen_at REAL NOT NULL
);

-- A cell of an app, for as long as anyone can recognise it. `name` is null when
-- the notebook gives it none; `defs` is a JSON array of names; `retired_at` is
-- null while the cell is in the notebook. `cleared_at` keeps a cleared result
-- from coming back through an equal entry of another cell: this cell answers
-- from another cell's entry only if that was created later.
CREATE TABLE cells (
  cell_id      INTEGER PRIMARY KEY,
  app_id       INTEGER NOT NULL REFERENCES apps (app_id) ON DELETE CASCADE,
  name         TEXT,
  ordinal      INTEGER NOT NULL,
  code         TEXT NOT NULL,
  defs         TEXT NOT NULL DEFAULT '[]',
  last_seen_at REAL NOT NULL,
  retired_at   REAL,
  cleared_at   REAL
);
CREATE INDEX cells_by_app ON cells (app_id, ordinal);

-- A cell's code, once for all nodes that stand on it.
CREATE TABLE sources (
  code_digest BLOB PRIMARY KEY,
  code        TEXT NOT NULL
) WITHOUT ROWID;

-- A cell as it stood, with all it depended on: a Merkle node. `node` is the
-- digest of the code's digest followed by the parents' nodes in ascending order;
-- `parents` is a JSON array of those nodes in lower-case hex. Equal cells of two
-- notebooks have equal nodes, hence the cell in the key.
CREATE TABLE nodes (
  node        BLOB NOT NULL,
  cell_id     INTEGER NOT NULL REFERENCES cells (cell_id) ON DELETE CASCADE,
  code_digest BLOB NOT NULL REFERENCES sources (code_digest),
  parents     TEXT NOT NULL DEFAULT '[]',
  PRIMARY KEY (node, cell_id)
) WITHOUT ROWID;
CREATE INDEX nodes_by_cell ON nodes (cell_id);
CREATE INDEX nodes_by_source ON nodes (code_digest);

-- One cached result of one cell. `cache_name` is `cell_cache` or the name given
-- to `persistent_cache`; `cache_type` is marimo's letter, `hash` marimo's key;
-- `versions` is a JSON object with `marimo`, `python` and `cache`.
CREATE TABLE entries (
  entry_id   INTEGER PRIMARY KEY,
  cell_id    INTEGER NOT NULL REFERENCES cells (cell_id) ON DELETE CASCADE,
  cache_name TEXT NOT NULL,
  cache_type TEXT NOT NULL CHECK (cache_type IN ('P', 'C', 'E', 'X', 'D', 'U')),
  hash       TEXT NOT NULL,
  loader     TEXT NOT NULL,
  node       BLOB,
  runtime    REAL,
  created_at REAL NOT NULL,
  last_hit_at REAL,
  hits       INTEGER NOT NULL DEFAULT 0,
  pinned     INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
  versions   TEXT NOT NULL DEFAULT '{}',
  UNIQUE (cell_id, cache_name, hash, cache_type, loader)
);
CREATE INDEX entries_by_hash ON entries (hash);

-- Bytes, once, whoever refers to them. Either `content` holds them or `file`
-- names them (`ab/<digest>.<format>` below `blobs/`, and nothing else is
-- believed). `content` is last, so that listing never touches its pages.
-- `quarantined_at` is set when the bytes were found wrong: they are never served.
CREATE TABLE blobs (
  blob_id        INTEGER PRIMARY KEY,
  digest         BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
  size           INTEGER NOT NULL,
  crc32          INTEGER NOT NULL,
  quarantined_at REAL,
  file           TEXT,
  content        BLOB,
  CHECK ((content IS NULL) <> (file IS NULL))
);

-- One stored value of an entry. `key` is marimo's store key; `name` is the
-- variable's, `return` for the output, `console output` for what was printed,
-- `random state` for where random numbers go on, `ui` for UI elements, `manifest`
-- for the manifest; `format` is one of arrow json npy pickle pt bin manifest.
-- `seal` is the CRC-32 over the key in UTF-8, the digest's 32 bytes and the size as
-- eight bytes, little-endian. Clustered by cell, so that clearing one reads
-- neighbouring pages.
CREATE TABLE items (
  cell_id   INTEGER NOT NULL,
  entry_id  INTEGER NOT NULL REFERENCES entries (entry_id) ON DELETE CASCADE,
  key       TEXT NOT NULL,
  name      TEXT NOT NULL,
  format    TEXT NOT NULL,
  type_hint TEXT,
  digest    BLOB NOT NULL REFERENCES blobs (digest),
  seal      INTEGER NOT NULL,
  PRIMARY KEY (cell_id, entry_id, key)
) WITHOUT ROWID;
CREATE INDEX items_by_key ON items (key);
CREATE INDEX items_by_digest ON items (digest);
CREATE INDEX items_by_entry ON items (entry_id);

-- What the last runs met. `seconds` is the load time of a hit and the run time
-- of a miss, null where nobody measured it; `why` is a sentence's worth of
-- reason for a miss where one is known.
CREATE TABLE lookups (
  lookup_id  INTEGER PRIMARY KEY,
  cell_id    INTEGER NOT NULL REFERENCES cells (cell_id) ON DELETE CASCADE,
  cache_name TEXT NOT NULL,
  hash       TEXT NOT NULL,
  outcome    TEXT NOT NULL CHECK (outcome IN ('hit', 'miss')),
  at         REAL NOT NULL,
  seconds    REAL,
  why        TEXT
);
CREATE INDEX lookups_by_cell ON lookups (cell_id, at);

-- What each cell amounts to, kept by the triggers below: its entries, the bytes
-- they refer to (each blob once per cell) and the seconds it took to make them.
CREATE TABLE totals (
  cell_id INTEGER PRIMARY KEY REFERENCES cells (cell_id) ON DELETE CASCADE,
  entries INTEGER NOT NULL DEFAULT 0,
  size    INTEGER NOT NULL DEFAULT 0,
  runtime REAL NOT NULL DEFAULT 0
);

CREATE TRIGGER cells_begin AFTER INSERT ON cells BEGIN
  INSERT INTO totals (cell_id) VALUES (NEW.cell_id);
END;

CREATE TRIGGER entries_count AFTER INSERT ON entries BEGIN
  UPDATE totals SET entries = entries + 1, runtime = runtime + coalesce(NEW.runtime, 0)
  WHERE cell_id = NEW.cell_id;
END;

CREATE TRIGGER entries_discount AFTER DELETE ON entries BEGIN
  UPDATE totals SET entries = entries - 1,
    runtime = CASE WHEN entries = 1 THEN 0 ELSE max(0, runtime - coalesce(OLD.runtime, 0)) END
  WHERE cell_id = OLD.cell_id;
END;

CREATE TRIGGER items_count AFTER INSERT ON items
WHEN NOT EXISTS (
  SELECT 1 FROM items AS other
  WHERE other.digest = NEW.digest AND other.cell_id = NEW.cell_id
    AND (other.entry_id, other.key) <> (NEW.entry_id, NEW.key)
) BEGIN
  UPDATE totals SET size = size + (SELECT size FROM blobs WHERE digest = NEW.digest)
  WHERE cell_id = NEW.cell_id;
END;

CREATE TRIGGER items_discount AFTER DELETE ON items
WHEN NOT EXISTS (
  SELECT 1 FROM items AS other
  WHERE other.digest = OLD.digest AND other.cell_id = OLD.cell_id
) BEGIN
  UPDATE totals SET size = size - (SELECT size FROM blobs WHERE digest = OLD.digest)
  WHERE cell_id = OLD.cell_id;
END;

-- Since 1.1: what the disk looks after itself by.

-- What all values take in bytes, and 2 KiB for each entry's rows, which is what they
-- take on average. Kept by triggers, so that "within the budget?" costs one row.
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

-- Sizes by digest, without the bytes that lie beside them in a blob's row.
CREATE INDEX blobs_by_size ON blobs (digest, size);

-- The notebooks that a kernel has open, each until it says so again: a killed
-- kernel cannot take its row back.
CREATE TABLE openings (
  app_id INTEGER NOT NULL REFERENCES apps (app_id) ON DELETE CASCADE,
  holder TEXT NOT NULL,
  until  REAL NOT NULL,
  PRIMARY KEY (app_id, holder)
) WITHOUT ROWID;

-- Who cleans up, until when unless it says so again, and when all files were last
-- looked through. One cleaner at a time; one that was killed is waited for.
CREATE TABLE cleaners (
  one      INTEGER PRIMARY KEY CHECK (one = 1),
  holder   TEXT NOT NULL,
  until    REAL NOT NULL,
  swept_at REAL NOT NULL
);

-- What was evicted lately, by marimo's key: the ghost list. It keeps marimo's own
-- older file of that key from bringing the entry back, and tells what a larger cache
-- would have saved. `evicted` is how many bytes had left before it for want of room.
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

-- An evicted entry that was computed again: `room` is how many bytes more would have
-- kept it, null where it was not for want of room that it left.
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

-- What an entry cost in money, and the seconds of waiting that this is worth.
CREATE TABLE costs (
  entry_id INTEGER PRIMARY KEY REFERENCES entries (entry_id) ON DELETE CASCADE,
  amount   REAL NOT NULL,
  seconds  REAL NOT NULL
);

-- What hits saved, by cell and by day, where the kernel ran: seconds to compute less
-- seconds to load, and money. Kept by a trigger, so that it outlives the entries and
-- the few lookups that are kept. `day` is `2026-02-28`, and empty for what is older than a
-- year.
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

-- The clean-ups that evicted something. `actor` is `kernel`, `vscode` or `command`;
-- `seconds` is what the evicted took to compute. `level` is how far the cache has
-- aged: the highest priority that ever had to leave for want of room. `evicted` is
-- the bytes that left for that in all.
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

-- What is known of each entry's worth, and the order in which entries leave: the
-- lowest `priority` first. It is GreedyDual-Size-Frequency (Cherkasova, "Improving
-- WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching Policy", HP
-- Laboratories, HPL-98-69R1, 1998): frequency times cost per byte, in seconds to
-- recompute, plus the level that the cache had aged to when the entry was last
-- used, so that what was used lately stands on a higher floor than what was not.
-- Two things differ. Frequency saturates at four, since runs a minute apart say less
-- than their number. And an entry of the n-th last version of its cell's code is
-- held to be wanted n * n times less often.
--
-- `size` counts the entry's blobs, one that n items refer to as an n-th for each, so
-- that the entries' sizes add up to `usage`; `own` is what goes when it alone goes.
-- `version` counts the cell's versions from the last used one, which is 1; `latest`
-- is the entry of it that was used last. `settled` counts in the same way the
-- versions that were in use for half a day, such as yesterday's and other branches';
-- null for the rest. A runtime that nobody measured counts as a second. `value` is in
-- seconds, and `amount` in money, which has its part in it.
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

-- Why a lookup met what it met: a JSON array of objects, what weighs most first. Each
-- has a `kind`; test/fixtures/reasons.json has all kinds, their fields and sentences.
-- Of a miss `lookups.why` says the same in English.
CREATE TABLE reasons (
  lookup_id INTEGER PRIMARY KEY REFERENCES lookups (lookup_id) ON DELETE CASCADE,
  reasons   TEXT NOT NULL
);

-- What marimo's hash of an entry stood on beside code, by which the next miss is
-- explained: a JSON object whose `values` are digests of what variables held and whose
-- `modules` are versions, each by the name that the cell's code has for it.
CREATE TABLE inputs (
  entry_id INTEGER PRIMARY KEY REFERENCES entries (entry_id) ON DELETE CASCADE,
  inputs   TEXT NOT NULL
);

-- The files that a cell read while it computed an entry, as they were when it ended.
-- `path` is relative to the notebook's folder, with forward slashes. `how` is `opened`,
-- or `named` for a path that stands in the code of a cell that may have read it by
-- other means than Python's. `digest` is null for a file that is too large to ask.
CREATE TABLE reads (
  entry_id    INTEGER NOT NULL REFERENCES entries (entry_id) ON DELETE CASCADE,
  path        TEXT NOT NULL,
  how         TEXT NOT NULL CHECK (how IN ('opened', 'named')),
  size        INTEGER NOT NULL,
  modified_at REAL NOT NULL,
  digest      BLOB CHECK (length(digest) = 32),
  PRIMARY KEY (entry_id, path)
) WITHOUT ROWID;

-- Notebooks that a clean-up found without a file, and when one first did: a notebook
-- of another Git branch is gone for a while only. One that finds it again, or cannot
-- reach its folder, takes the row away.
CREATE TABLE missing (
  app_id INTEGER PRIMARY KEY REFERENCES apps (app_id) ON DELETE CASCADE,
  since  REAL NOT NULL
);

-- With what the function was called whose result an entry is, for people: a JSON
-- object, each parameter's name to its value as Python writes it, shortened, and
-- without what looks like a secret.
CREATE TABLE calls (
  entry_id  INTEGER PRIMARY KEY REFERENCES entries (entry_id) ON DELETE CASCADE,
  arguments TEXT NOT NULL
);

-- What the entries that a clean-up evicted had cost in money, where they cost any.
CREATE TABLE cleaning_costs (
  cleaning_id INTEGER PRIMARY KEY REFERENCES cleanings (cleaning_id) ON DELETE CASCADE,
  amount      REAL NOT NULL
);

-- When a kernel last looked through the whole cache after a run of a notebook, and how
-- many versions of its cells beyond the last ones were kept for what they are worth. A
-- process that runs it once need not do so again within the hour.
CREATE TABLE looks (
  app_id INTEGER PRIMARY KEY REFERENCES apps (app_id) ON DELETE CASCADE,
  at     REAL NOT NULL,
  kept   INTEGER NOT NULL
);
