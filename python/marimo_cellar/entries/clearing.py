"""Clearing: what the user removes, and what that would free."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence

from marimo_cellar.database import bulk
from marimo_cellar.database.apps import imported_app
from marimo_cellar.database.database import Database
from marimo_cellar.entries import blobs

# An app's entries of a cache name, of each kind of loader: any would answer the other
# kinds' lookups. And those that were imported in its folder: nobody knows whose these
# are, and the app's cells would be answered by them.
_OF_APP = (
    "SELECT entry_id, entries.cell_id FROM entries JOIN cells USING (cell_id)"
    " JOIN apps USING (app_id)"
    " WHERE cache_name = ? AND loader <> 'store' AND apps.path IN (?, ?)"
)


def clear(database: Database, cache_name: str, app: str) -> None:
    """Removes an app's entries of one cache name."""
    with database.reading() as connection:
        if connection is None:
            return
    now = time.time()
    with database.writing() as connection:
        rows = connection.execute(
            _OF_APP, (cache_name, app, imported_app(app))
        ).fetchall()
        # Not for what belongs to no cell: there it would count for every cell.
        connection.executemany(
            "UPDATE cells SET cleared_at = ? WHERE cell_id = ? AND ordinal >= 0",
            [(now, cell_id) for cell_id in {cell_id for _, cell_id in rows}],
        )
        digests = delete(connection, [entry_id for entry_id, _ in rows])
        files = blobs.remove_unused(connection, digests)
    blobs.unlink(database, files)


def clearable(
    database: Database, cache_name: str, app: str
) -> list[tuple[bytes, int, str | None]]:
    """Digest, size and file of the blobs that `clear` would free."""
    with database.reading() as connection:
        if connection is None:
            return []
        return connection.execute(
            f"WITH gone (entry_id, cell_id) AS ({_OF_APP})"
            " SELECT digest, size, file FROM blobs WHERE digest IN"
            " (SELECT digest FROM items JOIN gone USING (entry_id))"
            " AND NOT EXISTS (SELECT 1 FROM items WHERE"
            " items.digest = blobs.digest AND items.entry_id NOT IN"
            " (SELECT entry_id FROM gone))",
            (cache_name, app, imported_app(app)),
        ).fetchall()


def clear_key(database: Database, key: str) -> bool:
    """Removes the entries that hold a key of marimo's, whole."""
    with database.reading() as connection:
        if connection is None:
            return False
    with database.writing() as connection:
        rows = connection.execute(
            "SELECT DISTINCT entry_id FROM items WHERE key = ?", (key,)
        ).fetchall()
        digests = delete(connection, [entry_id for (entry_id,) in rows])
        files = blobs.remove_unused(connection, digests)
    blobs.unlink(database, files)
    return bool(rows)


def delete(connection: sqlite3.Connection, entry_ids: Sequence[int]) -> list[bytes]:
    """Deletes entries with their items; the digests these had."""
    digests = bulk.matching(
        connection, "SELECT digest FROM items WHERE entry_id IN", entry_ids
    )
    bulk.change(connection, "DELETE FROM entries WHERE entry_id IN", entry_ids)
    return [digest for (digest,) in digests]
