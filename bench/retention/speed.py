"""`npm run retention -- --speed`: how long it takes to prune 100,000 entries to half.

Printed, not asserted: it depends on the machine, and on who else is at work on it.
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
import tempfile
import time
from pathlib import Path

from marimo_cellar import pruning, retention
from marimo_cellar.database import database_in

ENTRIES = 100_000
CELLS = 1000
SIZE = 1000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = database_in(Path(folder) / "cache")
        with database.writing() as connection:
            fill(connection)
            used = retention.used(connection)
        database.fold_log()
        began = time.perf_counter()
        planned = pruning.plan(database, used // 2, time.time())
        chosen = time.perf_counter()
        outcome = pruning.prune(
            database, planned, used // 2, "command", time.time(), whole=False
        )
        ended = time.perf_counter()
        database.close()
    print(
        f"{ENTRIES} entries of {SIZE} bytes, {outcome.cleaning.entries} evicted: "
        f"{ended - began:.1f} s, of which {chosen - began:.1f} s to choose; the "
        f"longest transaction took {outcome.slowest * 1000:.0f} ms"
    )


def fill(connection: sqlite3.Connection) -> None:
    """Results of functions, a value each, of a thousand cells in a random order."""
    rng = random.Random(1)
    # Not counted one by one while they come.
    triggers = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    connection.executemany(
        "INSERT INTO apps (path, last_seen_at) VALUES (?, 0)",
        [(f"{number}.py",) for number in range(20)],
    )
    connection.executemany(
        "INSERT INTO cells (app_id, ordinal, code, last_seen_at) VALUES (?, ?, '', 0)",
        [(1 + number % 20, number) for number in range(CELLS)],
    )
    cells = [rng.randrange(CELLS) + 1 for _ in range(ENTRIES)]
    digests = [hashlib.sha256(b"%d" % number).digest() for number in range(ENTRIES)]
    connection.executemany(
        "INSERT INTO entries (cell_id, cache_name, cache_type, hash, loader, node,"
        " runtime, created_at, hits) VALUES (?, 'ask', 'P', ?, 'pickle', ?, ?, ?, ?)",
        (
            (cell, digest.hex()[:43], b"n" * 32, rng.random(), number, rng.randrange(4))
            for number, (cell, digest) in enumerate(zip(cells, digests, strict=True))
        ),
    )
    connection.executemany(
        "INSERT INTO blobs (digest, size, crc32, content) VALUES (?, ?, 0, ?)",
        ((digest, SIZE, bytes(SIZE)) for digest in digests),
    )
    connection.executemany(
        "INSERT INTO items (cell_id, entry_id, key, name, format, digest, seal)"
        " VALUES (?, ?, ?, 'return', 'pickle', ?, 0)",
        (
            (cell, number, f"ask/P_{digest.hex()[:43]}.pickle", digest)
            for number, (cell, digest) in enumerate(
                zip(cells, digests, strict=True), start=1
            )
        ),
    )
    connection.execute(
        "INSERT INTO totals SELECT cell_id, count(*), count(*) * ?, total(runtime)"
        " FROM entries GROUP BY cell_id",
        (SIZE,),
    )
    connection.execute("UPDATE usage SET size = ?", (ENTRIES * (SIZE + 2048),))
    for _, sql in triggers:
        connection.execute(sql)


if __name__ == "__main__":
    main()
