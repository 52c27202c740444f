"""The write-ahead log, and folding it into the database.

SQLite before 3.51.3 can corrupt a database when a checkpoint starts right after
another while a third connection commits and resets the log. So no connection
checkpoints by itself, and one does so only while its sibling holds the write lock:
nothing can commit meanwhile, and no other process can be doing the same. PASSIVE is
the only kind that works there.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from marimo_cellar.faults import is_busy
from marimo_cellar.opening import BUSY_SECONDS, LOG_KEPT

# The log is folded at the end of a run and whenever it has grown to the first of
# these sizes; a writer waits for that above the second. In bytes.
WORTH_FOLDING = LOG_KEPT
TOO_LARGE = 32 * 2**20
_FOLDING_SECONDS = 0.2
# Milliseconds to wait for the write lock to fold: whoever holds it can do it later.
_PATIENCE = 500


def log_size(path: Path) -> int:
    """Bytes of the write-ahead log of the database at a path."""
    try:
        return os.stat(f"{path}-wal").st_size
    except OSError:
        return 0


def fold(holder: sqlite3.Connection, worker: sqlite3.Connection) -> None:
    """Checkpoints the log, as far as readers and writers allow."""
    with _holding(holder) as held:
        until = time.monotonic() + _FOLDING_SECONDS
        while held:
            _, pages, folded = worker.execute(
                "PRAGMA wal_checkpoint(PASSIVE)"
            ).fetchone()
            if folded >= pages or time.monotonic() > until:
                break
            time.sleep(0.005)


@contextmanager
def _holding(connection: sqlite3.Connection) -> Iterator[bool]:
    """Holds the write lock; False if others hold it all the time."""
    connection.execute(f"PRAGMA busy_timeout = {_PATIENCE}")
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if not is_busy(error):
            raise
        yield False
        return
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
    try:
        yield True
    finally:
        connection.execute("ROLLBACK")
