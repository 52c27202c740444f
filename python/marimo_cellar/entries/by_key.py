"""Values by marimo's keys, for a store that is asked for no more than a key.

What is asked for in the order in which it was made, as a loop does, is read ahead:
values in rows are kept in memory, and of files the system is told. Whatever fails of
that, each is read when it is asked for.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from typing import Any

from marimo_cellar.database.database import Database
from marimo_cellar.database.found import StoredItem
from marimo_cellar.database.recent import ABSENT, AT_ONCE_BYTES, Known, mark_of
from marimo_cellar.entries import blobs
from marimo_cellar.entries.contents import checked, quarantine
from marimo_cellar.values.blobfile import Damaged

# What is read of an item: `StoredItem`, and where it lies. Few keys have more than one,
# so most often nobody needs to know which is the newest.
_ITEM = (
    "SELECT items.key, format, items.digest, seal, size, crc32, file, content,"
    " items.cell_id, items.entry_id FROM items JOIN blobs USING (digest)"
)
_ITEMS_OF = f"{_ITEM} WHERE items.key = ? AND quarantined_at IS NULL"
_ITEMS_BY_TIME = (
    f"{_ITEM} JOIN entries USING (entry_id)"
    " WHERE items.key = ? AND quarantined_at IS NULL ORDER BY created_at DESC"
)
# Those of the entries that were made after one, of keys that no other entry has.
_ITEMS_AFTER = (
    f"{_ITEM} WHERE items.cell_id = ? AND items.entry_id > ?"
    " AND size <= ? AND file IS NULL AND quarantined_at IS NULL AND NOT EXISTS ("
    "SELECT 1 FROM items AS other WHERE other.key = items.key"
    " AND (other.cell_id, other.entry_id) <> (items.cell_id, items.entry_id))"
    " ORDER BY items.entry_id LIMIT ?"
)
_FILES_AFTER = (
    "SELECT digest, file, size, entry_id FROM items JOIN blobs USING (digest)"
    " WHERE cell_id = ? AND entry_id > ?"
    " AND file IS NOT NULL AND quarantined_at IS NULL ORDER BY entry_id LIMIT ?"
)
# Bytes of values that are read with one that was asked for, and of files that the
# system is to read meanwhile, and how many of these.
_AHEAD_BYTES = 2**20
_FILES_BYTES = 2**23
_FILES_AHEAD = 8


def get(database: Database, key: str) -> bytes | None:
    """The bytes of the newest entry that holds a key, checked."""
    recent = database.connections.recent
    seen: list[tuple[Any, ...]] | None = None
    # Somebody may save the key anew between our look at its rows and at its file,
    # which is gone then: the rows are looked at again until they stay the same.
    while True:
        with database.reading() as connection:
            if connection is None:
                return None
            state = recent.before(connection)
            rows = _rows_by_key(connection, key)
        if not rows:
            recent.keep(state, key, ABSENT)
        if not rows or rows == seen:
            return None
        for *columns, cell_id, entry_id in rows:
            item = StoredItem(*columns)
            kept = recent.wants(key, item.size)
            if item.file is not None:
                _prefetch(database, cell_id, entry_id)
            path = _place_of(database, item) if kept else None
            mark = mark_of(path) if path is not None else None
            try:
                content = checked(database, item)
            except Damaged:
                quarantine(database, item.digest)
                continue
            if content is not None:
                content = bytes(content)
                if kept:
                    recent.keep(state, key, Known(content, path, mark))
                if item.file is None:
                    _read_on(database, cell_id, entry_id)
                return content
        seen = rows


def has(database: Database, key: str) -> bool:
    """Whether `get` has something to read."""
    recent = database.connections.recent
    with database.reading() as connection:
        if connection is None:
            return False
        state = recent.before(connection)
        rows = connection.execute(
            "SELECT digest, file, size FROM items JOIN blobs USING (digest)"
            " WHERE key = ? AND quarantined_at IS NULL",
            (key,),
        ).fetchall()
    if not rows:
        recent.keep(state, key, ABSENT)
    elif any(file is None for _, file, _ in rows):
        # Of a file's bytes one has to see each time that they are there.
        recent.keep(state, key, Known(None))
    return any(blobs.is_there(database, *row) for row in rows)


def knows(database: Database, key: str) -> bool:
    """Whether an entry has the key at all, its bytes right or not."""
    with database.reading() as connection:
        if connection is None:
            return False
        found = connection.execute("SELECT 1 FROM items WHERE key = ?", (key,))
        return found.fetchone() is not None


def _rows_by_key(connection: sqlite3.Connection, key: str) -> list[tuple[Any, ...]]:
    """Every entry's item of a key, the newest first, with its cell and its entry."""
    rows = connection.execute(_ITEMS_OF, (key,)).fetchall()
    if len(rows) > 1:
        rows = connection.execute(_ITEMS_BY_TIME, (key,)).fetchall()
    return rows


def _read_on(database: Database, cell_id: int, entry_id: int) -> None:
    """Reads the values that are likely to be asked for after one of an entry."""
    recent = database.connections.recent
    count = recent.reads.worth_ahead(entry_id)
    if not count:
        return
    left = _AHEAD_BYTES
    with suppress(Exception), database.reading() as connection:
        if connection is None or (state := recent.before(connection)) is None:
            return
        of = (cell_id, entry_id, AT_ONCE_BYTES, count)
        with closing(connection.execute(_ITEMS_AFTER, of)) as rows:
            for *columns, _, next_id in rows:
                item = StoredItem(*columns)
                left -= item.size
                if left < 0:
                    break
                recent.reads.until = next_id
                # What is wrong with it, who asks for it is told.
                with suppress(Exception):
                    content = checked(database, item)
                    if content is not None:
                        recent.keep(state, item.key, Known(bytes(content)))


def _prefetch(database: Database, cell_id: int, entry_id: int) -> None:
    """Has the system read the files that are likely to be asked for after an entry's,
    while that one's bytes are read and checked."""
    reads = database.connections.recent.file_reads
    # A hint in vain takes as long as many a read: chance alone puts two in order.
    if not reads.follows(entry_id) or reads.length < 2:
        reads.until = entry_id
    elif reads.until - entry_id < _FILES_AHEAD // 2:
        with suppress(Exception):
            after = max(entry_id, reads.until)
            files, reads.until = _files_after(database, cell_id, after)
            blobs.prefetch(database, files)


def _files_after(
    database: Database, cell_id: int, entry_id: int
) -> tuple[list[tuple[bytes, str]], int]:
    """The files of the next entries by digest and name, and the last of these: one at
    least, and no more than a few megabytes beside it."""
    files: list[tuple[bytes, str]] = []
    with database.reading() as connection:
        if connection is not None:
            of = (cell_id, entry_id, _FILES_AHEAD)
            rows = connection.execute(_FILES_AFTER, of).fetchall()
            left = _FILES_BYTES
            for digest, file, size, next_id in rows:
                files.append((digest, file))
                entry_id = next_id
                left -= size
                if left < 0:
                    break
    return files, entry_id


def _place_of(database: Database, item: StoredItem) -> str | None:
    """Where an item's bytes lie, if not in a row."""
    return None if item.file is None else f"{database.blobs}/{item.file}"
