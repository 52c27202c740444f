"""Pruning: the clean-up as it is carried out.

Pure code decides what goes (`retention.py`); here it goes, by one cleaner at a time
(`cleaner.py`). A reader that is about to load what goes finds no rows, or no file, and
both are a miss.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from marimo_cellar.checking import repairing, sweeping
from marimo_cellar.cleaning import missing, retention, rubbish
from marimo_cellar.cleaning.cleaner import TRANSACTION, Cleaner
from marimo_cellar.cleaning.evicting import (
    Cleaning,
    evict,
    free,
    haunting,
    trim_records,
)
from marimo_cellar.cleaning.loss import Loss
from marimo_cellar.cleaning.pacing import Pace
from marimo_cellar.cleaning.retention import Eviction, Rules
from marimo_cellar.database.database import Database
from marimo_cellar.entries import blobs

# Seconds between two looks through all blobs and nodes.
_SWEEP = 24 * 3600.0
# Entries that go before their values do, and bytes of these: the most that a killed
# cleaner leaves to the next one.
_ROUND = 4000
_ROUND_BYTES = 64 << 20
# How often a notebook's nodes are looked at while others write all the time.
_LOOKS = 10
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
        """The bytes that this would free."""
        return sum(one.freed for one in self.evictions)

    @property
    def loss(self) -> Loss:
        """What it takes to make again all that would go."""
        return Loss(one.candidate for one in self.evictions)


class Stopped(Exception):
    """A plan is not wanted any more."""


@dataclass
class Outcome:
    """What a clean-up did. `rubbish` counts rows and files that nobody needed;
    `slowest` are the seconds that it held the write lock at most."""

    cleaning: Cleaning
    rubbish: int = 0
    busy: bool = False
    slowest: float = 0.0


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
    is done while another cleaner is at work. Raises `sqlite3.Error`, `OSError` or
    `Unavailable`.
    """
    outcome = Outcome(Cleaning(actor, now))
    with database.reading() as connection:
        if connection is None or database.read_only:
            return outcome
    cleaner = Cleaner(database, go_on)
    if not cleaner.begin(now):
        outcome.busy = True
        return outcome
    work = _CleanUp(database, cleaner, outcome)
    try:
        work.note_missing(now)
        work.clear_lookups()
        if whole or not 0 <= now - cleaner.swept_at <= _SWEEP:
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
        cleaner.end()
        outcome.slowest = cleaner.slowest
    return outcome


class _CleanUp:
    """What goes in a clean-up, step by step."""

    def __init__(self, database: Database, cleaner: Cleaner, outcome: Outcome) -> None:
        self._database = database
        self._cleaner = cleaner
        self._outcome = outcome

    def note_missing(self, now: float) -> None:
        """Whose file is gone since the last look, or there again."""
        changes = self._cleaner.look(lambda c: missing.look(c, self._database))
        if changes != missing.Changes():
            with self._cleaner.transaction() as connection:
                missing.note(connection, changes, now)

    def clear_lookups(self) -> None:
        """Lookups that are not among a cell's last ones."""
        lookups = self._cleaner.look(rubbish.old_lookups)
        self._count(len(lookups))
        for _ in self._cleaner.in_pieces(lookups, rubbish.remove_lookups):
            pass

    def evict(self, evictions: Sequence[Eviction]) -> None:
        cleaning = self._outcome.cleaning
        ghosts = haunting(evictions)
        # Neighbours together: each page that a transaction touches is written to the log
        # by it. What was saved together lies on the same pages of the tables and of some
        # indexes; and so that values can go in the order of their digests, in which the
        # indexes of `blobs` are, they go after some thousand entries that had them.
        chosen = sorted(evictions, key=lambda one: one.candidate.entry_id)
        entries, values = Pace(TRANSACTION), Pace(TRANSACTION)
        for round in _rounds(chosen):
            digests: set[bytes] = set()
            self._cleaner.owes = True
            for some in self._cleaner.in_pieces(
                round, lambda c, some: evict(c, cleaning, some, ghosts), entries
            ):
                digests.update(some)
            for files in self._cleaner.in_pieces(
                sorted(digests), lambda c, some: free(c, cleaning, some), values, True
            ):
                self._cleaner.unlink(files)
            self._cleaner.owes = False
        if cleaning.entries:
            with self._cleaner.transaction() as connection:
                trim_records(connection)

    def clear_nodes(self) -> None:
        """Nodes that no entry stands on, of one notebook after the other."""
        for app_id in self._cleaner.look(rubbish.apps_with_nodes):
            for _ in range(_LOOKS):
                if self._clear_nodes_of(app_id) or not self._cleaner.go_on():
                    break

    def _clear_nodes_of(self, app_id: int) -> bool:
        """Whether all are gone, and nobody wrote meanwhile, who may stand on one."""
        state, nodes = self._cleaner.look(
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

        return all(self._cleaner.in_pieces(nodes, remove))

    def sweep(self, now: float) -> None:
        """Looks through all blobs and nodes."""
        spoilt = self._cleaner.look(
            lambda connection: rubbish.spoilt_entries(connection, now)
        )
        self._count(len(spoilt))
        for files in self._cleaner.in_pieces(spoilt, rubbish.remove_spoilt):
            self._cleaner.unlink(files)
        digests = self._cleaner.look(rubbish.unused_blobs)
        self._count(len(digests))
        for files in self._cleaner.in_pieces(digests, blobs.remove_unused):
            self._cleaner.unlink(files)
        self.clear_nodes()
        if self._cleaner.go_on():
            # As the budget is compared with it, damage to it must not last.
            error = self._cleaner.look(repairing.usage_error)
            with self._cleaner.transaction() as connection:
                connection.execute("UPDATE cleaners SET swept_at = ?", (now,))
                if error is None:
                    repairing.recount_usage(connection)
                elif error:
                    connection.execute("UPDATE usage SET size = size + ?", (error,))

    def give_back(self) -> None:
        """Gives free pages back to the disk; the file shrinks when the log is folded."""
        free = self._free_pages()
        while free > 0 and self._cleaner.go_on():
            with self._cleaner.transaction() as connection:
                _give_back(connection, free)
            left = self._free_pages()
            # A database that was made otherwise keeps its pages.
            if left >= free:
                break
            free = left

    def _count(self, number: int) -> None:
        self._outcome.rubbish += number

    def _free_pages(self) -> int:
        return self._cleaner.look(
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
        if time.monotonic() - began > TRANSACTION:
            break
