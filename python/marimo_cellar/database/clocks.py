"""Times that are yet to come: which of two clocks was wrong, and what to do of it.

A cache that was used later than now was so by a clock that was ahead, or the one of
today is behind. In the latter case nobody knows what is current, and nothing may go
by itself. What was looked up since tells: where that goes on for an hour by today's
clock, it was the other one, and its times must not keep a cache from being cleaned up
until they come.
"""

from __future__ import annotations

import sqlite3

from marimo_cellar.database.database import Database

# Seconds for which a clock has to go on before it is believed against another one.
_PROOF = 3600.0


def is_behind(database: Database, late: float) -> bool:
    """Whether something was used later than `late`, in Unix seconds."""
    with database.reading() as connection:
        if connection is None:
            return False
        row = connection.execute(
            "SELECT 1 FROM entries WHERE created_at > ?1 OR last_hit_at > ?1 LIMIT 1",
            (late,),
        ).fetchone()
    return row is not None


def put_right(database: Database, late: float) -> bool:
    """Sets times later than `late` to when the clock went right again.

    Whether it is known when that was. Nothing is changed where it is not.
    """
    with database.writing() as connection:
        since = _right_since(connection, late)
        if since is None:
            return False
        for table, columns in (
            ("entries", ("created_at", "last_hit_at")),
            ("apps", ("last_seen_at",)),
            ("cells", ("last_seen_at", "retired_at")),
            ("lookups", ("at",)),
        ):
            for column in columns:
                connection.execute(
                    f"UPDATE {table} SET {column} = :since WHERE {column} > :late",
                    {"late": late, "since": since},
                )
    return True


def _right_since(connection: sqlite3.Connection, late: float) -> float | None:
    """The first lookup by today's clock after the last one by the other."""
    first, last = connection.execute(
        "SELECT min(at), max(at) FROM lookups WHERE lookup_id >"
        " (SELECT coalesce(max(lookup_id), 0) FROM lookups WHERE at > ?)",
        (late,),
    ).fetchone()
    return first if first is not None and last - first >= _PROOF else None
