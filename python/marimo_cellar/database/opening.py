"""Opening a database's file. Whether it is believed, `kinship.py` says."""

from __future__ import annotations

import errno
import mmap
import os
import sqlite3
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from marimo_cellar.database import faults, folder, schema
from marimo_cellar.database.faults import Replaced, Unavailable, is_busy, refuse
from marimo_cellar.database.folder import DATABASE_NAME
from marimo_cellar.database.kinship import check_readable, is_ours

# How long a connection waits for another process's lock, in seconds.
BUSY_SECONDS = 10.0
# What SQLite leaves of the log when it begins it anew, in bytes.
LOG_KEPT = 4 * 2**20
# Seconds to wait for others to leave a database whose log cannot be used here.
_LEAVING_SECONDS = 0.5

# Which file it is: device and inode, which no other gets while this one is open.
File = tuple[int, int]


class Connection(sqlite3.Connection):
    """A connection, what it is open on, and whether it takes statements back by what
    is in memory."""

    file: File | None = None
    read_only = False
    undoes_in_memory = False


def file_at(path: Path) -> File | None:
    """Which file lies at the path; an empty one is none."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Unavailable(str(error)) from error
    return (found.st_dev, found.st_ino) if found.st_size else None


def open_database(path: Path, create: bool) -> Connection | None:
    """A connection to the database at a path; None where there is none to read.

    Raises `Unavailable`, `Refused` for a file that is not ours, `Replaced` for one
    that was deleted or replaced meanwhile, or what SQLite says of one that is locked
    or damaged.
    """
    try:
        connection = _open_for_writing(path, create)
    except sqlite3.OperationalError as error:
        if is_busy(error):
            raise
        if faults.is_of_gone_file(error):
            raise Replaced(f"{path} was replaced while it was opened") from error
        if file_at(path) is None:
            if not create:
                # Deleted just now.
                return None
            faults.say_cannot_write(path, error)
            raise Unavailable(str(error)) from error
        connection = _open_read_only(path, error)
    except OSError as error:
        faults.say_cannot_write(path, error)
        raise Unavailable(str(error)) from error
    return connection


def _open_for_writing(path: Path, create: bool) -> Connection | None:
    if create:
        folder.prepare(path.parent)
        _remove_leftovers(path)
    try:
        return _open_and_make(path, create)
    except sqlite3.OperationalError as error:
        # Any other fault of the disk is none that another journal would mend.
        if is_busy(error) or not _is_writable(path) or _shares_memory(path.parent):
            raise
    _take_log_away(path)
    faults.say_without_log(path)
    return _open_and_make(path, create, log=False)


def _open_and_make(path: Path, create: bool, log: bool = True) -> Connection | None:
    connection = connect(path, "rwc" if create else "rw")
    file = _at(path)
    try:
        if not is_ours(connection, path):
            if not create:
                connection.close()
                return None
            if not schema.create(connection, BUSY_SECONDS, log) and log:
                faults.say_without_log(path)
        # SQLite opens a file that may only be read all the same.
        if _is_writable(path):
            _migrate(connection, path)
        else:
            check_readable(connection, path)
            connection.read_only = True
        _check_stays(path, file)
        if connection.read_only:
            faults.say_cannot_write(path, f"{path.name} is read-only")
        connection.file = file
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.Error):
            _check_stays(path, file, error)
        raise
    return connection


def _check_stays(
    path: Path, file: File | None, error: sqlite3.Error | None = None
) -> None:
    """Raises `Replaced` if it is not the file that was opened that lies there now.

    SQLite, and the system, then say of it that it cannot be written. Of one that was
    deleted before anybody looked which it is, `file` is None.
    """
    if file is None or _at(path) != file:
        raise Replaced(f"{path} was replaced while it was opened") from error


def _at(path: Path) -> File | None:
    """Which file lies at the path, an empty one too."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _remove_leftovers(path: Path) -> None:
    """Removes the index of a log whose database was deleted.

    Another process may still have that database open, and its index would be taken
    for the new one's. (The log itself SQLite removes where the database is empty.)
    """
    index = f"{path}-shm"
    if file_at(path) is not None or not os.path.lexists(index):
        return
    connection = connect(path, "rwc")
    try:
        # Nobody uses an index of the new one yet: that needs a database that is not
        # empty, and a lock that is ours until this is done.
        connection.execute("BEGIN EXCLUSIVE")
        if file_at(path) is None:
            with suppress(OSError):
                os.unlink(index)
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def _shares_memory(folder: Path) -> bool:
    """Whether files there can be mapped by several programs, as the log's index is."""
    try:
        with tempfile.NamedTemporaryFile(
            dir=folder, prefix=f".{DATABASE_NAME}-", suffix="-shm"
        ) as file:
            file.truncate(mmap.PAGESIZE)
            mmap.mmap(file.fileno(), mmap.PAGESIZE).close()
    except OSError as error:
        # No room for it is no answer.
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return True


def _take_log_away(path: Path) -> None:
    """Makes a database with a log one with a rollback journal, without shared memory.

    For file systems that have none: network mounts, some mounts of containers. Raises
    `Refused` while others use the log, who have it in memory that they share.
    """
    try:
        # Alone with the database, SQLite keeps the log's index in its own memory.
        connection = connect(path, "rw", alone=True)
        try:
            # A stranger's file is not changed. One that holds nothing is ours to make.
            is_ours(connection, path)
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        if not is_busy(error):
            raise
        refuse(
            "elsewhere",
            path,
            f"{path} is open in another program, and from here nothing can be shared "
            "with it, which is a matter of the file system. Results are not cached "
            "here. End the other program and restart this notebook.",
        )


def _open_read_only(path: Path, cause: sqlite3.OperationalError) -> Connection:
    """For a folder or a file that this process may not write."""
    # In a folder that cannot be written, SQLite can make no index of the log:
    # only a file declared immutable opens. What lies in the log is not seen.
    for options in ("ro", "ro&immutable=1"):
        with suppress(sqlite3.OperationalError):
            connection = connect(path, options)
            try:
                if is_ours(connection, path):
                    check_readable(connection, path)
                    connection.read_only = True
                    connection.file = file_at(path)
                    faults.say_cannot_write(path, cause)
                    return connection
            except BaseException:
                connection.close()
                raise
            connection.close()
    faults.say_cannot_write(path, cause)
    raise Unavailable(str(cause)) from cause


def _migrate(connection: Connection, path: Path) -> None:
    if schema.version_of(connection) < schema.VERSION:
        # Few databases are, and what brings them up to date is imported for them alone.
        from marimo_cellar.database.migrating import migrate

        migrate(connection, path)


def connect(path: Path, options: str, alone: bool = False) -> Connection:
    """A connection as all of ours are; the file's content is not believed yet.

    One that is `alone` keeps all others out from its first look at the file.
    """
    connection = _connect(path, options, _LEAVING_SECONDS if alone else BUSY_SECONDS)
    try:
        pragmas = (
            *(("locking_mode = EXCLUSIVE",) if alone else ()),
            "trusted_schema = OFF",
            "foreign_keys = ON",
            "secure_delete = OFF",
            "synchronous = NORMAL",
            "wal_autocheckpoint = 0",
            f"journal_size_limit = {LOG_KEPT}",
        )
        # At once: after each call, Python has to get its lock back from other threads.
        connection.executescript("".join(f"PRAGMA {pragma};" for pragma in pragmas))
    except UnicodeDecodeError as error:
        # So Python tells of a message that quotes what cannot be read.
        connection.close()
        raise sqlite3.DatabaseError("its schema cannot be read") from error
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def connect_leniently(path: Path, patience: float) -> Connection:
    """A connection to a damaged file, which takes a table that it cannot make sense
    of for one that is not there. It waits `patience` seconds for a lock."""
    connection = _connect(path, "rw", patience)
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA writable_schema = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _connect(path: Path, options: str, patience: float) -> Connection:
    connection = sqlite3.connect(
        f"{_uri(path)}?mode={options}",
        uri=True,
        timeout=patience,
        isolation_level=None,
        check_same_thread=False,
        factory=Connection,
    )
    # A damaged text is one that nothing equals, rather than an exception.
    connection.text_factory = _decoded
    return connection


def _uri(path: Path) -> str:
    # By its bytes: not every folder has a name that is text.
    name = quote(os.fsencode(path.as_posix()))
    # What two slashes begin is a host, and SQLite takes none: that of a network share
    # (`//server/share`) is part of the path.
    return f"file:////{name[2:]}" if name.startswith("//") else f"file:{name}"


def _decoded(text: bytes) -> str:
    return text.decode(errors="replace")
