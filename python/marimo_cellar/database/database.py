"""One database: its transactions, by all of this process that uses it.

How its file is opened is in `opening.py`, whether it is believed in `kinship.py`, how
connections are shared in `connections.py`, what becomes of its log in `checkpoints.py`.
"""

from __future__ import annotations

import atexit
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from marimo_cellar.database import checkpoints, faults, turns
from marimo_cellar.database.connections import Connections
from marimo_cellar.database.faults import Replaced, Unavailable
from marimo_cellar.database.folder import BLOBS_NAME, DATABASE_NAME, MARIMO_CACHE
from marimo_cellar.database.opening import BUSY_SECONDS, Connection
from marimo_cellar.forks import Lock, around, begins, in_child

# Seconds to wait for the write lock when the last wait for it was in vain.
_SHORT_PATIENCE = 0.25
# Seconds for which a fork waits for those who write.
_FORK_SECONDS = 2.0
# Seconds for which a writer waits while the log is too long.
_BACK_OFF_SECONDS = 0.5


class Database:
    """The database in one folder. Get it by `database_in`, never by its class."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / DATABASE_NAME
        self.blobs = folder / BLOBS_NAME
        self.connections = Connections(self.path)
        begins(self)

    def begin_process(self) -> None:
        self.connections.begin_process()
        # Threads of one process take turns here, where they need not poll.
        self._turn = threading.RLock()
        # Who folds the log beside writers.
        self._folding = threading.RLock()
        # Whether the last one to write waited in vain for other processes.
        self._held_up = False

    @property
    def at_work(self) -> tuple[threading.RLock, ...]:
        """What is held by whoever writes or folds, in the order in which it is taken."""
        return self._turn, self._folding

    @property
    def read_only(self) -> bool:
        """Whether the file, as it was last met, can only be read."""
        return self.connections.read_only

    def reading(self) -> AbstractContextManager[Connection | None]:
        """A connection for queries, or None while there is no database.

        Raises `Unavailable` for a file that is not ours to read.
        """
        return self.connections.taken()

    @contextmanager
    def writing(
        self, folding: bool = True, little: bool = False
    ) -> Iterator[Connection]:
        """One transaction: committed at the end, rolled back on any exception.

        Creates the database. Raises `Unavailable` where nothing can be written:
        `Busy` while others keep it locked, and `Replaced` if the file was deleted or
        replaced before the end, and what was written with it. Without `folding`, a log
        that has grown is left to the caller. `little` says that no statement changes
        more than a few megabytes.
        """
        with self._turn:
            self._back_off()
            while True:
                with self.connections.taken(create=True) as connection:
                    assert connection is not None
                    if self.read_only:
                        raise Unavailable(f"{self.path} can only be read")
                    self._begin(connection, little)
                    if not self.connections.is_current(connection):
                        # While this one waited for its turn. There is another now.
                        connection.execute("ROLLBACK")
                        continue
                    try:
                        yield connection
                        connection.execute("COMMIT")
                    except BaseException:
                        self.connections.recent.ended(committed=False)
                        with suppress(sqlite3.Error):
                            connection.execute("ROLLBACK")
                        raise
                    self.connections.recent.ended(committed=True)
                    # After the commit: before it, one could not know of the moment
                    # between.
                    if not self.connections.is_current(connection):
                        raise Replaced(f"{self.path} was replaced meanwhile")
                break
        if folding and self.log_size() > checkpoints.WORTH_FOLDING:
            self.fold_log()

    def _begin(self, connection: Connection, little: bool) -> None:
        # By what SQLite can take a statement back, which it would else write to a
        # file as soon as it is 64 KiB: a tenth of what saving takes, or a fifth.
        if little != connection.undoes_in_memory:
            place = "MEMORY" if little else "DEFAULT"
            connection.execute(f"PRAGMA temp_store = {place}")
            connection.undoes_in_memory = little
        # Whoever kept it for so long may keep it all day. The next ones, which the
        # end of a run waits for, do not wait as long again.
        patience = _SHORT_PATIENCE if self._held_up else BUSY_SECONDS
        self._held_up = True
        turns.begin(connection, self.path, patience)
        self._held_up = False

    def _back_off(self) -> None:
        """Waits while the log is too long, since somebody reads and reads.

        Raises `Busy` when it may not grow any more.
        """
        until = time.monotonic() + _BACK_OFF_SECONDS
        while self.log_size() > checkpoints.TOO_LARGE and not self.fold_log():
            if time.monotonic() > until:
                if self.log_size() > checkpoints.FULL:
                    raise faults.say_log_is_full(self.path)
                return
            time.sleep(0.02)

    def log_size(self) -> int:
        """Bytes of the write-ahead log."""
        return checkpoints.log_size(self.path)

    def fold_log(self) -> bool:
        """Checkpoints the write-ahead log; False if others were in the way."""
        return self.fold_beside() or self.fold_alone()

    def fold_beside(self) -> bool:
        """The same while others write, as far as that goes; whether all of it is done."""
        if self.log_size() == 0 or self.read_only:
            return True
        with (
            self._folding,
            self.connections.taken() as holder,
            self.connections.taken() as reader,
        ):
            if holder is None or reader is None:
                return True
            with self.connections.taken() as worker:
                return worker is None or checkpoints.fold_beside(
                    holder, reader, worker, self.path
                )

    def fold_alone(self) -> bool:
        """The same while nobody else can write."""
        if self.log_size() == 0 or self.read_only:
            return True
        with self._turn, self.connections.taken() as holder:
            if holder is None:
                return True
            with self.connections.taken() as worker:
                return worker is None or checkpoints.fold(holder, worker, self.path)

    def cannot_write(self, error: Exception) -> None:
        """Tells the user that results are not being saved, and why."""
        self.connections.cannot_write(error)

    def close(self) -> None:
        """Closes the idle connections. The database opens again when used."""
        self.connections.close()


_databases: dict[Path, Database] = {}
_databases_lock = Lock()


def database_in(folder: Path) -> Database:
    """The process's one `Database` for a cache folder."""
    folder = Path(os.path.abspath(folder))
    with _databases_lock.native:
        database = _databases.get(folder)
        if database is None:
            database = _databases[folder] = Database(folder)
        return database


@atexit.register
def close_all() -> None:
    """Closes what is idle, at the end of the process; the last one folds the log."""
    for database in list(_databases.values()):
        database.close()


# What a thread holds that is about to fork.
_held: list[threading.RLock] = []


def _before_fork() -> None:
    """Waits until no thread writes or folds. One that is within SQLite has locks of the
    library's own, which would stay held in the child: it would wait for ever as soon as
    it opens a database. These are all that are at work without the user's doing."""
    for database in list(_databases.values()):
        for lock in database.at_work:
            if lock.acquire(timeout=_FORK_SECONDS):
                _held.append(lock)


def _after_fork_in_parent() -> None:
    while _held:
        _held.pop().release()


def _after_fork() -> None:
    _held.clear()


in_child(_after_fork)
around(_before_fork, _after_fork_in_parent)


__all__ = [
    "BLOBS_NAME",
    "DATABASE_NAME",
    "MARIMO_CACHE",
    "Database",
    "Replaced",
    "Unavailable",
    "close_all",
    "database_in",
]
