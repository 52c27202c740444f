"""What a check of a cache finds, and how it asks the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from marimo_cellar.database import damage
from marimo_cellar.database.database import Database, Unavailable

Kind = Literal[
    "unreadable",  # SQLite cannot read what was asked for
    "integrity",  # SQLite's own check: pages, indexes, constraints
    "foreign-key",  # a row refers to one that is not there
    "totals",  # what the triggers keep is not what the rows amount to
    "row",  # a value is of a type that we never write
    "owner",  # an item is filed under another cell than its entry
    "seal",  # an item's key and its blob do not belong together
    "no-items",  # an entry has nothing stored
    "not-whole",  # an entry lacks its manifest, or the value that it is
    "manifest",  # a manifest is not that of its entry, or names what is not there
    "unused-blob",  # a blob that no item refers to
    "unused-source",  # code that no node stands on
    "wrong-name",  # a blob's row names a file that we would not have named so
    "missing-file",  # a blob's file is gone, or is no plain file
    "wrong-size",  # a blob is longer or shorter than its row says
    "wrong-bytes",  # a blob's bytes are not those that were saved
    "unreadable-file",  # the system does not let us read a file or folder
    "unknown-file",  # a file below `blobs/` that no row names
    "partial-file",  # the rest of a write that was cut off
]


@dataclass(frozen=True)
class Problem:
    """Something that is wrong. `about` is a key of marimo's, a digest in hex, or a
    path below the cache's folder. `entry_id` is the entry that cannot be served for
    it, where it is one's own, and `cell_id` the cell whose totals are wrong."""

    kind: Kind
    about: str
    message: str
    entry_id: int | None = None
    cell_id: int | None = None

    def __str__(self) -> str:
        return f"{self.about}: {self.message}"


class Unreadable(Exception):
    """SQLite could not answer a query."""


def query(
    database: Database,
    sql: str,
    *values: object,
    keep: Callable[[tuple[Any, ...]], bool] = lambda row: True,
) -> list[tuple[Any, ...]]:
    """The rows of a query that are worth keeping."""
    try:
        with damage.only_looking(), database.reading() as connection:
            if connection is None:
                return []
            return [row for row in connection.execute(sql, values) if keep(row)]
    except sqlite3.DatabaseError as error:
        raise Unreadable(str(error)) from error
    except Unavailable as error:
        if isinstance(error.__cause__, sqlite3.DatabaseError):
            raise Unreadable(str(error)) from error
        raise


def content_of(database: Database, blob_id: int) -> Any:
    """What a blob's row has for its bytes, of whatever type; None where it has nothing."""
    rows = query(database, "SELECT content FROM blobs WHERE blob_id = ?", blob_id)
    return rows[0][0] if rows else None


def in_hex(digest: Any) -> str:
    """A digest as people see it; what else a damaged row has for one, as Python writes it."""
    return digest.hex() if isinstance(digest, bytes) else repr(digest)
