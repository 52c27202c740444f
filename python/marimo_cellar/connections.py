"""The connections of one process to one database's file.

They are pooled, since marimo's threads live for one blob. Nothing but SQLite
itself ever opens the file: closing a plain file handle on it would drop SQLite's
POSIX locks.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from marimo_cellar import faults
from marimo_cellar.faults import Refused, Replaced, Unavailable
from marimo_cellar.opening import Connection, File, file_at, open_database

_IDLE_CONNECTIONS = 8


class Connections:
    """The pool. `read_only` says of the file as it was last met."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.begin_process()
        self._refused: File | None = None
        self._unwritable: File | None = None
        self.read_only = False

    def begin_process(self) -> None:
        """State that belongs to this process alone.

        A child of a fork must not use, and not even close, its parent's
        connections, so they are kept where nothing collects them.
        """
        if getattr(self, "idle", None):
            _inherited.extend(self.idle)
        self.idle: list[Connection] = []
        self._lock = threading.Lock()
        self._process = os.getpid()

    @contextmanager
    def taken(self, create: bool = False) -> Iterator[Connection | None]:
        """One for the caller alone; None while there is no database, unless one is
        to be made.

        Raises `Unavailable` for a file that is not ours to read, `Busy` for one that
        others kept locked, and `Replaced` where SQLite failed since the file is gone.
        """
        connection = self._take(create)
        if connection is None:
            yield None
            return
        whole = False
        try:
            yield connection
            whole = True
        except sqlite3.DatabaseError as error:
            if not self.is_current(connection):
                raise Replaced(f"{self.path} was replaced meanwhile") from error
            self._note(error, connection.file)
            raise
        finally:
            self._give_back(connection, whole)

    def is_current(self, connection: Connection) -> bool:
        """Whether what the connection is open on still lies in its place."""
        try:
            return connection.file == file_at(self.path)
        except Unavailable:
            return False

    def close(self) -> None:
        """Closes the idle ones."""
        with self._lock:
            idle, self.idle = self.idle, []
        for connection in idle:
            connection.close()

    def cannot_write(self, error: Exception) -> None:
        """Tells the user that results are not being saved, and why."""
        faults.say_cannot_write(self.path, error)

    def _take(self, create: bool) -> Connection | None:
        file = file_at(self.path)
        if file is not None and file == self._refused:
            raise Unavailable(f"{self.path} was refused")
        with self._lock:
            # Deleted or replaced under us: what is open is another file.
            stale = [one for one in self.idle if one.file != file]
            self.idle = [one for one in self.idle if one.file == file]
            connection = self.idle.pop() if self.idle else None
        for other in stale:
            other.close()
        if connection is None and (create or file is not None):
            connection = self._open(create)
        if connection is not None:
            self.read_only = connection.read_only or (
                connection.file is not None and connection.file == self._unwritable
            )
        return connection

    def _open(self, create: bool) -> Connection | None:
        try:
            return open_database(self.path, create)
        except Refused:
            self._refused = file_at(self.path)
            raise
        except sqlite3.DatabaseError as error:
            file = file_at(self.path)
            self._note(error, file)
            if faults.is_damage(error) and file_at(self.path) != file:
                # It was set aside, and there is another, or none.
                return self._open(create) if create or file_at(self.path) else None
            raise Unavailable(str(error)) from error

    def _give_back(self, connection: Connection, whole: bool) -> None:
        with self._lock:
            keep = (
                whole
                and len(self.idle) < _IDLE_CONNECTIONS
                and not connection.in_transaction
                and self._process == os.getpid()
                and self.is_current(connection)
            )
            if keep:
                self.idle.append(connection)
        if not keep:
            connection.close()

    def _note(self, error: sqlite3.DatabaseError, file: File | None) -> None:
        """Learns from a fault of SQLite with a file, and tells what it means.

        Raises `Busy` where it means that.
        """
        if faults.is_damage(error):
            # Late, as what it salvages it writes as this package does.
            from marimo_cellar import damage

            self.close()
            if damage.begin_anew(self.path, error) == "kept":
                self._refused = file
        elif faults.is_busy(error):
            raise faults.say_busy(self.path) from error
        elif "readonly" in str(error):
            self._unwritable, self.read_only = file, True
            self.cannot_write(error)
        elif faults.is_full(error):
            # Not for good: the next save tries again.
            self.cannot_write(error)
        elif isinstance(error, sqlite3.OperationalError):
            faults.say_failed(self.path, error)


_inherited: list[sqlite3.Connection] = []
