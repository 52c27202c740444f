"""A database that SQLite cannot read any more: set aside, and begun anew.

The file is kept under a dated name, with what is in its log: without that, SQLite
would read another database. What can be salvaged of it is written to a new file first,
which then takes its place; ids stay what they were, so that a kernel that knows some
goes on with them.

It is moved while its write lock is held, where SQLite can still take one, so that
nothing is committed to it between its salvage and its move. Whoever has it open for
reading keeps the file that was moved: SQLite sees that it was, and then removes no
log by its name. Other processes find that another file is in its place, as they do
when a cache is deleted under them. Waiting for all of them to close it would wait
for ever, since VS Code has a connection open for as long as it runs.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Literal

from marimo_cellar.database import faults, folder, schema
from marimo_cellar.database.kinship import kinship
from marimo_cellar.database.opening import connect, connect_leniently, file_at
from marimo_cellar.database.salvage import Salvaged, salvage

# `replaced`: another file is in its place, by us or by another process, or none.
# `sound`: it is not damaged after all. `busy`: others use it; ask again.
# `kept`: it cannot be moved, and will not do as it is.
Outcome = Literal["replaced", "sound", "busy", "kept"]

# How long others may take to do this, and a writer to end, in seconds.
_PATIENCE = 60.0
_WRITER_PATIENCE = 2.0

# What SQLite keeps beside a database: with the first two goes what was committed, the
# last is an index that it makes anew.
_LOGS = ("-journal", "-wal")
_BESIDE = (*_LOGS, "-shm")


_looking: ContextVar[bool] = ContextVar("looking", default=False)


@contextmanager
def only_looking() -> Iterator[None]:
    """Meanwhile, on this thread, a damaged database is left where it is."""
    token = _looking.set(True)
    try:
        yield
    finally:
        _looking.reset(token)


def begin_anew(path: Path, error: Exception, certain: bool = False) -> Outcome:
    """Puts a database that SQLite failed to read out of the way, with one warning.

    Exactly one of the processes that find it damaged does so. One that passes
    SQLite's own check stays, unless the caller is `certain`. Raises nothing.
    """
    if _looking.get():
        return "busy"
    try:
        file = file_at(path)
        with _alone(path):
            if file is None or file_at(path) != file:
                return "replaced"
            return _replace(path, error, certain)
    except (OSError, sqlite3.Error, faults.Unavailable, _NotOurs) as reason:
        if faults.is_busy(reason):
            return "busy"
        faults.say_damaged(path, error, reason)
        return "kept"


def set_aside(path: Path) -> list[Path]:
    """The databases that were set aside from this place, the oldest first."""
    return sorted(
        found
        for found in path.parent.glob(f"{path.name}.damaged-*")
        if not found.name.endswith(_BESIDE)
    )


def logs_of(aside: Path) -> list[Path]:
    """The files that go with a database that was set aside."""
    return [log for end in _LOGS if (log := Path(f"{aside}{end}")).exists()]


def remove_left_logs(path: Path) -> int:
    """Removes those of databases that were set aside from this place and deleted since;
    how many. Raises `OSError` or `sqlite3.Error`."""
    if not _left_logs(path):
        return 0
    # A log is moved before its database.
    with _alone(path):
        left = _left_logs(path)
        for log in left:
            log.unlink(missing_ok=True)
    return len(left)


def _left_logs(path: Path) -> list[Path]:
    return [
        found
        for end in _LOGS
        for found in path.parent.glob(f"{path.name}.damaged-*{end}")
        if not found.with_name(found.name.removesuffix(end)).exists()
    ]


class _NotOurs(Exception):
    """Another program may need the file in its place."""


def _replace(path: Path, error: Exception, certain: bool) -> Outcome:
    new = path.with_name(f"{path.name}.new")
    aside = _free_name(path)
    with _write_lock(path) as connection:
        _check_ours(path, connection)
        if connection is not None and not certain and _is_sound(connection):
            return "sound"
        salvaged = _begin(new, connection)
        if os.name != "nt":
            _exchange(path, aside, new)
    if os.name == "nt":
        # No file is moved there while it is open.
        _exchange(path, aside, new)
    faults.say_set_aside(path, error, [aside, *logs_of(aside)], _told(salvaged))
    return "replaced"


def _exchange(path: Path, aside: Path, new: Path) -> None:
    # The log first: a new database must never find the old one's.
    for end in _BESIDE:
        with suppress(FileNotFoundError):
            if end in _LOGS and os.path.getsize(f"{path}{end}"):
                os.rename(f"{path}{end}", f"{aside}{end}")
            else:
                os.unlink(f"{path}{end}")
    try:
        # At no moment is there none, which somebody would begin.
        os.link(path, aside)
    except OSError:
        os.rename(path, aside)
    for end in _BESIDE:
        # Of somebody who opened it just now, without its log.
        with suppress(FileNotFoundError):
            os.unlink(f"{path}{end}")
    os.replace(new, path)


def _told(salvaged: Salvaged) -> str:
    if not salvaged.entries:
        return "nothing of it could be saved"
    results = "result was" if salvaged.entries == 1 else "results were"
    return f"{salvaged.entries} {results} taken into a new one"


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time. SQLite's lock on a file of its own: it works alike on
    every system, and the end of a process lets go of it."""
    lock = path.with_name(f"{path.name}.lock")
    with closing(
        sqlite3.connect(lock, timeout=_PATIENCE, isolation_level=None)
    ) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")
            # Who waits for the file that is unlinked here finds all done.
            with suppress(OSError):
                lock.unlink()


@contextmanager
def _write_lock(path: Path) -> Iterator[sqlite3.Connection | None]:
    """A connection that holds the lock; None where SQLite cannot even begin.

    Then nobody can write to it either. Raises OperationalError if others hold it.
    """
    try:
        connection = connect_leniently(path, _WRITER_PATIENCE)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except BaseException:
            connection.close()
            raise
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        yield None
        return
    with closing(connection):
        yield connection


def _check_ours(path: Path, connection: sqlite3.Connection | None) -> None:
    """Raises `_NotOurs` for a file that somebody else may have put there.

    One whose mark cannot be read is ours if the folder is.
    """
    if connection is not None:
        with suppress(sqlite3.DatabaseError):
            (mark,) = connection.execute("PRAGMA application_id").fetchone()
            if mark != schema.APPLICATION_ID:
                raise _NotOurs("it is another program's")
            if schema.version_of(connection) // 1000 > schema.MAJOR:
                raise _NotOurs("a newer version of Cellar wrote it")
            return
    beside = path.parent
    is_default = beside.parts[-2:] == folder.MARIMO_CACHE
    if not is_default and not (beside / folder.BLOBS_NAME).is_dir():
        raise _NotOurs("it may be another program's")


def _is_sound(connection: sqlite3.Connection) -> bool:
    try:
        found = connection.execute("PRAGMA integrity_check(1)").fetchall()
        # By its marks it is ours: what looks like a stranger's has a name that is damaged.
        return found == [("ok",)] and kinship(connection) == "ours"
    except sqlite3.DatabaseError:
        return False


def _begin(new: Path, source: sqlite3.Connection | None) -> Salvaged:
    """Makes the file that comes next, with what is whole in the old one.

    Raises OSError where no file can be made.
    """
    try:
        _remove(new)
        if source is not None:
            with closing(connect(new, "rwc")) as target:
                (journal,) = source.execute("PRAGMA journal_mode").fetchone()
                schema.create(target, _PATIENCE, log=journal == "wal")
                salvaged = salvage(source, target, new.parent)
            if salvaged.entries:
                return salvaged
    except sqlite3.Error:
        # No room for it, say. The old file is kept in any case.
        pass
    _remove(new)
    # An empty file is no database yet: the next save begins one.
    new.touch()
    return Salvaged(0, 0)


def _remove(new: Path) -> None:
    for end in ("", *_BESIDE):
        Path(f"{new}{end}").unlink(missing_ok=True)


def _free_name(path: Path) -> Path:
    base = f"{path.name}.damaged-{time.strftime('%Y-%m-%dT%H-%M-%S')}"
    name, count = base, 1
    while os.path.lexists(path.with_name(name)):
        count += 1
        name = f"{base}-{count}"
    return path.with_name(name)
