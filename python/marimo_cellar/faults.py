"""What can be wrong with a database, and what its user hears of it, once."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from marimo_cellar.notices import warn_once


class Unavailable(Exception):
    """The database cannot be used as asked; the user has been told why, once."""


class Refused(Unavailable):
    """The file will not do, now or later, until another one takes its place."""


def is_busy(error: BaseException) -> bool:
    """Whether another connection is in the way, so that waiting helps."""
    return isinstance(error, sqlite3.OperationalError) and (
        "locked" in str(error) or "busy" in str(error)
    )


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether SQLite cannot make sense of the file.

    "file is not a database", "database disk image is malformed": the class itself,
    and none that is derived from it.
    """
    return type(error) is sqlite3.DatabaseError


def say_cannot_write(path: Path, error: Exception) -> None:
    """Results are not being saved, and why."""
    warn_once(
        "read only",
        str(path),
        f"nothing can be written to {path.parent} ({error}). Results that are "
        "in the cache are used, new ones are not saved.",
    )


def say_damaged(path: Path, error: Exception) -> None:
    """SQLite cannot read the file any more."""
    warn_once(
        "damaged",
        str(path),
        f"{path} cannot be read ({error}). The file is left as it is, "
        "and results are not cached here. Delete or move it to begin a new "
        "cache; only recomputation is lost.",
    )


def say_failed(path: Path, error: Exception) -> None:
    """Something was not saved or loaded."""
    warn_once(
        "fault",
        str(path),
        f"a result could not be saved to or loaded from {path} "
        f"({error}). The notebook runs on without it.",
    )
