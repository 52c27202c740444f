"""Waiting for a turn to write, among processes that share a database.

SQLite wakes nobody: who waits has to ask again. Its own waiting asks ever more
rarely, down to ten times a second, so that a process which writes in a loop keeps
those out that wait longest. Here the longer one waits, the more often one asks.
A lock file with a queue would be fairer still, but VS Code, whose Node has no such
locks, could not stand in it, and a stopped process at its head would stop them all.
"""

from __future__ import annotations

import random
import sqlite3
import time

from marimo_cellar.faults import is_busy

# Seconds between two questions, at first and after a while.
_LONGEST_PAUSE = 0.006
_SHORTEST_PAUSE = 0.0005
# Seconds of waiting in which the one becomes the other.
_HURRY = 0.1

# Not the common generator: the numbers that a user's code draws from it, seeded,
# must not depend on who waited for whom.
_chance = random.SystemRandom()


def begin(connection: sqlite3.Connection, patience: float) -> None:
    """Begins a transaction that writes; waits for others, `patience` seconds at most.

    Raises the `sqlite3.OperationalError` of a lock that was held all the time.
    """
    began = time.monotonic()
    before = _wait_inside(connection, 0)
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                waited = time.monotonic() - began
                if not is_busy(error) or waited > patience:
                    raise
            hurry = min(1.0, waited / _HURRY)
            pause = _LONGEST_PAUSE + hurry * (_SHORTEST_PAUSE - _LONGEST_PAUSE)
            time.sleep(pause * _chance.uniform(0.5, 1.5))
    finally:
        _wait_inside(connection, before)


def _wait_inside(connection: sqlite3.Connection, milliseconds: int) -> int:
    """Sets how long SQLite itself waits for locks; what it was before."""
    (before,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
    return int(before)
