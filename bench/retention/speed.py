"""`npm run retention -- --speed`: how long it takes to prune 100,000 entries to half.

Once alone, and once beside a process that writes all the time and notes how long it
waits for its turn. Printed, not asserted: it depends on the machine, and on who else is
at work on it, so the processor's time is printed too. At the priority that it is run
with: `nice -n 19 npm run retention -- --speed` for the lowest.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import select
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from marimo_cellar.cleaning import pruning, retention
from marimo_cellar.database.database import Database, database_in

ENTRIES = 100_000
CELLS = 1000
SIZE = 1000


def main() -> None:
    if sys.argv[1:2] == ["--write"]:
        write(database_in(Path(sys.argv[2])))
        return
    with tempfile.TemporaryDirectory() as folder:
        filled, alone, beside = (Path(folder, name) for name in ("0", "1", "2"))
        database = database_in(filled)
        with database.writing() as connection:
            fill(connection)
        database.fold_log()
        # Closed, so that the file is all of it, and no lock of it is lost.
        database.close()
        for copy in (alone, beside):
            shutil.copytree(filled, copy)
        print(f"{ENTRIES} entries of {SIZE} bytes, at a nice value of {os.nice(0)}.")
        print(f"Alone: {pruned(database_in(alone))}.")
        with subprocess.Popen(
            [sys.executable, __file__, "--write", str(beside)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            assert writer.stdin is not None and writer.stdout is not None
            writer.stdout.readline()
            told = pruned(database_in(beside))
            writer.stdin.close()
            waits = sorted(json.loads(writer.stdout.readline()))
        print(
            f"Beside a writer: {told}; of {len(waits)} writes half waited for their "
            f"turn for less than {waits[len(waits) // 2] * 1000:.1f} ms, 99 in 100 for "
            f"less than {waits[len(waits) * 99 // 100] * 1000:.0f} ms, the longest for "
            f"{waits[-1] * 1000:.0f} ms"
        )


def pruned(database: Database) -> str:
    with database.reading() as connection:
        assert connection is not None
        budget = retention.used(connection) // 2
    cpu, began = time.process_time(), time.perf_counter()
    planned = pruning.plan(database, budget, time.time())
    chosen = time.perf_counter()
    outcome = pruning.prune(
        database, planned, budget, "command", time.time(), whole=False
    )
    ended = time.perf_counter()
    cpu = time.process_time() - cpu
    database.close()
    return (
        f"{outcome.cleaning.entries} evicted in {ended - began:.1f} s ({cpu:.1f} s of "
        f"the processor), of which {chosen - began:.1f} s to choose; the write lock was "
        f"held for {outcome.slowest * 1000:.0f} ms at most"
    )


def write(database: Database) -> None:
    """Writes a little, as a kernel does, every 5 ms until its input ends; prints how
    long it waited for each turn, in seconds."""
    waits = []
    print("begun", flush=True)
    while not select.select([sys.stdin], [], [], 0.005)[0]:
        began = time.perf_counter()
        with database.writing(folding=False) as connection:
            waits.append(time.perf_counter() - began)
            connection.execute("UPDATE apps SET last_seen_at = ?", (time.time(),))
    print(json.dumps(waits))


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
