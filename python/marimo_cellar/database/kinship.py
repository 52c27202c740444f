"""Whose a database's file is: whether it is believed."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Literal

from marimo_cellar.database import schema
from marimo_cellar.database.faults import refuse
from marimo_cellar.database.schema import APPLICATION_ID, told, version_of

# `changed`: ours by all else, but its tables are not as they were made, and nobody adds
# to a database by taking away.
Kinship = Literal["ours", "empty", "newer", "changed", "stranger"]


def kinship(connection: sqlite3.Connection) -> Kinship:
    """Whose a file is, by its marks and its schema.

    A database is a stranger's until its schema equals ours: a trigger of it
    would run with our next write.
    """
    # In one snapshot: another process may be making the database just now.
    began = not connection.in_transaction
    if began:
        connection.execute("BEGIN")
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        version = version_of(connection)
        found = schema.objects(connection)
    finally:
        if began:
            connection.execute("ROLLBACK")
    if not found and not application and not version:
        return "empty"
    if (application, version) == (APPLICATION_ID, schema.VERSION) and (
        found == schema.worded()
    ):
        return "ours"
    if application == APPLICATION_ID and version // 1000 > schema.MAJOR:
        return "newer"
    expected = schema.objects_of(version)
    if expected is None and version > schema.VERSION:
        # A newer minor format, which has all of ours and more.
        expected = schema.expected_objects()
        found = {name: found.get(name, "") for name in expected}
    if application != APPLICATION_ID or expected is None or found.keys() - expected:
        return "stranger"
    return "ours" if found == expected else "changed"


def is_ours(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file holds our schema; False while it holds nothing.

    Raises `Refused` for a stranger's and for one of a newer format, `DatabaseError` for
    one that is damaged.
    """
    whose = kinship(connection)
    if whose == "newer":
        refuse(
            "version",
            path,
            f"{path} was written by a newer version of Cellar (format "
            f"{told(version_of(connection))}); this one reads up to "
            f"{told(schema.VERSION)}. It is left alone, and results are not cached here "
            "until Cellar is updated.",
        )
    if whose == "stranger":
        refuse(
            "stranger",
            path,
            f"{path} is not a cache that Cellar wrote. It is left alone, "
            "and results are not cached here. Move the file away to begin a "
            "new cache.",
        )
    if whose == "changed":
        raise sqlite3.DatabaseError("its tables are not as they were made")
    return whose == "ours"


def check_readable(connection: sqlite3.Connection, path: Path) -> None:
    """Raises `Refused` for an older major format, which is read only once migrated."""
    version = version_of(connection)
    if 0 < version < schema.MAJOR * 1000:
        refuse(
            "older",
            path,
            f"{path} is of an older format ({told(version)}), which is brought up to "
            f"{told(schema.VERSION)} where it can be written. Here it cannot, so results "
            "are not cached.",
        )
