"""What leaves the cache, and in what order: the one policy, as data to data.

The order is the view `retention` of `schema.sql`, and `retention.sql` says what may
leave at all and why; VS Code runs the same two texts. What is left to decide here is
how far down that order one has to go.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from functools import lru_cache
from importlib import resources
from typing import Literal

from msgspec import Struct

Reason = Literal["version", "unreadable", "block", "orphan", "room"]

_DAY = 24 * 3600.0


class Rules(Struct, frozen=True):
    """`versions` of a cell's code are kept; what is orphaned stays for `grace`
    seconds, and a notebook's current entries for `hold` seconds after it ran."""

    versions: int = 3
    grace: float = 14 * _DAY
    hold: float = 3600.0


class Candidate(Struct, frozen=True):
    """An entry that may leave. `reason` is None if only for want of room.

    `own` are the bytes that go when it alone goes, `seconds` what it took to
    compute, `amount` what it cost in money; `used_at` is in Unix seconds. `part` says
    that it is of a function or block of the cell, and not of the whole cell.
    """

    entry_id: int
    used_at: float
    reason: Reason | None
    own: int
    cell_id: int
    part: bool
    seconds: float
    amount: float
    priority: float


class Shared(Struct, frozen=True):
    """A blob that several entries refer to; it goes with the last of them."""

    size: int
    entries: frozenset[int]


class Eviction(Struct, frozen=True):
    """An entry that leaves, and the bytes that this frees after those before it;
    `before` is what has been freed for want of room by then."""

    candidate: Candidate
    reason: Reason
    freed: int
    before: int


def choose(
    candidates: Sequence[Candidate],
    shared: Collection[Shared],
    used: int,
    budget: int | None,
    spared: Collection[int] = (),
) -> list[Eviction]:
    """Which of the candidates leave, in their order.

    Those with a reason do, and of the others the first ones, until what is used is
    within the budget, if there is one; both are in bytes. Where the last of them was
    larger than what was still wanted, those before it stay for which there is room
    again, the highest in the order first. `spared` entries stay.
    """
    blobs_of: dict[int, list[int]] = {}
    left: list[int] = []
    for blob in shared:
        for entry_id in blob.entries:
            blobs_of.setdefault(entry_id, []).append(len(left))
        left.append(len(blob.entries))
    sizes = [blob.size for blob in shared]
    leaving: list[tuple[Candidate, int]] = []
    for candidate in candidates:
        if candidate.reason is None and (budget is None or used <= budget):
            break
        if candidate.entry_id in spared:
            continue
        freed = candidate.own
        for index in blobs_of.get(candidate.entry_id, ()):
            left[index] -= 1
            if left[index] == 0:
                freed += sizes[index]
        used -= freed
        leaving.append((candidate, freed))
    stay = set()
    if budget is not None:
        for candidate, freed in reversed(leaving):
            # What one frees that shares its bytes depends on who else leaves.
            if candidate.reason is not None or candidate.entry_id in blobs_of:
                continue
            if used + freed <= budget:
                used += freed
                stay.add(candidate.entry_id)
    evictions = []
    before = 0
    for candidate, freed in leaving:
        if candidate.entry_id not in stay:
            evictions.append(
                Eviction(candidate, candidate.reason or "room", freed, before)
            )
            before += freed if candidate.reason is None else 0
    return evictions


def candidates(
    connection: sqlite3.Connection,
    rules: Rules,
    now: float,
    open_apps: Collection[int] = (),
) -> list[Candidate]:
    """What may leave, in order."""
    rows = connection.execute(
        _sql(),
        (now, rules.versions, rules.grace, rules.hold, json.dumps(list(open_apps))),
    )
    return [Candidate(*row) for row in rows]


def shared_blobs(connection: sqlite3.Connection) -> list[Shared]:
    """The blobs that more than one entry refers to."""
    rows = connection.execute(
        "SELECT size, group_concat(DISTINCT entry_id) FROM items"
        " JOIN blobs USING (digest) WHERE digest IN (SELECT digest FROM items"
        " GROUP BY digest HAVING min(entry_id) <> max(entry_id)) GROUP BY digest"
    )
    return [
        Shared(size, frozenset(map(int, entries.split(",")))) for size, entries in rows
    ]


def used(connection: sqlite3.Connection) -> int:
    """What the budget is compared with, in bytes: all values, and their rows."""
    (size,) = connection.execute("SELECT size FROM usage").fetchone()
    return int(size)


@lru_cache(maxsize=1)
def _sql() -> str:
    return (
        resources.files("marimo_cellar")
        .joinpath("retention.sql")
        .read_text(encoding="utf-8")
    )
