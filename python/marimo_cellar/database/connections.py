"""The connections of one process to one database's file.

They are pooled, since marimo's threads live for one blob. Nothing but SQLite
itself ever opens the file: closing a plain file handle on it would drop SQLite's
POSIX locks.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType

from marimo_cellar.database import faults
from marimo_cellar.database.faults import Refused, Replaced, Unavailable
from marimo_cellar.database.opening import Connection, File, file_at, open_database
from marimo_cellar.database.recent import Recent

_IDLE_CONNECTIONS = 8
# How often a database that is deleted while it is opened is opened once more.
_ATTEMPTS = 4


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
        if "recent" in (before := vars(self)):
            _inherited.append((before["idle"], before["recent"]))
        self.idle: list[Connection] = []
        # Whether the database is being made, where there was none.
        self._making = False
        self.recent = Recent(self.path)
        self._lock = threading.Lock()
        self._process = os.getpid()

    def taken(self, create: bool = False) -> AbstractContextManager[Connection | None]:
        """One for the caller alone; None while there is no database, unless one is
        to be made.

        Raises `Unavailable` for a file that is not ours to read, `Busy` for one that
        others kept locked, and `Replaced` where SQLite failed since the file is gone.
        """
        return _Taken(self, self._take(create))

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
            self._close(connection)

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
            if stale:
                self.idle = [one for one in self.idle if one.file == file]
            connection = self.idle.pop() if self.idle else None
        for other in stale:
            self._close(other)
        if connection is None and create:
            self._making = file is None
            try:
                connection = self._open(create, file)
            finally:
                self._making = False
        # What is being made has nothing to read. To see that by its schema takes
        # longer than many a cell.
        elif connection is None and file is not None and not self._making:
            connection = self._open(create, file)
        if connection is not None:
            self.read_only = connection.read_only or (
                connection.file is not None and connection.file == self._unwritable
            )
        return connection

    def _open(self, create: bool, file: File | None) -> Connection | None:
        """Opens what lies at the path, where `file` lay a moment ago."""
        try:
            for _ in range(_ATTEMPTS):
                # Deleted while it was opened: what is there now is worth a try.
                with suppress(Replaced):
                    connection = open_database(self.path, create)
                    if connection is None or file in (None, connection.file):
                        return connection
                    # Which file it is was seen after it was opened, and that is not
                    # the one from before: it may be open on either.
                    connection.close()
                file = file_at(self.path)
            raise Replaced(f"{self.path} was replaced again and again")
        except Refused:
            self._refused = file_at(self.path)
            raise
        except sqlite3.DatabaseError as error:
            file = file_at(self.path)
            self.note(error, file)
            if faults.is_damage(error) and (now := file_at(self.path)) != file:
                # It was set aside, and there is another, or none.
                return self._open(create, now) if create or now else None
            raise Unavailable(str(error)) from error

    def give_back(self, connection: Connection, whole: bool) -> None:
        """Ends what `taken` began; without `whole`, the connection is not used again."""
        with self._lock:
            keep = (
                whole
                and len(self.idle) < _IDLE_CONNECTIONS
                and not connection.in_transaction
                and self._process == os.getpid()
            )
            if keep:
                self.idle.append(connection)
        if not keep:
            self._close(connection)

    def _close(self, connection: Connection) -> None:
        self.recent.closing(connection)
        connection.close()

    def note(self, error: sqlite3.DatabaseError, file: File | None) -> None:
        """Learns from a fault of SQLite with a file, and tells what it means.

        Raises `Busy` where it means that.
        """
        if faults.is_damage(error):
            # Late, as what it salvages it writes as this package does.
            from marimo_cellar.database import damage

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


_inherited: list[object] = []


class _Taken(AbstractContextManager[Connection | None]):
    """A connection out of the pool. Not a generator, which takes longer than to look
    for a key."""

    def __init__(self, pool: Connections, connection: Connection | None) -> None:
        self._pool = pool
        self._connection = connection

    def __enter__(self) -> Connection | None:
        return self._connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            if isinstance(error, sqlite3.DatabaseError):
                if not self._pool.is_current(connection):
                    raise Replaced(
                        f"{self._pool.path} was replaced meanwhile"
                    ) from error
                self._pool.note(error, connection.file)
        finally:
            self._pool.give_back(connection, error is None)
