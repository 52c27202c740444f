"""Waiting for a turn to write, among processes that share a database.

SQLite wakes nobody: who waits has to ask again. Its own waiting asks ever more
rarely, down to ten times a second, and whoever writes in a loop has the lock again
before the others ask. Here one asks the more often the longer one waits, and who
comes while others wait lets them ask first: they show it by a lock on a file beside
the database. A queue would be fairer still, but a stopped process at its head would
stop them all; and VS Code, whose Node has no such locks, could not stand in it.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from marimo_cellar.database.faults import is_busy

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# Seconds between two questions, at first and after a while.
_LONGEST_PAUSE = 0.006
_SHORTEST_PAUSE = 0.0005
# Seconds of waiting in which the one becomes the other.
_HURRY = 0.1

# Not the common generator: the numbers that a user's code draws from it, seeded,
# must not depend on who waited for whom.
_chance = random.SystemRandom()


def begin(connection: sqlite3.Connection, path: Path, patience: float) -> None:
    """Begins a transaction that writes to the database at a path; waits for others,
    `patience` seconds at most.

    Raises the `sqlite3.OperationalError` of a lock that was held all the time.
    """
    if not _somebody_waits(path) and _begun(connection):
        return
    began = time.monotonic()
    waited = 0.0
    with _waiting(path):
        while True:
            hurry = min(1.0, waited / _HURRY)
            pause = _LONGEST_PAUSE + hurry * (_SHORTEST_PAUSE - _LONGEST_PAUSE)
            time.sleep(pause * _chance.uniform(0.5, 1.5))
            waited = time.monotonic() - began
            if _begun(connection, last=waited > patience):
                return


def _begun(connection: sqlite3.Connection, last: bool = False) -> bool:
    """Whether it was one's turn; raises what SQLite says if this was the `last` try."""
    (before,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if last or not is_busy(error):
            raise
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout = {before}")
    return True


def _somebody_waits(path: Path) -> bool:
    """Whether another process waits. Without such locks nobody can tell."""
    try:
        file = os.open(_file(path), os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        # Nobody ever had to wait here.
        return False
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(file)


@contextmanager
def _waiting(path: Path) -> Iterator[None]:
    """Shows that this process waits, as well as it can."""
    file = None
    if fcntl is not None:
        with suppress(OSError):
            file = os.open(_file(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    try:
        yield
    finally:
        if file is not None:
            os.close(file)


def _file(path: Path) -> str:
    return f"{path}-turn"
