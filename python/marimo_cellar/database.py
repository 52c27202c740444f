"""One database file: opening it, its connections, its transactions, its log.

A `Database` is shared by everything in the process that uses the same file.
Connections are pooled, since marimo's threads live for one blob. Nothing but
SQLite itself ever opens the file: closing a plain file handle on it would drop
SQLite's POSIX locks.
"""

from __future__ import annotations

import atexit
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from marimo_cellar import schema
from marimo_cellar.notices import warn_once
from marimo_cellar.schema import APPLICATION_ID, MAJOR, MINOR

DATABASE_NAME = "cache.db"
BLOBS_NAME = "blobs"
# The end of the path of marimo's own cache folders.
MARIMO_CACHE = ("__marimo__", "cache")

# How long a connection waits for another process's write lock, in seconds.
_BUSY_SECONDS = 10.0
# The write-ahead log is folded into the database at the end of a run and
# whenever it has grown to this size; a writer waits for that above the second.
_LOG_WORTH_FOLDING = 4 * 2**20
_LOG_TOO_LARGE = 32 * 2**20
_FOLDING_SECONDS = 0.2
# Milliseconds to wait for the write lock to fold: whoever holds it can do it later.
_FOLDING_PATIENCE = 500
_IDLE_CONNECTIONS = 8

_GITIGNORE = "# Written by Cellar: a cache, made anew by running the notebooks.\n*\n"
# https://bford.info/cachedir/: back-up tools leave out folders that hold this.
_CACHEDIR_TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is a cache of marimo notebooks' results.\n"
)


class Unavailable(Exception):
    """The database cannot be used as asked; the user has been told why, once."""


class Database:
    """The database in one folder. Get it by `database_in`, never by its class."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / DATABASE_NAME
        self.blobs = folder / BLOBS_NAME
        self._begin_process()
        # The file that the pool's connections are open on; None for none.
        self._file: tuple[int, int] | None = None
        self._refused: tuple[int, int] | None = None
        self.read_only = False

    def _begin_process(self) -> None:
        """State that belongs to this process alone.

        A child of a fork must not use, and not even close, its parent's
        connections, so they are kept where nothing collects them.
        """
        if getattr(self, "_idle", None):
            _inherited.extend(self._idle)
        self._idle: list[sqlite3.Connection] = []
        self._pool = threading.Lock()
        # Threads of one process take turns here, where they need not poll.
        self._turn = threading.RLock()
        self._process = os.getpid()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """A connection for queries, or None while there is no database.

        Raises `Unavailable` for a file that is not ours to read.
        """
        connection = self._take(create=False)
        if connection is None:
            yield None
            return
        with self._returning(connection):
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed at the end, rolled back on any exception.

        Creates the database. Raises `Unavailable` where nothing can be written.
        """
        with self._turn:
            if self.log_size() > _LOG_TOO_LARGE:
                self.fold_log()
            connection = self._take(create=True)
            assert connection is not None
            with self._returning(connection):
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
            if self.log_size() > _LOG_WORTH_FOLDING:
                self.fold_log()

    def log_size(self) -> int:
        """Bytes of the write-ahead log."""
        try:
            return os.stat(f"{self.path}-wal").st_size
        except OSError:
            return 0

    def fold_log(self) -> None:
        """Checkpoints the write-ahead log, as far as readers and writers allow.

        SQLite before 3.51.3 can corrupt a database when a checkpoint starts right
        after another while a third connection commits and resets the log. So no
        connection checkpoints by itself, and this one does so only while its
        sibling holds the write lock: nothing can commit meanwhile, and no other
        process can be doing the same. PASSIVE is the only kind that works there.
        """
        if self.log_size() == 0 or self.read_only:
            return
        with self._turn:
            holder = self._take(create=False)
            if holder is None:
                return
            with self._returning(holder):
                worker = self._take(create=False)
                if worker is None:
                    return
                with self._returning(worker), self._holding(holder) as held:
                    until = time.monotonic() + _FOLDING_SECONDS
                    while held:
                        _, pages, folded = worker.execute(
                            "PRAGMA wal_checkpoint(PASSIVE)"
                        ).fetchone()
                        if folded >= pages or time.monotonic() > until:
                            break
                        time.sleep(0.005)

    @contextmanager
    def _holding(self, connection: sqlite3.Connection) -> Iterator[bool]:
        """Holds the write lock; False if others hold it all the time."""
        connection.execute(f"PRAGMA busy_timeout = {_FOLDING_PATIENCE}")
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if not schema.is_busy(error):
                raise
            yield False
            return
        finally:
            connection.execute(f"PRAGMA busy_timeout = {int(_BUSY_SECONDS * 1000)}")
        try:
            yield True
        finally:
            connection.execute("ROLLBACK")

    def cannot_write(self, error: Exception) -> None:
        """Tells the user that results are not being saved, and why."""
        warn_once(
            "read only",
            str(self.path),
            f"nothing can be written to {self.folder} ({error}). Results that are "
            "in the cache are used, new ones are not saved.",
        )

    def close(self) -> None:
        """Closes the idle connections. The database opens again when used."""
        with self._pool:
            idle, self._idle = self._idle, []
            self._file = None
        for connection in idle:
            connection.close()

    # Connections

    def _take(self, create: bool) -> sqlite3.Connection | None:
        file = self._present_file()
        if file is not None and file == self._refused:
            raise Unavailable(f"{self.path} was refused")
        if file is None and not create:
            return None
        with self._pool:
            if file != self._file:
                # Deleted or replaced under us: what is open is another file.
                stale, self._idle = self._idle, []
                self._file = file
                self.read_only = False
            else:
                stale = []
                if self._idle and file is not None:
                    return self._idle.pop()
        for connection in stale:
            connection.close()
        return self._open(create)

    @contextmanager
    def _returning(self, connection: sqlite3.Connection) -> Iterator[None]:
        """Gives the connection back afterwards; learns from what it met."""
        whole = False
        try:
            yield
            whole = True
        except sqlite3.DatabaseError as error:
            self._note(error)
            raise
        finally:
            with self._pool:
                keep = (
                    whole
                    and len(self._idle) < _IDLE_CONNECTIONS
                    and not connection.in_transaction
                    and self._process == os.getpid()
                    and self._file == self._present_file()
                )
                if keep:
                    self._idle.append(connection)
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

    def _open(self, create: bool) -> sqlite3.Connection | None:
        try:
            return self._open_for_writing(create)
        except sqlite3.OperationalError as error:
            if schema.is_busy(error):
                raise
            if not self._present_file():
                self.cannot_write(error)
                raise Unavailable(str(error)) from error
            return self._open_read_only(error)
        except sqlite3.DatabaseError as error:
            self._note(error)
            raise Unavailable(str(error)) from error
        except OSError as error:
            self.cannot_write(error)
            raise Unavailable(str(error)) from error

    def _open_for_writing(self, create: bool) -> sqlite3.Connection | None:
        if create:
            self._prepare_folder()
        connection = _connect(self.path, "rwc" if create else "rw")
        try:
            if not self._is_ours(connection):
                if not create:
                    connection.close()
                    return None
                schema.create(connection, _BUSY_SECONDS)
        except BaseException:
            connection.close()
            raise
        with self._pool:
            self._file = self._present_file()
        return connection

    def _open_read_only(
        self, cause: sqlite3.OperationalError
    ) -> sqlite3.Connection | None:
        """For a folder or a file that this process may not write."""
        # In a folder that cannot be written, SQLite can make no index of the log:
        # only a file declared immutable opens. What lies in the log is not seen.
        for options in ("ro", "ro&immutable=1"):
            with suppress(sqlite3.OperationalError):
                connection = _connect(self.path, options)
                try:
                    ours = self._is_ours(connection)
                except BaseException:
                    connection.close()
                    raise
                if ours:
                    self.cannot_write(cause)
                    self.read_only = True
                    return connection
                connection.close()
        self.cannot_write(cause)
        raise Unavailable(str(cause)) from cause

    def _is_ours(self, connection: sqlite3.Connection) -> bool:
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
            self._refuse(
                "version",
                f"{self.path} was written by a newer version of Cellar (format "
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
            self._refuse(
                "stranger",
                f"{self.path} is not a cache that Cellar wrote. It is left alone, "
                "and results are not cached here. Move the file away to begin a "
                "new cache.",
            )
        return True

    def _prepare_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._has_the_folder_to_itself():
            return
        for name, text in (
            (".gitignore", _GITIGNORE),
            ("CACHEDIR.TAG", _CACHEDIR_TAG),
        ):
            if not (self.folder / name).exists():
                (self.folder / name).write_text(text, encoding="utf-8")

    def _has_the_folder_to_itself(self) -> bool:
        """Whether nothing but a cache is here, which may be ignored as a whole.

        A folder that the user chose may hold their work: that must not vanish
        from Git and from backups.
        """
        if self.folder.parts[-2:] == MARIMO_CACHE:
            return True
        ours = {BLOBS_NAME, ".gitignore", "CACHEDIR.TAG"}
        return all(
            name in ours or name.startswith(DATABASE_NAME)
            for name in os.listdir(self.folder)
        )

    # Faults

    def _note(self, error: sqlite3.DatabaseError) -> None:
        """Tells the user what a fault of SQLite means for their cache."""
        if type(error) is sqlite3.DatabaseError:
            # "file is not a database", "database disk image is malformed".
            self._refused = self._present_file()
            warn_once(
                "damaged",
                str(self.path),
                f"{self.path} cannot be read ({error}). The file is left as it is, "
                "and results are not cached here. Delete or move it to begin a new "
                "cache; only recomputation is lost.",
            )
        elif "readonly" in str(error):
            self.cannot_write(error)
            self.read_only = True
        elif isinstance(error, sqlite3.OperationalError):
            warn_once(
                "fault",
                str(self.path),
                f"a result could not be saved to or loaded from {self.path} "
                f"({error}). The notebook runs on without it.",
            )

    def _refuse(self, subject: str, message: str) -> None:
        self._refused = self._present_file()
        warn_once(subject, str(self.path), message)
        raise Unavailable(message)


_databases: dict[Path, Database] = {}
_databases_lock = threading.Lock()
_inherited: list[sqlite3.Connection] = []


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


def _connect(path: Path, options: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(path.as_posix())}?mode={options}",
        uri=True,
        timeout=_BUSY_SECONDS,
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
            f"journal_size_limit = {_LOG_WORTH_FOLDING}",
        ):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


__all__ = [
    "Database",
    "Unavailable",
    "close_all",
    "database_in",
]
