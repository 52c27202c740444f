"""The policies that are compared. Each keeps a cache within a budget between runs."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from typing import Protocol

from traces import Result

from marimo_cellar.cleaning import evicting, retention
from marimo_cellar.cleaning.evicting import Cleaning
from marimo_cellar.cleaning.retention import Rules

ROWS = 2048  # What an entry's rows are counted as, in bytes, for every policy.


class Policy(Protocol):
    """A cache as a policy keeps it."""

    def has(self, result: Result) -> bool:
        """Whether the result is there to be served."""
        ...

    def use(self, result: Result, at: float) -> None:
        """The result was served, or computed and saved."""
        ...

    def shrink(self, budget: int, at: float) -> None:
        """A run has ended: at most `budget` bytes may stay."""
        ...


class Ranked:
    """A textbook policy: what has the lowest rank goes first."""

    def __init__(self) -> None:
        self.kept: dict[str, Result] = {}
        self.clock = 0
        self.used = 0
        self.first: dict[str, int] = {}
        self.last: dict[str, int] = {}
        self.count: dict[str, int] = defaultdict(int)

    def has(self, result: Result) -> bool:
        return result.key in self.kept

    def use(self, result: Result, at: float) -> None:
        self.clock += 1
        if result.key not in self.kept:
            self.kept[result.key] = result
            self.used += result.size + ROWS
            self.first[result.key] = self.clock
            self.count[result.key] = 0
        self.last[result.key] = self.clock
        self.count[result.key] += 1

    def shrink(self, budget: int, at: float) -> None:
        if self.used <= budget:
            return
        for key in sorted(self.kept, key=self.rank):
            if self.used <= budget:
                break
            self.used -= self.kept.pop(key).size + ROWS

    def rank(self, key: str) -> tuple[float, ...]:
        raise NotImplementedError


class Lru(Ranked):
    """What was used longest ago goes first."""

    def rank(self, key: str) -> tuple[float, ...]:
        return (self.last[key],)


class Fifo(Ranked):
    """What came first goes first."""

    def rank(self, key: str) -> tuple[float, ...]:
        return (self.first[key],)


class Largest(Ranked):
    """The largest goes first."""

    def rank(self, key: str) -> tuple[float, ...]:
        return (-self.kept[key].size, self.last[key])


class Lfu(Ranked):
    """What was used least often goes first, of equals the one used longest ago."""

    def rank(self, key: str) -> tuple[float, ...]:
        return (self.count[key], self.last[key])


class Cellar:
    """The product's own: its schema, its order, its choice, its way of evicting.

    Without the hour in which a notebook's current entries never leave, since no other
    policy here may go over the budget for anything.
    """

    def __init__(self) -> None:
        from marimo_cellar.database import schema

        self.rules = Rules(hold=0.0)
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.executescript(schema._schema())
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.apps: dict[str, int] = {}
        self.cells: dict[str, int] = {}

    def has(self, result: Result) -> bool:
        return self._entry(result) is not None

    def use(self, result: Result, at: float) -> None:
        if (entry := self._entry(result)) is not None:
            self.connection.execute(
                "UPDATE entries SET hits = hits + 1, last_hit_at = ?"
                " WHERE entry_id = ?",
                (at, entry),
            )
            return
        cell = self._cell(result)
        digest = _digest(result.key)
        self.connection.execute(
            "INSERT INTO blobs (digest, size, crc32, content) VALUES (?, ?, 0, x'')",
            (digest, result.size),
        )
        entry = self.connection.execute(
            "INSERT INTO entries (cell_id, cache_name, cache_type, hash, loader, node,"
            " runtime, created_at) VALUES (?, ?, 'P', ?, 'lazy', ?, ?, ?)",
            (
                cell,
                result.cache_name,
                result.key,
                _digest(result.node),
                result.seconds,
                at,
            ),
        ).lastrowid
        self.connection.execute(
            "INSERT INTO items (cell_id, entry_id, key, name, format, digest, seal)"
            " VALUES (?, ?, ?, 'x', 'pickle', ?, 0)",
            (cell, entry, result.key, digest),
        )

    def shrink(self, budget: int, at: float) -> None:
        chosen = retention.choose(
            retention.candidates(self.connection, self.rules, at),
            retention.shared_blobs(self.connection),
            retention.used(self.connection),
            budget,
        )
        if chosen:
            cleaning = Cleaning("kernel", at)
            digests = evicting.evict(self.connection, cleaning, chosen)
            evicting.free(self.connection, cleaning, digests)

    @property
    def used(self) -> int:
        return retention.used(self.connection)

    def _entry(self, result: Result) -> int | None:
        row = self.connection.execute(
            "SELECT entry_id FROM entries WHERE hash = ?", (result.key,)
        ).fetchone()
        return int(row[0]) if row else None

    def _cell(self, result: Result) -> int:
        if result.cell not in self.cells:
            if result.app not in self.apps:
                self.apps[result.app] = self._insert(
                    "INSERT INTO apps (path, last_seen_at) VALUES (?, 0)", result.app
                )
            self.cells[result.cell] = self._insert(
                "INSERT INTO cells (app_id, ordinal, code, last_seen_at)"
                " VALUES (?, 0, '', 0)",
                self.apps[result.app],
            )
        return self.cells[result.cell]

    def _insert(self, sql: str, *values: object) -> int:
        row = self.connection.execute(sql, values).lastrowid
        assert row is not None
        return row


def _digest(text: str) -> bytes:
    import hashlib

    return hashlib.sha256(text.encode()).digest()


POLICIES = {
    "Cellar": Cellar,
    "LRU": Lru,
    "FIFO": Fifo,
    "size": Largest,
    "LFU": Lfu,
}
