"""The write-ahead log, and folding it into the database.

SQLite before 3.51.3 can corrupt a database when a checkpoint starts right after
another while a third connection commits and resets the log. So no connection
checkpoints by itself, and one does so only while a sibling keeps the log from being
reset: one that holds the write lock, so that nobody commits, or one that reads what
lies in the log, so that others write and are not held up. PASSIVE is the only kind
that works there.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from marimo_cellar.database import turns, watching
from marimo_cellar.database.faults import is_busy
from marimo_cellar.database.opening import LOG_KEPT, Connection

# In bytes. The log is folded after a run and whenever it has grown to the
# first of these sizes; above the second a writer waits until it is folded, and above
# the third it gives up, since somebody reads all the time. One transaction's rows
# still fit between that and the 64 MiB that the log may take.
WORTH_FOLDING = LOG_KEPT
TOO_LARGE = 32 * 2**20
FULL = 48 * 2**20
# Seconds for which a fold may keep writers waiting.
_FOLDING_SECONDS = 0.2
# How often what came into the log while it was folded is folded too.
_ROUNDS = 3
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
    if not _took_lock(holder, path):
        return False
    try:
        until = time.monotonic() + _FOLDING_SECONDS
        while True:
            busy, pages, folded = worker.execute(
                "PRAGMA wal_checkpoint(PASSIVE)"
            ).fetchone()
            # Both are -1 where there is no log, and where somebody folds beside us.
            if folded >= pages and not busy:
                return True
            if time.monotonic() > until:
                return False
            time.sleep(0.005)
    finally:
        holder.execute("ROLLBACK")


def fold_beside(
    holder: Connection, reader: Connection, worker: Connection, path: Path
) -> bool:
    """Checkpoints the log while others write; the write lock is held for a moment.

    Whether all of it is in the database, for certain. False too where the log's index
    cannot be looked at, and nothing was done.
    """
    watch = watching.watch(reader, path)
    if watch is None:
        return False
    for _ in range(_ROUNDS):
        if not _took_lock(holder, path):
            return False
        try:
            reader.execute("BEGIN")
            reader.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
            # Nobody folds more, or writes, before this is told. While there is any,
            # the reading stands on the log, which no writer then begins anew; else it
            # would stand on the database alone, and there would be nothing to do.
            left = watch.unfolded()
        finally:
            holder.execute("ROLLBACK")
        try:
            if left:
                worker.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        finally:
            reader.execute("ROLLBACK")
        after = watch.unfolded()
        if after == 0:
            return True
        if after >= left:
            # Somebody reads an old state, or writes faster than this.
            return False
    return False


def _took_lock(holder: sqlite3.Connection, path: Path) -> bool:
    """Takes the write lock; False where others do not let go of it in time."""
    try:
        turns.begin(holder, path, _PATIENCE)
    except sqlite3.OperationalError as error:
        if not is_busy(error):
            raise
        return False
    return True
