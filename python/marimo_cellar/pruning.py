"""Pruning: the clean-up as it is carried out.

Pure code decides what goes (`retention.py`); here it goes, in transactions that hold
no one up, by one cleaner at a time. A reader that is about to load what goes finds no
rows, or no file, and both are a miss.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from marimo_cellar import blobs, missing, repairing, retention, rubbish, sweeping
from marimo_cellar.checkpoints import TOO_LARGE
from marimo_cellar.database import Database
from marimo_cellar.evicting import Cleaning, evict, free, haunting, trim_records
from marimo_cellar.pacing import Pace
from marimo_cellar.retention import Eviction, Rules

T = TypeVar("T")
U = TypeVar("U")

# Seconds that a transaction is meant to take; it holds others up for as long.
_TRANSACTION = 0.008
# Seconds after which a cleaner that says nothing more is taken for dead.
_LEASE = 20.0
# Seconds between two looks through all blobs and nodes.
_SWEEP = 24 * 3600.0
# Entries that go before their values do, and bytes of these: the most that a killed
# cleaner leaves to the next one.
_ROUND = 4000
_ROUND_BYTES = 64 << 20
# How often a notebook's nodes are looked at while others write all the time.
_LOOKS = 10
# KiB of pages that a cleaner keeps in memory. What goes touches every index of what
# stays, all over it: with SQLite's own 2 MB most pages were read again each time.
_PAGES = 64 << 10
# Bytes that the log may have before it is folded: the more, the fewer are the waits for
# the disk. Nobody waits for it, as it is done while others write.
_LOG = 16 << 20
# Steps of SQLite's between two questions whether a plan is still wanted: some 10 ms.
_STEPS = 500_000


@dataclass(frozen=True)
class Plan:
    """What a clean-up would do now. Sizes are in bytes; `budget` None for none."""

    evictions: Sequence[Eviction]
    used: int
    budget: int | None

    @property
    def size(self) -> int:
        return sum(one.freed for one in self.evictions)

    @property
    def seconds(self) -> float:
        """How long it took to compute all that would go."""
        return sum(one.candidate.seconds for one in self.evictions)

    @property
    def amount(self) -> float:
        """What all that would go cost in money, and would again."""
        return sum(one.candidate.amount for one in self.evictions)


class Stopped(Exception):
    """A plan is not wanted any more."""


@dataclass
class Outcome:
    """What a clean-up did. `rubbish` counts rows and files that nobody needed;
    `slowest` are the seconds that it held the write lock at most."""

    cleaning: Cleaning
    rubbish: int = 0
    busy: bool = False
    slowest: float = field(default=0.0)


def plan(
    database: Database,
    budget: int | None,
    now: float,
    rules: Rules | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> Plan:
    """What `prune` would evict, as one snapshot of the database has it.

    Raises `Stopped` soon after `go_on` says no.
    """
    with database.reading() as connection:
        if connection is None:
            return Plan([], 0, budget)
        connection.execute("BEGIN")
        connection.set_progress_handler(lambda: not go_on(), _STEPS)
        try:
            used = retention.used(connection)
            chosen = retention.choose(
                retention.candidates(connection, rules or Rules(), now),
                retention.shared_blobs(connection),
                used,
                budget,
            )
        except sqlite3.OperationalError as error:
            if "interrupted" not in str(error):
                raise
            raise Stopped from error
        finally:
            connection.set_progress_handler(None, 0)
            connection.execute("ROLLBACK")
    return Plan(chosen, used, budget)


def prune(
    database: Database,
    planned: Plan | None,
    budget: int | None,
    actor: str,
    now: float,
    go_on: Callable[[], bool] = lambda: True,
    whole: bool = True,
) -> Outcome:
    """Carries a plan out, or makes one, and clears the rubbish away.

    `whole` looks through all files, blobs and nodes too, which is else done once a day.
    It stops between two transactions, or while it plans, when `go_on` says no. Nothing
    is done while another cleaner is at work. Raises `sqlite3.Error`, `OSError` or `Unavailable`.
    """
    outcome = Outcome(Cleaning(actor, now))
    with database.reading() as connection:
        if connection is None or database.read_only:
            return outcome
    work = _Work(database, outcome, go_on)
    if not work.begin(now):
        outcome.busy = True
        return outcome
    try:
        work.note_missing(now)
        work.clear_lookups()
        if whole or not 0 <= now - work.swept_at <= _SWEEP:
            work.sweep(now)
        if planned is None:
            planned = plan(database, budget, now, go_on=go_on)
        work.evict(planned.evictions)
        if outcome.cleaning.entries:
            work.clear_nodes()
        if whole:
            outcome.rubbish += sweeping.sweep(database, now)
        if outcome.cleaning.entries or outcome.rubbish:
            work.give_back()
    except Stopped:
        pass
    finally:
        work.end()
    return outcome


class _Work:
    """One clean-up under way: it holds the lease, and keeps transactions short."""

    def __init__(
        self, database: Database, outcome: Outcome, go_on: Callable[[], bool]
    ) -> None:
        self.swept_at = 0.0
        # Whether values are left whose entries are gone.
        self._owes = False
        self._database = database
        self._outcome = outcome
        self._go_on = go_on
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
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE cleaners SET until = 0,"
                " swept_at = CASE WHEN ? THEN 0 ELSE swept_at END WHERE holder = ?",
                (self._owes, self._holder),
            )
            connection.execute("PRAGMA cache_size = -2000")
        self._fold()

    def note_missing(self, now: float) -> None:
        """Whose file is gone since the last look, or there again."""
        changes = self._look(lambda c: missing.look(c, self._database))
        if changes != missing.Changes():
            with self._transaction() as connection:
                missing.note(connection, changes, now)

    def clear_lookups(self) -> None:
        """Lookups that are not among a cell's last ones."""
        lookups = self._look(rubbish.old_lookups)
        self._count(len(lookups))
        for _ in self._in_pieces(lookups, rubbish.remove_lookups):
            pass

    def evict(self, evictions: Sequence[Eviction]) -> None:
        cleaning = self._outcome.cleaning
        ghosts = haunting(evictions)
        # Neighbours together: each page that a transaction touches is written to the log
        # by it. What was saved together lies on the same pages of the tables and of some
        # indexes; and so that values can go in the order of their digests, in which the
        # indexes of `blobs` are, they go after some thousand entries that had them.
        chosen = sorted(evictions, key=lambda one: one.candidate.entry_id)
        entries, values = Pace(_TRANSACTION), Pace(_TRANSACTION)
        for round in _rounds(chosen):
            digests: set[bytes] = set()
            self._owes = True
            for some in self._in_pieces(
                round, lambda c, some: evict(c, cleaning, some, ghosts), entries
            ):
                digests.update(some)
            for files in self._in_pieces(
                sorted(digests), lambda c, some: free(c, cleaning, some), values, True
            ):
                self._unlink(files)
            self._owes = False
        if cleaning.entries:
            with self._transaction() as connection:
                trim_records(connection)

    def clear_nodes(self) -> None:
        """Nodes that no entry stands on, of one notebook after the other."""
        for app_id in self._look(rubbish.apps_with_nodes):
            for _ in range(_LOOKS):
                if self._clear_nodes_of(app_id) or not self._go_on():
                    break

    def _clear_nodes_of(self, app_id: int) -> bool:
        """Whether all are gone, and nobody wrote meanwhile, who may stand on one."""
        state, nodes = self._look(
            lambda connection: (
                _state(connection),
                rubbish.unneeded_nodes(connection, app_id),
            )
        )

        def remove(
            connection: sqlite3.Connection, some: Sequence[tuple[bytes, int]]
        ) -> bool:
            if _state(connection) != state:
                return False
            rubbish.remove_nodes(connection, some)
            self._count(len(some))
            return True

        return all(self._in_pieces(nodes, remove))

    def sweep(self, now: float) -> None:
        """Looks through all blobs and nodes."""
        spoilt = self._look(lambda connection: rubbish.spoilt_entries(connection, now))
        self._count(len(spoilt))
        for files in self._in_pieces(spoilt, rubbish.remove_spoilt):
            self._unlink(files)
        digests = self._look(rubbish.unused_blobs)
        self._count(len(digests))
        for files in self._in_pieces(digests, blobs.remove_unused):
            self._unlink(files)
        self.clear_nodes()
        if self._go_on():
            # As the budget is compared with it, damage to it must not last.
            error = self._look(repairing.usage_error)
            with self._transaction() as connection:
                connection.execute("UPDATE cleaners SET swept_at = ?", (now,))
                if error is None:
                    repairing.recount_usage(connection)
                elif error:
                    connection.execute("UPDATE usage SET size = size + ?", (error,))

    def give_back(self) -> None:
        """Gives free pages back to the disk; the file shrinks when the log is folded."""
        free = self._free_pages()
        while free > 0 and self._go_on():
            with self._transaction() as connection:
                _give_back(connection, free)
            left = self._free_pages()
            # A database that was made otherwise keeps its pages.
            if left >= free:
                break
            free = left

    def _unlink(self, files: Iterable[tuple[bytes, str]]) -> None:
        files = list(files)
        for start in range(0, len(files), 8):
            began = time.monotonic()
            blobs.unlink(self._database, files[start : start + 8])
            self._note(began)

    def _in_pieces(
        self,
        all_of_it: Sequence[T],
        act: Callable[[sqlite3.Connection, Sequence[T]], U],
        pace: Pace | None = None,
        to_the_end: bool = False,
    ) -> Iterable[U]:
        """Acts on a few at a time, as many as fit into a short transaction; until it is
        stopped, unless it goes `to_the_end`."""
        pace, start = pace or Pace(_TRANSACTION), 0
        while start < len(all_of_it) and (to_the_end or self._go_on()):
            some = all_of_it[start : start + pace.size]
            with self._transaction(pace) as connection:
                result = act(connection, some)
            yield result
            start += len(some)

    @contextmanager
    def _transaction(self, pace: Pace | None = None) -> Iterator[sqlite3.Connection]:
        """One that keeps the lease, and folds a log that has grown after its time is
        taken."""
        with self._database.writing(folding=False) as connection:
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

    def _fold(self) -> None:
        """Folds the log, for as short as it can be while others may not write."""
        if not self._database.fold_beside():
            began = time.monotonic()
            self._database.fold_alone()
            self._note(began)

    def _note(self, began: float) -> float:
        took = time.monotonic() - began
        self._outcome.slowest = max(self._outcome.slowest, took)
        return took

    def _count(self, number: int) -> None:
        self._outcome.rubbish += number

    def _look(self, ask: Callable[[sqlite3.Connection], U]) -> U:
        with self._database.reading() as connection:
            assert connection is not None
            return ask(connection)

    def _free_pages(self) -> int:
        return self._look(
            lambda connection: int(
                connection.execute("PRAGMA freelist_count").fetchone()[0]
            )
        )


def _rounds(evictions: Sequence[Eviction]) -> Iterator[Sequence[Eviction]]:
    """Parts whose values lie about without an entry only for a while."""
    begin, size = 0, 0
    for end, one in enumerate(evictions, start=1):
        size += one.freed
        if end - begin == _ROUND or size > _ROUND_BYTES or end == len(evictions):
            yield evictions[begin:end]
            begin, size = end, 0


def _state(connection: sqlite3.Connection) -> tuple[int, int]:
    """The same while nobody but this connection has written."""
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return id(connection), version


def _give_back(connection: sqlite3.Connection, pages: int) -> None:
    began = time.monotonic()
    for _ in range(pages):
        # Python takes one step of a statement without columns, and a step gives back
        # one page, whatever number one asks for.
        connection.execute("PRAGMA incremental_vacuum(1)")
        if time.monotonic() - began > _TRANSACTION:
            break
