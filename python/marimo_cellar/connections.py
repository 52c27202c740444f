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
from marimo_cellar.faults import Refused, Unavailable
from marimo_cellar.opening import open_database

_IDLE_CONNECTIONS = 8


class Connections:
    """The pool. `read_only` says of the file as it was last met."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.begin_process()
        # The file that the idle ones are open on; None for none.
        self._file: tuple[int, int] | None = None
        self._refused: tuple[int, int] | None = None
        self.read_only = False

    def begin_process(self) -> None:
        """State that belongs to this process alone.

        A child of a fork must not use, and not even close, its parent's
        connections, so they are kept where nothing collects them.
        """
        if getattr(self, "idle", None):
            _inherited.extend(self.idle)
        self.idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._process = os.getpid()

    @contextmanager
    def taken(self, create: bool = False) -> Iterator[sqlite3.Connection | None]:
        """One for the caller alone; None while there is no database, unless one is
        to be made.

        Raises `Unavailable` for a file that is not ours to read.
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
            self._note(error)
            raise
        finally:
            self._give_back(connection, whole)

    def close(self) -> None:
        """Closes the idle ones."""
        with self._lock:
            idle, self.idle = self.idle, []
            self._file = None
        for connection in idle:
            connection.close()

    def cannot_write(self, error: Exception) -> None:
        """Tells the user that results are not being saved, and why."""
        faults.say_cannot_write(self.path, error)

    def _take(self, create: bool) -> sqlite3.Connection | None:
        file = self._present_file()
        if file is not None and file == self._refused:
            raise Unavailable(f"{self.path} was refused")
        if file is None and not create:
            return None
        with self._lock:
            if file != self._file:
                # Deleted or replaced under us: what is open is another file.
                stale, self.idle = self.idle, []
                self._file = file
                self.read_only = False
            else:
                stale = []
                if self.idle and file is not None:
                    return self.idle.pop()
        for connection in stale:
            connection.close()
        return self._open(create)

    def _open(self, create: bool) -> sqlite3.Connection | None:
        try:
            opened = open_database(self.path, create)
        except Refused:
            self._refused = self._present_file()
            raise
        except sqlite3.DatabaseError as error:
            if faults.is_busy(error):
                raise
            self._note(error)
            raise Unavailable(str(error)) from error
        if opened is None:
            return None
        if opened.read_only:
            self.read_only = True
        with self._lock:
            self._file = self._present_file()
        return opened.connection

    def _give_back(self, connection: sqlite3.Connection, whole: bool) -> None:
        with self._lock:
            keep = (
                whole
                and len(self.idle) < _IDLE_CONNECTIONS
                and not connection.in_transaction
                and self._process == os.getpid()
                and self._file == self._present_file()
            )
            if keep:
                self.idle.append(connection)
        if not keep:
            connection.close()

    def _present_file(self) -> tuple[int, int] | None:
        """Which file lies at the path; an empty one is none."""
        try:
            found = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise Unavailable(str(error)) from error
        return (found.st_dev, found.st_ino) if found.st_size else None

    def _note(self, error: sqlite3.DatabaseError) -> None:
        """Learns from a fault of SQLite, and tells what it means."""
        if faults.is_damage(error):
            self._refused = self._present_file()
            faults.say_damaged(self.path, error)
        elif "readonly" in str(error):
            self.cannot_write(error)
            self.read_only = True
        elif isinstance(error, sqlite3.OperationalError):
            faults.say_failed(self.path, error)


_inherited: list[sqlite3.Connection] = []
