"""Opening a database's file, and whether it is believed."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from marimo_cellar import folder, schema
from marimo_cellar.faults import Refused, Unavailable, is_busy, say_cannot_write
from marimo_cellar.notices import warn_once
from marimo_cellar.schema import APPLICATION_ID, MAJOR, MINOR

# How long a connection waits for another process's lock, in seconds.
BUSY_SECONDS = 10.0
# What SQLite leaves of the log when it begins it anew, in bytes.
LOG_KEPT = 4 * 2**20


class Opened(NamedTuple):
    """A connection to a database of ours, and whether that can only be read."""

    connection: sqlite3.Connection
    read_only: bool


def open_database(path: Path, create: bool) -> Opened | None:
    """A connection to the database at a path; None where there is none to read.

    Raises `Unavailable`, `Refused` for a file that is not ours, or what SQLite
    says of one that is locked or damaged.
    """
    try:
        connection = _open_for_writing(path, create)
        return Opened(connection, False) if connection is not None else None
    except sqlite3.OperationalError as error:
        if is_busy(error):
            raise
        if not path.exists():
            say_cannot_write(path, error)
            raise Unavailable(str(error)) from error
        return _open_read_only(path, error)
    except OSError as error:
        say_cannot_write(path, error)
        raise Unavailable(str(error)) from error


def _open_for_writing(path: Path, create: bool) -> sqlite3.Connection | None:
    if create:
        folder.prepare(path.parent)
    connection = connect(path, "rwc" if create else "rw")
    try:
        if not _is_ours(connection, path):
            if not create:
                connection.close()
                return None
            schema.create(connection, BUSY_SECONDS)
    except BaseException:
        connection.close()
        raise
    return connection


def _open_read_only(path: Path, cause: sqlite3.OperationalError) -> Opened:
    """For a folder or a file that this process may not write."""
    # In a folder that cannot be written, SQLite can make no index of the log:
    # only a file declared immutable opens. What lies in the log is not seen.
    for options in ("ro", "ro&immutable=1"):
        with suppress(sqlite3.OperationalError):
            connection = connect(path, options)
            try:
                ours = _is_ours(connection, path)
            except BaseException:
                connection.close()
                raise
            if ours:
                say_cannot_write(path, cause)
                return Opened(connection, True)
            connection.close()
    say_cannot_write(path, cause)
    raise Unavailable(str(cause)) from cause


def connect(path: Path, options: str) -> sqlite3.Connection:
    """A connection as all of ours are; the file's content is not looked at yet."""
    connection = sqlite3.connect(
        f"file:{quote(path.as_posix())}?mode={options}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        for pragma in (
            "trusted_schema = OFF",
            "foreign_keys = ON",
            "secure_delete = OFF",
            "synchronous = NORMAL",
            "wal_autocheckpoint = 0",
            f"journal_size_limit = {LOG_KEPT}",
        ):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _is_ours(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file holds our schema; False while it holds nothing.

    A database is a stranger's until its schema equals ours: a trigger of it
    would run with our next write.
    """
    # In one snapshot: another process may be making the database just now.
    connection.execute("BEGIN")
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        found = schema.objects(connection)
    finally:
        connection.execute("ROLLBACK")
    if not found and not application and not version:
        return False
    major, minor = divmod(version, 1000)
    if application == APPLICATION_ID and major > MAJOR:
        _refuse(
            "version",
            path,
            f"{path} was written by a newer version of Cellar (format "
            f"{major}.{minor}); this one reads up to {MAJOR}.{MINOR}. It is "
            "left alone, and results are not cached here until Cellar is "
            "updated.",
        )
    expected = schema.expected_objects()
    known = {name: found.get(name) for name in expected}
    if (
        application != APPLICATION_ID
        or major != MAJOR
        or known != expected
        or (minor <= MINOR and len(found) != len(expected))
    ):
        _refuse(
            "stranger",
            path,
            f"{path} is not a cache that Cellar wrote. It is left alone, "
            "and results are not cached here. Move the file away to begin a "
            "new cache.",
        )
    return True


def _refuse(subject: str, path: Path, message: str) -> None:
    warn_once(subject, str(path), message)
    raise Refused(message)
