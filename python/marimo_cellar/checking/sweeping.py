"""Sweeping: what killed processes left in a cache's folder.

A file without a row is the work of a save that was cut off, or of one that is under
way: until it is an hour old, nobody can tell. So it is left until then, and removed
at the end of some later run. So is the copy that a migration keeps until it is done,
and the log of a damaged database that was set aside with it and has been deleted.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from marimo_cellar.database.database import Database, Unavailable

_DAY = 24 * 3600.0


def sweep(database: Database, now: float | None = None) -> int:
    """Removes the files that no row names, and the rests of writes and of migrations;
    how many.

    Those that are an hour older than `now`, in Unix seconds, and named as we name
    them. Raises `sqlite3.Error` or `Unavailable` where nothing can be written.
    """
    # Here, since most runs only see that there is nothing to do yet.
    from marimo_cellar.checking import checking, checking_bytes, repairing
    from marimo_cellar.database import damage

    until = (time.time() if now is None else now) - checking.GRACE
    removed = _remove_copies(database, until) + damage.remove_left_logs(database.path)
    if found := list(checking_bytes.files_without_row(database, until)):
        removed += repairing.remove_files(database, found)
    return removed


def _remove_copies(database: Database, until: float) -> int:
    from marimo_cellar.database import migrating

    old = [
        copy
        for copy in migrating.copies(database.path)
        if copy.lstat().st_mtime <= until
    ]
    if old:
        # Nobody migrates meanwhile, who would still need one.
        with database.writing():
            for copy in old:
                migrating.remove(copy)
    return len(old)


def sweep_daily(database: Database) -> None:
    """Sweeps, unless that was done in the last day, by whatever process.

    Never raises. When it was done, the time of an empty file beside the database
    tells: all that a run costs in between.
    """
    mark = Path(f"{database.path}-swept")
    with suppress(OSError, sqlite3.Error, Unavailable):
        if database.read_only or not database.blobs.is_dir():
            return
        with suppress(FileNotFoundError):
            # A time that is yet to come says nothing.
            if 0 <= time.time() - mark.stat().st_mtime < _DAY:
                return
        # First, so that others do not do it as well.
        mark.touch()
        sweep(database)
