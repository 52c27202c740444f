-- Format 1.0 as it was landed, for good. A database of it is told by this text.
-- What each of it means, and how it has become since, is in ../schema.sql.

-- A notebook. `path` is relative to the database's folder, with forward slashes.
-- `unsaved`, and `imported` in a notebook's folder, stand for what has no file.
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
-- variable's, `return` for the output, `ui` for UI elements, `manifest` for the
-- manifest; `format` is one of arrow json npy pickle pt bin manifest. `seal` is
-- the CRC-32 over the key in UTF-8, the digest's 32 bytes and the size as eight
-- bytes, little-endian. Clustered by cell, so that clearing one reads
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
