"""Adopting: another cell's entry that answered becomes the cell's own, too."""

from __future__ import annotations

import sqlite3

from marimo_cellar.database.apps import OUTSIDE
from marimo_cellar.entries import made
from marimo_cellar.entries.entries import EntryKey


def adopt(
    connection: sqlite3.Connection,
    entry_id: int,
    key: EntryKey,
    cell_id: int,
    node: bytes | None,
) -> None:
    """Gives a cell a row of its own for another cell's entry that answered it.

    Not where that is gone by now, and its number another entry's. It keeps the time it
    was made at, so that it cannot bring a result back to a cell that was cleared since.
    What belonged to no cell is this cell's alone now.
    """
    cursor = connection.execute(
        "INSERT OR IGNORE INTO entries (cell_id, cache_name, cache_type, hash,"
        " loader, node, runtime, created_at, versions)"
        " SELECT cells.cell_id, cache_name, cache_type, hash, loader, ?, runtime,"
        " created_at, versions FROM entries, cells"
        " WHERE entry_id = ? AND cells.cell_id = ?"
        " AND hash = ? AND cache_name = ? AND cache_type = ? AND loader = ?"
        " AND (cleared_at IS NULL OR created_at > cleared_at)",
        (
            *(node, entry_id, cell_id),
            *(key.hash, key.cache_name, key.cache_type, key.loader),
        ),
    )
    if cursor.rowcount == 1:
        assert cursor.lastrowid is not None
        connection.execute(
            "INSERT INTO items (cell_id, entry_id, key, name, format, type_hint,"
            " digest, seal) SELECT ?, ?, key, name, format, type_hint, digest, seal"
            " FROM items WHERE entry_id = ?",
            (cell_id, cursor.lastrowid, entry_id),
        )
        made.copy(connection, entry_id, cursor.lastrowid)
        connection.execute(
            "INSERT INTO costs (entry_id, amount, seconds)"
            " SELECT ?, amount, seconds FROM costs WHERE entry_id = ?",
            (cursor.lastrowid, entry_id),
        )
        connection.execute(
            "DELETE FROM entries WHERE entry_id = ? AND cell_id IN"
            " (SELECT cell_id FROM cells WHERE name = ? AND cell_id <> ?)",
            (entry_id, OUTSIDE, cell_id),
        )
