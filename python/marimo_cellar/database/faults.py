"""What can be wrong with a database, and what its user hears of it, once."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from marimo_cellar.notices import warn_once


class Unavailable(Exception):
    """The database cannot be used as asked; the user has been told why, once."""


class Refused(Unavailable):
    """The file will not do, now or later, until another one takes its place."""


class Busy(Unavailable):
    """Others have kept the database locked for longer than one waits."""


class Replaced(Unavailable):
    """The file was deleted or replaced meanwhile: what was written went with it.

    Nothing is wrong with the one that is there now, if any: it is worth another try.
    """


def is_busy(error: BaseException) -> bool:
    """Whether another connection is in the way, so that waiting helps."""
    return isinstance(error, sqlite3.OperationalError) and any(
        words in str(error) for words in ("locked", "busy", "locking protocol")
    )


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether SQLite cannot make sense of the file.

    "file is not a database", "database disk image is malformed": the class itself,
    and none that is derived from it.
    """
    return type(error) is sqlite3.DatabaseError


def is_full(error: BaseException) -> bool:
    """Whether the disk, or the user's part of it, had no room for what was written."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, sqlite3.OperationalError) and "disk is full" in str(error)


def is_of_gone_file(error: sqlite3.Error) -> bool:
    """Whether it says that a file was deleted or replaced while SQLite opened it.

    The file that is there now may be the same: two that begin a database at once both
    remove the log that was left of the one before. Until Python 3.11 nobody can tell.
    """
    return getattr(error, "sqlite_errorname", None) in _GONE


# A log that is gone already or shorter than it was, no database that a log would be of,
# and another in place of the one that is open.
_GONE = (
    "SQLITE_IOERR_DELETE_NOENT",
    "SQLITE_IOERR_SHORT_READ",
    "SQLITE_IOERR_FSTAT",
    "SQLITE_READONLY_DBMOVED",
)


def refuse(subject: str, path: Path, message: str) -> NoReturn:
    """Raises `Refused`; the user hears why, once of each `subject` and path."""
    warn_once(subject, str(path), message)
    raise Refused(message)


def say_cannot_write(path: Path, error: object) -> None:
    """Results are not being saved, and why."""
    warn_once(
        "read only",
        str(path),
        f"nothing can be written to {path.parent} ({error}). Results that are "
        "in the cache are used, new ones are not saved. Change that, or name another "
        "folder in CELLAR_PATH.",
    )


def say_busy(path: Path) -> Busy:
    """Who waited gave up. The exception is the caller's to raise."""
    message = (
        f"another program keeps {path} to itself, perhaps in a transaction that it "
        "has not ended. Until it does, results are not saved."
    )
    warn_once("busy", str(path), message)
    return Busy(message)


def say_log_is_full(path: Path) -> Busy:
    """The log can grow no more. The exception is the caller's to raise."""
    message = (
        f"another program has been reading {path} for so long that its log has "
        "grown to its limit. Until that program ends or lets go, results are not "
        "saved."
    )
    warn_once("log", str(path), message)
    return Busy(message)


def say_without_log(path: Path) -> None:
    """The file system refused a write-ahead log."""
    warn_once(
        "journal",
        str(path),
        f"the file system of {path.parent} shares no memory between programs, as "
        "SQLite's write-ahead log needs it. The cache works there without, only "
        "slower when several programs use it at once.",
    )


def say_not_migrated(path: Path, error: Exception) -> Unavailable:
    """It stays of its older format. The exception is the caller's to raise."""
    message = (
        f"{path} is of an older format and could not be brought up to date ({error}). "
        "It is as it was, and results are not cached here."
    )
    warn_once("migration", str(path), message)
    return Unavailable(message)


def say_set_aside(
    path: Path, error: Exception, aside: Sequence[Path], taken: str
) -> None:
    """SQLite could not read the file, which is `aside` now, with its log where there is
    one; `taken` says what became of its results."""
    olds = "old file when you have no use for it"
    if len(aside) > 1:
        olds = "old files when you have no use for them"
    warn_once(
        "damaged",
        str(path),
        f"{path} could not be read any more ({error}). It is set aside as "
        f"{' and '.join(map(str, aside))}, and {taken}. What is missing is computed "
        f"again. Delete the {olds}.",
    )


def say_damaged(path: Path, error: Exception, reason: Exception) -> None:
    """SQLite cannot read the file, and why it stays where it is."""
    warn_once(
        "damaged",
        str(path),
        f"{path} cannot be read ({error}), and was not set aside: {reason}. The file "
        "is left as it is, and results are not cached here. Delete or move it to "
        "begin a new cache; only recomputation is lost.",
    )


def say_failed(path: Path, error: Exception) -> None:
    """Something was not saved or loaded."""
    warn_once(
        "fault",
        str(path),
        f"a result could not be saved to or loaded from {path} "
        f"({error}). The notebook runs on without it.",
    )
