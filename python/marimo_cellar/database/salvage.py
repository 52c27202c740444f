"""Salvage: what is whole in a database that SQLite reads in part only.

Tables are read row by row, by no index, around what cannot be read. An entry is
taken when all its items are there, each sealed to a blob whose bytes are right;
whatever else is damaged costs no more than what stood on it.
"""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from marimo_cellar.database import schema
from marimo_cellar.database.apps import IMPORTED, OUTSIDE
from marimo_cellar.database.folder import MARIMO_CACHE
from marimo_cellar.values import checksums

_Row = tuple[Any, ...]

_APPS = "app_id, path, last_seen_at"
_CELLS = (
    "cell_id, app_id, name, ordinal, code, defs, last_seen_at, retired_at, cleared_at"
)
_ENTRIES = (
    "entry_id, cell_id, cache_name, cache_type, hash, loader, node, runtime,"
    " created_at, last_hit_at, hits, pinned, versions"
)
_ITEMS = "cell_id, entry_id, key, name, format, type_hint, digest, seal"
_BLOBS = "blob_id, digest, size, crc32, quarantined_at, file"
_LOOKUPS = "lookup_id, cell_id, cache_name, hash, outcome, at, seconds, why"
_NODES = "node, cell_id, code_digest, parents"
_COSTS = "entry_id, amount, seconds"
_OPENINGS = "app_id, holder, until"
_REASONS = "lookup_id, reasons"
_INPUTS = "entry_id, inputs"
_READS = "entry_id, path, how, size, modified_at, digest"
_CALLS = "entry_id, arguments"
_SAVINGS = "cell_id, day, hits, seconds, amount"


@dataclass(frozen=True)
class Salvaged:
    """How many entries were taken, and how many were seen that are not whole."""

    entries: int
    lost: int


class _Blob(NamedTuple):
    blob_id: int
    digest: bytes
    size: int
    crc32: int
    quarantined_at: float | None
    file: str | None


def salvage(
    source: sqlite3.Connection, target: sqlite3.Connection, folder: Path
) -> Salvaged:
    """Takes what is whole into `target`, which has our schema and no rows.

    Ids stay as they are. `folder` is the database's: blobs in files stay where they
    are, and are checked when they are loaded. Raises `sqlite3.Error` where `target`
    cannot be written.
    """
    _restore_schema(source)
    target.execute("BEGIN IMMEDIATE")
    try:
        work = _Salvage(source, target, folder)
        work.take_cells()
        salvaged = work.take_entries()
        work.take_history()
        target.execute("COMMIT")
    except BaseException:
        target.execute("ROLLBACK")
        raise
    return salvaged


def _restore_schema(source: sqlite3.Connection) -> None:
    """Gives each tree the table that it was made for, where its text is damaged.

    In the transaction that `source` is in, which is rolled back. The trees are in
    the order in which `schema.sql` makes them; an older format lacks the last ones.
    """
    with closing(sqlite3.connect(":memory:")) as ours:
        schema.lay_out(ours)
        expected = ours.execute(_SCHEMA).fetchall()
    with suppress(sqlite3.DatabaseError, UnicodeDecodeError):
        found = source.execute(_SCHEMA).fetchall()
        if found != expected[: len(found)]:
            source.executemany(
                "UPDATE sqlite_master SET type = ?2, name = ?3, tbl_name = ?4, sql = ?5"
                " WHERE rowid = ?1",
                expected,
            )
            source.execute("PRAGMA writable_schema = RESET")


_SCHEMA = "SELECT rowid, type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid"


class _Salvage:
    def __init__(
        self, source: sqlite3.Connection, target: sqlite3.Connection, folder: Path
    ) -> None:
        self._source = source
        self._target = target
        self._folder = folder
        self._cells: set[int] = set()
        # The cell for entries whose own was lost; none until one is needed.
        self._nobody: int | None = None
        self._blobs = {
            row[1]: _Blob(*row) for row in self._scan("blobs", _BLOBS) if row[1]
        }

    def take_cells(self) -> None:
        """Notebooks, and the cells of those that are known."""
        for row in self._scan("apps", _APPS):
            self._insert("apps", _APPS, row)
        for row in self._scan("cells", _CELLS):
            if self._insert("cells", _CELLS, row):
                self._cells.add(row[0])

    def take_entries(self) -> Salvaged:
        """Entries with all their items, and the blobs of these."""
        taken = lost = 0
        for row in self._scan("entries", _ENTRIES):
            entry_id, cell_id = row[:2]
            items = self._items(cell_id, entry_id)
            owner = cell_id if cell_id in self._cells else self._cell_of_nobody()
            if owner is None or not items or not self._is_whole(items):
                lost += 1
            elif self._insert("entries", _ENTRIES, (entry_id, owner, *row[2:])):
                for item in items:
                    self._insert("items", _ITEMS, (owner, *item[1:]))
                taken += 1
        self._target.execute(
            "DELETE FROM blobs WHERE digest NOT IN (SELECT digest FROM items)"
        )
        return Salvaged(taken, lost)

    def take_history(self) -> None:
        """What freshness is judged by, what the last runs met, and what holds entries.

        Not what clean-ups learnt, such as the tables `cleanings`, `ghosts` and
        `regrets`: one wrong number in them would misguide all that come, and they learn
        again. The triggers see to `usage`.
        """
        for row in self._both_ways("nodes", _NODES):
            code = self._one("SELECT code FROM sources WHERE code_digest = ?", row[2])
            if code is not None and row[1] in self._cells:
                self._insert("sources", "code_digest, code", (row[2], *code))
                self._insert("nodes", _NODES, row)
        for row in self._scan("lookups", _LOOKUPS):
            self._insert("lookups", _LOOKUPS, row)
        for row in self._scan("costs", _COSTS):
            if all(isinstance(value, float) and value >= 0 for value in row[1:]):
                self._insert("costs", _COSTS, row)
        for row in self._both_ways("savings", _SAVINGS):
            if all(isinstance(value, (int, float)) for value in row[2:]):
                # The lookups of that day, which are but the last, were counted anew.
                self._target.execute(
                    "DELETE FROM savings WHERE cell_id = ? AND day = ?", row[:2]
                )
                self._insert("savings", _SAVINGS, row)
        for row in self._both_ways("openings", _OPENINGS):
            self._insert("openings", _OPENINGS, row)
        for table, columns in (
            ("reasons", _REASONS),
            ("inputs", _INPUTS),
            ("calls", _CALLS),
        ):
            for row in self._scan(table, columns):
                self._insert(table, columns, row)
        for row in self._both_ways("reads", _READS):
            self._insert("reads", _READS, row)

    # Writing

    def _insert(self, table: str, columns: str, row: _Row) -> bool:
        """False for a row that does not fit, as the schema's constraints have it."""
        try:
            cursor = self._target.execute(
                f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(row))})",
                row,
            )
        except sqlite3.IntegrityError:
            return False
        return cursor.rowcount == 1

    def _cell_of_nobody(self) -> int | None:
        """The cell that imported entries belong to: every notebook may use those.

        None where the cache is not beside its notebooks: whose they were is lost,
        and equal code reads other files in another folder.
        """
        if self._nobody is None and self._folder.parts[-2:] == MARIMO_CACHE:
            path = f"../../{IMPORTED}"
            self._target.execute(
                "INSERT OR IGNORE INTO apps (path, last_seen_at) VALUES (?, 0)", (path,)
            )
            self._nobody = self._target.execute(
                "INSERT INTO cells (app_id, name, ordinal, code, last_seen_at)"
                " SELECT app_id, ?, -1, '', 0 FROM apps WHERE path = ?",
                (OUTSIDE, path),
            ).lastrowid
        return self._nobody

    # Reading

    def _items(self, cell_id: object, entry_id: object) -> list[_Row]:
        try:
            # BETWEEN, so that SQLite takes the table itself and no index, which may
            # be what is damaged.
            return self._source.execute(
                f"SELECT {_ITEMS} FROM items WHERE cell_id = ?"
                " AND entry_id BETWEEN ? AND ? ORDER BY cell_id, entry_id, key",
                (cell_id, entry_id, entry_id),
            ).fetchall()
        except sqlite3.DatabaseError:
            return []

    def _is_whole(self, items: list[_Row]) -> bool:
        """Whether each item's bytes are right; and they are in `target` then."""
        for _, _, key, _, _, _, digest, seal in items:
            blob = self._blobs.get(digest)
            try:
                if (
                    blob is None
                    or blob.quarantined_at is not None
                    or not isinstance(blob.crc32, int)
                    or seal != checksums.seal(key, digest, blob.size)
                    or not self._take_blob(blob)
                ):
                    return False
            except (AttributeError, TypeError, OverflowError):
                # Of types that we never write.
                return False
        return True

    def _take_blob(self, blob: _Blob) -> bool:
        if self._has(blob.digest):
            return True
        content = None
        if blob.file is None:
            row = self._one("SELECT content FROM blobs WHERE blob_id = ?", blob.blob_id)
            content = row[0] if row is not None else None
            if (
                not isinstance(content, bytes)
                or zlib.crc32(content) != blob.crc32
                or hashlib.sha256(content).digest() != blob.digest
            ):
                return False
        return self._insert("blobs", f"{_BLOBS}, content", (*blob, content))

    def _has(self, digest: bytes) -> bool:
        found = self._target.execute("SELECT 1 FROM blobs WHERE digest = ?", (digest,))
        return found.fetchone() is not None

    def _one(self, sql: str, value: object) -> _Row | None:
        try:
            row: _Row | None = self._source.execute(sql, (value,)).fetchone()
        except sqlite3.DatabaseError:
            return None
        return row

    def _scan(self, table: str, columns: str) -> Iterator[_Row]:
        """The rows of a table whose first column is its number."""
        key = columns.partition(",")[0]
        rows = f"SELECT {columns} FROM {table} NOT INDEXED WHERE {key}"
        seen: set[int] = set()
        # Below `floor` there is nothing left to read. From there it jumps over the
        # page that cannot be read, ever farther, and then looks back.
        floor, jump = 0, 0
        while jump < 2**40:
            start = floor + jump
            before, _ = self._read(
                f"{rows} BETWEEN ? AND ? ORDER BY {key} DESC", floor, start - 1
            )
            after, to_the_end = self._read(f"{rows} >= ? ORDER BY {key}", start)
            for row in (*before, *after):
                if row[0] not in seen:
                    seen.add(row[0])
                    yield row
            if to_the_end:
                return
            if after:
                floor, jump = after[-1][0] + 1, 1
            else:
                jump = max(1, 2 * jump)

    def _both_ways(self, table: str, columns: str) -> Iterator[_Row]:
        """The rows of a table that has no numbers, from either end."""
        rows = f"SELECT {columns} FROM {table} ORDER BY {columns.partition(',')[0]}"
        first, to_the_end = self._read(rows)
        yield from first
        if not to_the_end:
            yield from self._read(f"{rows} DESC")[0]

    def _read(self, sql: str, *values: object) -> tuple[list[_Row], bool]:
        """The rows up to one that cannot be read, and whether there was none."""
        rows = []
        try:
            for row in self._source.execute(sql, values):
                rows.append(row)
        except sqlite3.DatabaseError:
            return rows, False
        return rows, True
