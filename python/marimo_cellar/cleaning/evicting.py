"""Evicting: removing what the policy chose, with a record of it, in a transaction.

By statements over all entries of it at once: one by one, each would have the price of
a statement, and of Python giving its lock away, several times.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from marimo_cellar.cleaning.loss import Loss
from marimo_cellar.cleaning.retention import Eviction, used
from marimo_cellar.entries import blobs, clearing

# Each ghost takes some 150 bytes, its index another 100.
_GHOSTS = 1500
_CLEANINGS = 1000
_LONG_AGO = "day < date('now', 'localtime', '-1 year')"


@dataclass
class Cleaning:
    """The record of one clean-up, which grows with each of its transactions.

    `actor` is `kernel`, `vscode` or `command`, `at` is in Unix seconds; `size` is in
    bytes, `loss` what it takes to make the evicted again. `level` is how far the cache has
    aged by it, `evicted` the bytes that had left for want of room before it.
    """

    actor: str
    at: float
    entries: int = 0
    size: int = 0
    loss: Loss = field(default_factory=Loss)
    level: float = 0.0
    evicted: int = 0
    cleaning_id: int | None = None


def evict(
    connection: sqlite3.Connection,
    cleaning: Cleaning,
    evictions: Sequence[Eviction],
    haunting: Collection[int] | None = None,
) -> list[bytes]:
    """Removes entries; the digests of what they referred to are for `free`.

    An entry that was used, replaced or pinned since it was chosen stays. Of those that
    go, the ones of `haunting` become ghosts, all by default.
    """
    there = _as_chosen(connection, evictions)
    if not there:
        return []
    before = used(connection)
    _begin(connection, cleaning)
    _haunt(connection, cleaning, there, haunting)
    digests = clearing.delete(connection, [one.candidate.entry_id for one in there])
    cleaning.entries += len(there)
    cleaning.size += before - used(connection)
    cleaning.loss.add(one.candidate for one in there)
    for_room = [one for one in there if one.reason == "room"]
    cleaning.level = max(
        cleaning.level, *(one.candidate.priority for one in for_room), 0.0
    )
    connection.execute(
        "UPDATE cleanings SET entries = ?, size = ?, seconds = ?, level = ?,"
        " evicted = evicted + ? WHERE cleaning_id = ?",
        (
            cleaning.entries,
            cleaning.size,
            cleaning.loss.seconds,
            cleaning.level,
            sum(one.freed for one in for_room),
            cleaning.cleaning_id,
        ),
    )
    if cleaning.loss.amount:
        connection.execute(
            "INSERT OR REPLACE INTO cleaning_costs (cleaning_id, amount) VALUES (?, ?)",
            (cleaning.cleaning_id, cleaning.loss.amount),
        )
    return digests


def free(
    connection: sqlite3.Connection, cleaning: Cleaning, digests: Sequence[bytes]
) -> list[tuple[bytes, str]]:
    """Removes of these bytes what nothing refers to any more; the files are for
    `blobs.unlink`."""
    before = used(connection)
    files = blobs.remove_unused(connection, digests)
    # Not what was planned: somebody else may refer to the same bytes by now.
    cleaning.size += before - used(connection)
    connection.execute(
        "UPDATE cleanings SET size = ? WHERE cleaning_id = ?",
        (cleaning.size, cleaning.cleaning_id),
    )
    return files


def haunting(evictions: Sequence[Eviction]) -> set[int]:
    """The entries that become ghosts: of very many those of the most worth."""
    return {one.candidate.entry_id for one in evictions[-_GHOSTS:]}


def trim_records(connection: sqlite3.Connection) -> None:
    """Keeps the newest ghosts and clean-ups, a few hundred kB in all, and sums up what
    was saved more than a year ago."""
    for table, key, kept in (
        ("ghosts", "ghost_id", _GHOSTS),
        ("cleanings", "cleaning_id", _CLEANINGS),
        ("regrets", "regret_id", _CLEANINGS),
    ):
        connection.execute(
            f"DELETE FROM {table} WHERE {key} <="
            f" (SELECT max({key}) FROM {table}) - {kept}"
        )
    connection.execute(
        "INSERT INTO savings (cell_id, day, hits, seconds, amount)"
        " SELECT cell_id, '', sum(hits), sum(seconds), sum(amount) FROM savings"
        f" WHERE day > '' AND {_LONG_AGO} GROUP BY cell_id"
        " ON CONFLICT (cell_id, day) DO UPDATE SET hits = hits + excluded.hits,"
        " seconds = seconds + excluded.seconds, amount = amount + excluded.amount"
    )
    connection.execute(f"DELETE FROM savings WHERE day > '' AND {_LONG_AGO}")


def _as_chosen(
    connection: sqlite3.Connection, evictions: Sequence[Eviction]
) -> list[Eviction]:
    ids = json.dumps([one.candidate.entry_id for one in evictions])
    used_at = dict(
        connection.execute(
            "SELECT entry_id, max(created_at, coalesce(last_hit_at, created_at))"
            " FROM entries WHERE NOT pinned"
            " AND entry_id IN (SELECT value FROM json_each(?))",
            (ids,),
        )
    )
    return [
        one
        for one in evictions
        if used_at.get(one.candidate.entry_id) == one.candidate.used_at
    ]


def _begin(connection: sqlite3.Connection, cleaning: Cleaning) -> None:
    """Begins the clean-up's row, if need be."""
    if cleaning.cleaning_id is not None:
        return
    cleaning.level, cleaning.evicted = connection.execute(
        "SELECT coalesce(max(level), 0), coalesce(max(evicted), 0) FROM cleanings"
    ).fetchone()
    cleaning.cleaning_id = connection.execute(
        "INSERT INTO cleanings (at, actor, entries, size, seconds, level, evicted)"
        " VALUES (?, ?, 0, 0, 0, ?, ?)",
        (cleaning.at, cleaning.actor, cleaning.level, cleaning.evicted),
    ).lastrowid


def _haunt(
    connection: sqlite3.Connection,
    cleaning: Cleaning,
    leaving: Sequence[Eviction],
    haunting: Collection[int] | None,
) -> None:
    """Makes ghosts of what leaves, unless another cell's equal entry still answers."""
    ghosts = [
        (
            one.candidate.entry_id,
            one.freed,
            one.candidate.seconds,
            one.reason,
            cleaning.evicted + one.before,
        )
        for one in leaving
        if haunting is None or one.candidate.entry_id in haunting
    ]
    if not ghosts:
        return
    connection.execute(
        "INSERT OR REPLACE INTO ghosts (hash, cache_name, cache_type, loader, at,"
        " size, seconds, reason, evicted)"
        " SELECT hash, cache_name, cache_type, loader, ?1, json_extract(g.value, '$[1]'),"
        " json_extract(g.value, '$[2]'), json_extract(g.value, '$[3]'),"
        " json_extract(g.value, '$[4]')"
        " FROM json_each(?2) AS g"
        " JOIN entries AS e ON e.entry_id = json_extract(g.value, '$[0]')"
        " WHERE NOT EXISTS (SELECT 1 FROM entries AS o WHERE o.hash = e.hash"
        " AND o.cache_name = e.cache_name AND o.cache_type = e.cache_type"
        " AND o.loader = e.loader"
        " AND o.entry_id NOT IN (SELECT value FROM json_each(?3)))",
        (
            cleaning.at,
            json.dumps(ghosts),
            json.dumps([one.candidate.entry_id for one in leaving]),
        ),
    )
