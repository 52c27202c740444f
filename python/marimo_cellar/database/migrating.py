"""Bringing a database of an older format up to the newest, forward only.

In one transaction, so that a process that ends in the middle leaves it as it was.
A copy is kept beside it until that is committed: a script that does what nobody
meant is not undone by a rollback, and that copy is then what is left.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from marimo_cellar.database import faults, schema, turns

# How long others are waited for, in seconds.
_PATIENCE = 10.0


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Makes a database that was found to be ours one of the newest format.

    One that is of it, or of a newer one, stays. Raises `sqlite3.Error`, or
    `faults.Unavailable` where it could not be done: then it is as it was.
    """
    if schema.version_of(connection) >= schema.VERSION:
        return
    copy = path.with_name(f"{path.name}.before-{schema.told(schema.VERSION)}")
    # Tables may be made anew under others that refer to them; it says nothing inside
    # a transaction.
    connection.execute("PRAGMA foreign_keys = OFF")
    turns.begin(connection, path, _PATIENCE)
    try:
        version = schema.version_of(connection)
        # Another process may have done it meanwhile.
        if version < schema.VERSION:
            _keep_copy(path, copy)
            for number, script in schema.migrations().items():
                if number > version:
                    schema.run(connection, script)
            connection.execute(f"PRAGMA user_version = {schema.VERSION}")
            _check(connection)
        connection.execute("COMMIT")
    except Exception as error:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        remove(copy)
        if faults.is_busy(error):
            raise
        raise faults.say_not_migrated(path, error) from error
    remove(copy)
    connection.execute("PRAGMA foreign_keys = ON")


def _check(connection: sqlite3.Connection) -> None:
    if schema.objects(connection) != schema.expected_objects():
        raise sqlite3.IntegrityError("the tables are not those of the new format")
    if broken := connection.execute("PRAGMA foreign_key_check").fetchone():
        raise sqlite3.IntegrityError(f"rows of {broken[0]} refer to none")


def _keep_copy(path: Path, copy: Path) -> None:
    """By SQLite, as all that reads the file; our lock keeps it as it is meanwhile."""
    remove(copy)
    with (
        closing(sqlite3.connect(path)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.execute("PRAGMA wal_autocheckpoint = 0")
        source.backup(target)


def copies(path: Path) -> list[Path]:
    """The copies beside a database, of migrations under way or cut off."""
    return sorted(path.parent.glob(f"{path.name}.before-*"))


def remove(copy: Path) -> None:
    """Removes a copy, with what SQLite keeps beside it. Raises OSError."""
    for end in ("", "-journal", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.unlink(f"{copy}{end}")
