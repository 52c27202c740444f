"""One database: its transactions, by all of this process that uses it.

How its file is opened and believed is in `opening.py`, how connections are shared
in `connections.py`, what becomes of its log in `checkpoints.py`.
"""

from __future__ import annotations

import atexit
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from marimo_cellar import checkpoints
from marimo_cellar.connections import Connections
from marimo_cellar.faults import Unavailable
from marimo_cellar.folder import BLOBS_NAME, DATABASE_NAME, MARIMO_CACHE


class Database:
    """The database in one folder. Get it by `database_in`, never by its class."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / DATABASE_NAME
        self.blobs = folder / BLOBS_NAME
        self.connections = Connections(self.path)
        self._begin_process()

    def _begin_process(self) -> None:
        self.connections.begin_process()
        # Threads of one process take turns here, where they need not poll.
        self._turn = threading.RLock()

    @property
    def read_only(self) -> bool:
        """Whether the file, as it was last met, can only be read."""
        return self.connections.read_only

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """A connection for queries, or None while there is no database.

        Raises `Unavailable` for a file that is not ours to read.
        """
        with self.connections.taken() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed at the end, rolled back on any exception.

        Creates the database. Raises `Unavailable` where nothing can be written.
        """
        with self._turn:
            if self.log_size() > checkpoints.TOO_LARGE:
                self.fold_log()
            with self.connections.taken(create=True) as connection:
                assert connection is not None
                if self.read_only:
                    raise Unavailable(f"{self.path} can only be read")
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                    raise
            if self.log_size() > checkpoints.WORTH_FOLDING:
                self.fold_log()

    def log_size(self) -> int:
        """Bytes of the write-ahead log."""
        return checkpoints.log_size(self.path)

    def fold_log(self) -> None:
        """Checkpoints the write-ahead log, as far as readers and writers allow."""
        if self.log_size() == 0 or self.read_only:
            return
        with self._turn, self.connections.taken() as holder:
            if holder is None:
                return
            with self.connections.taken() as worker:
                if worker is not None:
                    checkpoints.fold(holder, worker)

    def cannot_write(self, error: Exception) -> None:
        """Tells the user that results are not being saved, and why."""
        self.connections.cannot_write(error)

    def close(self) -> None:
        """Closes the idle connections. The database opens again when used."""
        self.connections.close()


_databases: dict[Path, Database] = {}
_databases_lock = threading.Lock()


def database_in(folder: Path) -> Database:
    """The process's one `Database` for a cache folder."""
    folder = Path(os.path.abspath(folder))
    with _databases_lock:
        database = _databases.get(folder)
        if database is None:
            database = _databases[folder] = Database(folder)
        return database


@atexit.register
def close_all() -> None:
    """Closes what is idle, at the end of the process; the last one folds the log."""
    for database in list(_databases.values()):
        database.close()


def _after_fork() -> None:
    global _databases_lock
    _databases_lock = threading.Lock()
    for database in _databases.values():
        database._begin_process()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


__all__ = [
    "BLOBS_NAME",
    "DATABASE_NAME",
    "MARIMO_CACHE",
    "Database",
    "Unavailable",
    "close_all",
    "database_in",
]
