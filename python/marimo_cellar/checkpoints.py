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
from pathlib import Path

from marimo_cellar import turns
from marimo_cellar.faults import is_busy
from marimo_cellar.opening import LOG_KEPT

# In bytes. The log is folded after a run and whenever it has grown to the
# first of these sizes; above the second a writer waits until it is folded, and above
# the third it gives up, since somebody reads all the time. One transaction's rows
# still fit between that and the 64 MiB that the log may take.
WORTH_FOLDING = LOG_KEPT
TOO_LARGE = 32 * 2**20
FULL = 48 * 2**20
# Seconds for which a fold may keep writers waiting.
_FOLDING_SECONDS = 0.2
# Seconds to wait for the write lock to fold: whoever holds it can do it later.
_PATIENCE = 0.5


def log_size(path: Path) -> int:
    """Bytes of the write-ahead log of the database at a path."""
    try:
        return os.stat(f"{path}-wal").st_size
    except OSError:
        return 0


def fold(holder: sqlite3.Connection, worker: sqlite3.Connection, path: Path) -> bool:
    """Checkpoints the log, as far as readers and writers allow.

    Whether all of it is in the database. Its file becomes smaller only with the next
    commit, which begins it anew.
    """
    try:
        turns.begin(holder, path, _PATIENCE)
    except sqlite3.OperationalError as error:
        if not is_busy(error):
            raise
        return False
    try:
        until = time.monotonic() + _FOLDING_SECONDS
        while True:
            _, pages, folded = worker.execute(
                "PRAGMA wal_checkpoint(PASSIVE)"
            ).fetchone()
            # Both are -1 where there is no log.
            if folded >= pages:
                return True
            if time.monotonic() > until:
                return False
            time.sleep(0.005)
    finally:
        holder.execute("ROLLBACK")
