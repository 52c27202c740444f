"""A cleaner at work: the only one of its database, in transactions that hold no one up.

It holds the lease of the table `cleaners` from `begin` to `end`, and renews it with each
transaction. What goes in them, others decide (`pruning.py`).
"""

from __future__ import annotations

import os
import socket
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from marimo_cellar.cleaning.pacing import Pace
from marimo_cellar.database.checkpoints import TOO_LARGE
from marimo_cellar.database.database import Database
from marimo_cellar.entries import blobs

T = TypeVar("T")
U = TypeVar("U")

# Seconds that a transaction is meant to take; it holds others up for as long.
TRANSACTION = 0.008
# Seconds after which a cleaner that says nothing more is taken for dead.
_LEASE = 20.0
# KiB of pages that a cleaner keeps in memory. What goes touches every index of what
# stays, all over it: with SQLite's own 2 MB most pages were read again each time.
_PAGES = 64 << 10
# Bytes that the log may have before it is folded: the more, the fewer are the waits for
# the disk. Nobody waits for it, as it is done while others write.
_LOG = 16 << 20


class Cleaner:
    """It stops between two transactions when `go_on` says no.

    `swept_at` is when all blobs and nodes were looked through, in Unix seconds. `owes`
    says that values are left whose entries are gone. `slowest` are the seconds that it
    held the write lock at most.
    """

    def __init__(self, database: Database, go_on: Callable[[], bool]) -> None:
        self.swept_at = 0.0
        self.owes = False
        self.slowest = 0.0
        self.go_on = go_on
        self._database = database
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

    def begin(self, now: float) -> bool:
        """Takes the lease; False while another cleaner has it."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO cleaners VALUES (1, ?, 0, 0)", (self._holder,)
            )
            row = connection.execute("SELECT until, swept_at FROM cleaners").fetchone()
            # One that was killed has left values behind, which count as used.
            self.swept_at = 0.0 if row[0] else row[1]
            taken = connection.execute(
                # One that ends later than any can is of a clock that was wrong.
                "UPDATE cleaners SET holder = ?, until = ?"
                " WHERE until NOT BETWEEN ? AND ?",
                (self._holder, now + _LEASE, now, now + 2 * _LEASE),
            ).rowcount
        return taken == 1

    def end(self) -> None:
        """Gives the lease up."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE cleaners SET until = 0,"
                " swept_at = CASE WHEN ? THEN 0 ELSE swept_at END WHERE holder = ?",
                (self.owes, self._holder),
            )
            connection.execute("PRAGMA cache_size = -2000")
        self._fold()

    def look(self, ask: Callable[[sqlite3.Connection], U]) -> U:
        """What a reader is told."""
        with self._database.reading() as connection:
            assert connection is not None
            return ask(connection)

    def in_pieces(
        self,
        all_of_it: Sequence[T],
        act: Callable[[sqlite3.Connection, Sequence[T]], U],
        pace: Pace | None = None,
        to_the_end: bool = False,
    ) -> Iterable[U]:
        """Acts on a few at a time, as many as fit into a short transaction; until it is
        stopped, unless it goes `to_the_end`."""
        pace, start = pace or Pace(TRANSACTION), 0
        while start < len(all_of_it) and (to_the_end or self.go_on()):
            some = all_of_it[start : start + pace.size]
            with self.transaction(pace) as connection:
                result = act(connection, some)
            yield result
            start += len(some)

    @contextmanager
    def transaction(self, pace: Pace | None = None) -> Iterator[sqlite3.Connection]:
        """One that keeps the lease, and folds a log that has grown after its time is
        taken."""
        with self._database.writing(folding=False, little=True) as connection:
            began = time.monotonic()
            connection.execute(f"PRAGMA cache_size = -{_PAGES}")
            connection.execute(
                "UPDATE cleaners SET until = ? WHERE holder = ?",
                (time.time() + _LEASE, self._holder),
            )
            yield connection
        took = self._note(began)
        if pace is not None:
            pace.took(took)
        if (size := self._database.log_size()) > _LOG and not (
            self._database.fold_beside() or size < TOO_LARGE
        ):
            self._fold()

    def unlink(self, files: Iterable[tuple[bytes, str]]) -> None:
        """Removes the files of blobs that have no row any more, a few at a time."""
        files = list(files)
        for start in range(0, len(files), 8):
            began = time.monotonic()
            blobs.unlink(self._database, files[start : start + 8])
            self._note(began)

    def _fold(self) -> None:
        """Folds the log, for as short as it can be while others may not write."""
        if not self._database.fold_beside():
            began = time.monotonic()
            self._database.fold_alone()
            self._note(began)

    def _note(self, began: float) -> float:
        took = time.monotonic() - began
        self.slowest = max(self.slowest, took)
        return took
