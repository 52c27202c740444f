"""The format of the database: `schema.sql`, and what marks a file as ours.

`schema.sql` is the newest format. Each format that was ever landed is what the
scripts in `migrations/` lead to, from the first one up to that of its number.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, lru_cache
from importlib import resources

from marimo_cellar.database.faults import is_busy

APPLICATION_ID = 0x43454C52  # "CELR"


@lru_cache(maxsize=1)
def migrations() -> dict[int, str]:
    """The script that leads to each version from the one before, in order.

    A version is major * 1000 + minor, as in `PRAGMA user_version`. A minor one only
    adds tables, indexes, views and triggers.
    """
    return {
        version: _text(f"migrations/{version}.sql") for version in sorted(_versions())
    }


def _versions() -> list[int]:
    # By the names alone, since most processes meet no database of an older version.
    folder = resources.files("marimo_cellar").joinpath("migrations")
    names = [file.name for file in folder.iterdir()]
    return [int(name[:-4]) for name in names if name.endswith(".sql")]


def _text(name: str) -> str:
    return resources.files("marimo_cellar").joinpath(name).read_text(encoding="utf-8")


VERSION = max(_versions())
MAJOR = VERSION // 1000


def told(version: int) -> str:
    """`1.0` for 1000."""
    return "{}.{}".format(*divmod(version, 1000))


def version_of(connection: sqlite3.Connection) -> int:
    """The version that a database says it is of; 0 of one that holds nothing."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def create(connection: sqlite3.Connection, patience: float, log: bool) -> bool:
    """Makes an empty file ours, if possible with a write-ahead log where one is wanted.

    Another process may be doing the same, and is waited for as many seconds as
    `patience` says. Returns whether there is a log: a file system without shared
    memory answers with another journal, or fails at the first use of the log.
    """
    # These three count only before anything is written.
    connection.execute("PRAGMA page_size = 8192")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    journal = _begin_log(connection, patience) if log else "delete"
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not objects(connection):
            lay_out(connection)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    return journal == "wal"


def _begin_log(connection: sqlite3.Connection, patience: float) -> str:
    # Waiting for a lock does not cover the change of journal, hence the loop.
    until = time.monotonic() + patience
    while True:
        try:
            (journal,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            return str(journal)
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)


def lay_out(connection: sqlite3.Connection) -> None:
    """Makes the tables of the newest format, within the caller's transaction."""
    run(connection, _schema())


def run(connection: sqlite3.Connection, script: str) -> None:
    """Runs a script within the caller's transaction, which `executescript` commits."""
    for statement in statements(script):
        connection.execute(statement)


@lru_cache(maxsize=1)
def _schema() -> str:
    return _text("schema.sql")


def statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def objects(connection: sqlite3.Connection) -> dict[str, str]:
    """Every table, index, view and trigger by name, with the SQL that made it.

    Without what SQLite itself adds, such as the statistics of ANALYZE.
    """
    return dict(
        connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
            " AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
        )
    )


@cache
def objects_of(version: int) -> dict[str, str] | None:
    """What `objects` finds in a database of a version; None if it was never landed."""
    if version not in migrations():
        return None
    connection = sqlite3.connect(":memory:")
    try:
        for number, script in migrations().items():
            if number <= version:
                run(connection, script)
        return objects(connection)
    finally:
        connection.close()


@cache
def worded() -> dict[str, str]:
    """The same of the newest format by the words of `schema.sql` alone.

    SQLite keeps a statement as it was written, so that nothing need be made of it:
    that would take some milliseconds of each process. What differs is to be compared
    with `expected_objects`.
    """
    lines = _schema().splitlines()
    text = "\n".join(line for line in lines if not line.startswith("--"))
    statements = [
        f"CREATE {rest[: rest.rindex(';')]}"
        for rest in f"\n{text}".split("\nCREATE ")[1:]
    ]
    made = {statement.split()[2]: statement for statement in statements}
    # A table made of a query, SQLite puts into words of its own.
    return {**made, "usage": "CREATE TABLE usage(size)"}


def expected_objects() -> dict[str, str]:
    """What `objects` finds in a database of the newest format."""
    expected = objects_of(VERSION)
    assert expected is not None
    return expected
