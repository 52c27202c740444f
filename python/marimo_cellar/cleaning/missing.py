"""Missing: notebooks whose file is gone, and since when.

What is theirs is an orphan once it has been so for the grace time (`retention.sql`):
by then a branch would have been checked out again. A renamed notebook takes its rows
along when it runs (`relocation.py`). VS Code looks in the same way, by
`test/fixtures/missing.json`.
"""

from __future__ import annotations

import os
import posixpath
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from marimo_cellar.database.apps import IMPORTED, SERVED, UNSAVED
from marimo_cellar.database.database import Database


@dataclass(frozen=True)
class Changes:
    """Ids of notebooks that are missing since now, and of those that are so no more."""

    gone: tuple[int, ...] = ()
    back: tuple[int, ...] = ()


def look(connection: sqlite3.Connection, database: Database) -> Changes:
    """What has changed since somebody last looked."""
    gone: list[int] = []
    back: list[int] = []
    rows = connection.execute(
        "SELECT app_id, path, since NOT NULL FROM apps LEFT JOIN missing USING (app_id)"
    ).fetchall()
    for app_id, path, was_missing in rows:
        if path == UNSAVED or posixpath.basename(path) in (IMPORTED, SERVED):
            continue
        if _is_gone(Path(os.path.normpath(database.folder / path))) != was_missing:
            (back if was_missing else gone).append(app_id)
    return Changes(tuple(gone), tuple(back))


def note(connection: sqlite3.Connection, changes: Changes, now: float) -> None:
    """Writes it down; `now` is in Unix seconds."""
    connection.executemany(
        "INSERT OR IGNORE INTO missing (app_id, since) SELECT app_id, ? FROM apps"
        " WHERE app_id = ?",
        [(now, app_id) for app_id in changes.gone],
    )
    connection.executemany(
        "DELETE FROM missing WHERE app_id = ?", [(app_id,) for app_id in changes.back]
    )


def _is_gone(file: Path) -> bool:
    """Whether there is no such file in a folder that can be looked into.

    An empty folder may be where a disk is mounted that is not there now.
    """
    try:
        os.lstat(file)
    except FileNotFoundError:
        try:
            with os.scandir(file.parent) as listing:
                return next(listing, None) is not None
        except OSError:
            return False
    except OSError:
        return False
    return False
