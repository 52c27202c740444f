"""Entries: one cached result of one cell, its items, and which answers whom."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from marimo_cellar.database.apps import app_path, folder_of, made_in
from marimo_cellar.database.database import Database
from marimo_cellar.database.found import Found, StoredItem
from marimo_cellar.entries.blobs import Blob
from marimo_cellar.entries.cells import hidden_until
from marimo_cellar.entries.roll import Roll, recognise
from marimo_cellar.notebook.notebook import Cell, Notebook

if TYPE_CHECKING:
    from marimo_cellar.entries.made import Made


# The name that marimo gives to the cache of whole cells (`CachedLifecycle`).
CELL_CACHE = "cell_cache"


class EntryKey(Struct, frozen=True):
    """What marimo asks by.

    `cache_type` is marimo's letter, one of P C E X D U; `loader` is `lazy`,
    `pickle`, `json`, or `store` for keys that no loader made.
    """

    cache_name: str
    cache_type: str
    hash: str
    loader: str

    @property
    def is_of_cell(self) -> bool:
        """Whether it is of a whole cell, and not of a function or block in it."""
        return self.cache_name == CELL_CACHE


class Owner(Struct, frozen=True):
    """The cell an entry belongs to, captured on the kernel's thread.

    Without a notebook or a cell of it, what is saved belongs to no cell. `made` is
    what that was made of, where it is known.
    """

    roll: Roll
    notebook: Notebook | None = None
    kernel_id: str | None = None
    made: Made | None = None

    @property
    def cell(self) -> Cell | None:
        """The cell as it stands in the notebook."""
        return None if self.notebook is None else self.notebook.cell(self.kernel_id)


class Item(Struct, frozen=True):
    """One value on its way into the database."""

    key: str
    name: str
    format: str
    type_hint: str | None
    blob: Blob


class Cost(Struct, frozen=True):
    """`amount` in money, `seconds` of waiting that what was paid for is worth."""

    amount: float
    seconds: float


# Entries with their items, item by item, for `_expected`. The order of the joins is that
# of the indices, which no statistics are kept for.
_WITH_ITEMS = (
    "SELECT e.entry_id, e.cell_id, created_at, versions,"
    " e.cache_name, cache_type, e.hash, loader, i.key, format, i.digest, seal, size,"
    " crc32, file, content, quarantined_at"
)
# What each living cell of an app met last.
_MET_LAST = (
    f"{_WITH_ITEMS} FROM apps CROSS JOIN cells AS c USING (app_id)"
    " CROSS JOIN lookups AS l ON l.lookup_id = (SELECT lookup_id FROM lookups"
    " WHERE cell_id = c.cell_id ORDER BY at DESC LIMIT 1)"
    " CROSS JOIN entries AS e ON e.cell_id = c.cell_id"
    " AND e.cache_name = l.cache_name AND e.hash = l.hash"
    " CROSS JOIN items AS i ON i.cell_id = e.cell_id AND i.entry_id = e.entry_id"
    " LEFT JOIN blobs AS b ON b.digest = i.digest"
    " WHERE path = ? AND ordinal >= 0 AND retired_at IS NULL"
    " AND loader IN ('lazy', 'pickle', 'json')"
    " AND typeof(created_at) = 'real' AND typeof(versions) = 'text'"
    " ORDER BY ordinal"
)
# What a cell's calls of a function were answered by, in the order of their making.
_MADE_AFTER = (
    f"{_WITH_ITEMS} FROM items AS i"
    " CROSS JOIN entries AS e ON e.entry_id = i.entry_id"
    " LEFT JOIN blobs AS b ON b.digest = i.digest"
    " WHERE i.cell_id = ? AND i.entry_id > ?"
    " AND e.cache_name = ? AND cache_type = ? AND loader = ?"
    " AND typeof(created_at) = 'real' AND typeof(versions) = 'text'"
    " ORDER BY i.entry_id"
)


def candidates(database: Database, key: EntryKey, owner: Owner) -> list[Found]:
    """The entries that may answer: the cell's own first, then other cells'.

    Another cell's answers only if it was made after this cell was last cleared.
    Raises `sqlite3.Error` or `database.Unavailable`, as all here do.
    """
    with database.reading() as connection:
        if connection is None:
            return []
        # A place that several folders share holds what equal code made of other files:
        # marimo's hash does not see what is read by a relative path.
        here = folder_of(app_path(database.folder, owner.roll.path))
        rows = [row for row in _rows_of(connection, key) if made_in(*row[3:]) == here]
        if not rows:
            return []
        own = _own_cell(connection, database, owner)
        cleared_at = None
        if own is not None and any(row[1] != own for row in rows):
            row = connection.execute(
                "SELECT cleared_at FROM cells WHERE cell_id = ?", (own,)
            ).fetchone()
            cleared_at = row[0] if row and isinstance(row[0], float) else None
        founds = [
            Found(entry_id, cell_id, cell_id == own, created_at)
            for entry_id, cell_id, created_at, *_ in rows
            if cell_id == own or cleared_at is None or created_at > cleared_at
        ]
        founds.sort(key=lambda found: not found.own)
        if founds:
            # Most often the first one answers, and this connection is at hand.
            first = founds[0]
            founds[0] = replace(first, items=items_of(connection, first))
        return founds


def met_last(
    connection: sqlite3.Connection, app: str
) -> Iterator[tuple[EntryKey, Found]]:
    """What each living cell of an app met last, as `candidates` would find it for it,
    in the cells' order. `app` is the path of its row."""
    yield from _expected(connection.execute(_MET_LAST, (app,)), app)


def made_after(
    connection: sqlite3.Connection, app: str, key: EntryKey, found: Found
) -> Iterator[tuple[EntryKey, Found]]:
    """The entries of the same function or block of a cell that were made after one that
    answers its lookup of `key`, as `candidates` would find them for it, in that order."""
    parameters = (
        found.cell_id,
        found.entry_id,
        key.cache_name,
        key.cache_type,
        key.loader,
    )
    yield from _expected(connection.execute(_MADE_AFTER, parameters), app)


def _expected(cursor: sqlite3.Cursor, app: str) -> Iterator[tuple[EntryKey, Found]]:
    """A cell's own entries with their items, of those that are whole and made here."""
    # Closed where it is not read to its end, so that it keeps no snapshot.
    with closing(cursor):
        for _, group in groupby(cursor, key=itemgetter(0)):
            rows = list(group)
            entry_id, cell_id, created_at, versions, *key = rows[0][:8]
            items = _whole([row[8:] for row in rows])
            if items and made_in(app, versions) == folder_of(app):
                yield EntryKey(*key), Found(entry_id, cell_id, True, created_at, items)


def items_of(connection: sqlite3.Connection, found: Found) -> list[StoredItem]:
    """An entry's items; none at all if a blob of them is set aside or gone."""
    rows = connection.execute(
        "SELECT key, format, digest, seal, size, crc32, file, content, quarantined_at"
        " FROM items LEFT JOIN blobs USING (digest)"
        " WHERE cell_id = ? AND entry_id = ?",
        (found.cell_id, found.entry_id),
    ).fetchall()
    return _whole(rows)


def loaders_of(database: Database, key: EntryKey) -> frozenset[str]:
    """The loaders there are entries of, of a key but for the loader it names."""
    with database.reading() as connection:
        if connection is None:
            return frozenset()
        rows = connection.execute(
            "SELECT loader FROM entries"
            " WHERE hash = ? AND cache_name = ? AND cache_type = ?",
            (key.hash, key.cache_name, key.cache_type),
        )
        return frozenset(loader for (loader,) in rows)


def keys_in(database: Database) -> list[EntryKey]:
    """What there are entries of, each once however many cells have it."""
    with database.reading() as connection:
        if connection is None:
            return []
        rows = connection.execute(
            "SELECT DISTINCT cache_name, cache_type, hash, loader FROM entries"
            " ORDER BY cache_name, hash, cache_type, loader"
        ).fetchall()
    return [EntryKey(*row) for row in rows]


def all_of(database: Database, key: EntryKey) -> list[Found]:
    """Every cell's entry of a key, the newest first."""
    with database.reading() as connection:
        rows = _rows_of(connection, key) if connection is not None else []
    return [
        Found(entry_id, cell_id, False, created_at)
        for entry_id, cell_id, created_at, *_ in rows
    ]


def evicted_for(database: Database, key: EntryKey) -> str | None:
    """What the entry of a key was evicted for lately; None if it was not."""
    with database.reading() as connection:
        return _ghost(connection, key, "reason") if connection is not None else None


def files_hidden_until(database: Database, key: EntryKey, owner: Owner) -> float:
    """Up to when marimo's old files of a key are hidden from the owner; -inf for
    never. Those of what was evicted lately are hidden as those of what was cleared."""
    with database.reading() as connection:
        if connection is None:
            return float("-inf")
        cell_id = _own_cell(connection, database, owner)
        return hidden_before(connection, database, key, owner, cell_id)


def hidden_before(
    connection: sqlite3.Connection,
    database: Database,
    key: EntryKey,
    owner: Owner,
    cell_id: int | None,
) -> float:
    """`files_hidden_until` of an owner whose cell is known, by a connection at hand."""
    cleared = hidden_until(connection, database, owner.roll.path, cell_id)
    evicted_at = _ghost(connection, key, "at")
    return cleared if evicted_at is None else max(cleared, float(evicted_at))


def _ghost(connection: sqlite3.Connection, key: EntryKey, column: str) -> Any:
    """What the ghost list says of a key; None if nothing."""
    try:
        row = connection.execute(
            f"SELECT {column} FROM ghosts WHERE hash = ? AND cache_name = ?"
            " AND cache_type = ? AND loader = ?",
            (key.hash, key.cache_name, key.cache_type, key.loader),
        ).fetchone()
    except sqlite3.OperationalError:
        # An older format, in a place where it cannot be brought up to date.
        return None
    return row[0] if row is not None else None


def _rows_of(
    connection: sqlite3.Connection, key: EntryKey
) -> list[tuple[int, int, float, str, str]]:
    """Entry, cell, creation time, app's path and versions of every cell's entry, the
    newest first. A row that cannot be right, a stranger's or damaged, is none."""
    return connection.execute(
        "SELECT entry_id, cell_id, created_at, path, versions FROM entries"
        " JOIN cells USING (cell_id) JOIN apps USING (app_id) WHERE hash = ?"
        " AND cache_name = ? AND cache_type = ? AND loader = ?"
        " AND typeof(created_at) = 'real' AND typeof(path) = 'text'"
        " AND typeof(versions) = 'text'"
        " ORDER BY created_at DESC",
        (key.hash, key.cache_name, key.cache_type, key.loader),
    ).fetchall()


def _own_cell(
    connection: sqlite3.Connection, database: Database, owner: Owner
) -> int | None:
    """Our id of the owner's cell, if the database knows it."""
    if owner.notebook is None or owner.kernel_id is None:
        return None
    ids = recognise(connection, database, owner.roll, owner.notebook)
    return ids.get(owner.kernel_id)


def _whole(rows: Sequence[tuple[Any, ...]]) -> list[StoredItem]:
    """The items of rows that end with when each blob was set aside; none at all if
    one was, or is gone."""
    if any(row[4] is None or row[8] is not None for row in rows):
        return []
    return [StoredItem(*row[:8]) for row in rows]
