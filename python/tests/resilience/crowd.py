"""Many processes at mixed work on one cache, and what they had to wait for.

`python -m tests.resilience.crowd FOLDER --seconds 5` prints the figures as JSON.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import multiprocessing
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from marimo_cellar.database.checkpoints import log_size
from marimo_cellar.database.database import Database, database_in
from tests.resilience.work import Worker


@dataclass
class Figures:
    """What a crowd met. Waits are in seconds, from the call of `Database.writing`
    to the begin of its transaction; sizes are in bytes."""

    processes: int
    seconds: float
    seed: int
    operations: int
    writes: int
    longest_wait: float
    wait_99: float
    largest_log: int
    warnings: list[str]
    wrong: list[str]


def crowd(
    folder: Path, processes: int, seconds: float, seed: int, log: bool = True
) -> Figures:
    """Lets them all begin at once, on a folder that has no cache yet; without a `log`,
    on one with an empty cache that has a rollback journal."""
    if not log:
        _begin_without_log(folder / "cache")
    context = multiprocessing.get_context("spawn")
    names = [f"w{number}" for number in range(processes)]
    crowd = []
    for number in range(processes):
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_work, args=(folder, names, number, seconds, seed, theirs)
        )
        process.start()
        theirs.close()
        crowd.append((process, ours))
    try:
        for _, pipe in crowd:
            pipe.recv()
        for _, pipe in crowd:
            pipe.send("begin")
        largest = _watch(folder, [pipe for _, pipe in crowd])
        results = [pipe.recv() for _, pipe in crowd]
        for process, _ in crowd:
            process.join()
    finally:
        for process, _ in crowd:
            if process.is_alive():
                process.kill()
    waits = sorted(wait for result in results for wait in result["waits"])
    return Figures(
        processes,
        seconds,
        seed,
        sum(result["operations"] for result in results),
        len(waits),
        max(waits),
        waits[int(len(waits) * 0.99)],
        largest,
        [line for result in results for line in result["warnings"]],
        [line for result in results for line in result["wrong"]],
    )


def _begin_without_log(folder: Path) -> None:
    database = database_in(folder)
    with database.writing():
        pass
    database.close()
    with closing(sqlite3.connect(database.path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


def _watch(folder: Path, pipes: list[Connection]) -> int:
    """The largest log while they work, until all have something to say."""
    largest = 0
    while not all(pipe.poll() for pipe in pipes):
        largest = max(largest, log_size(folder / "cache" / "cache.db"))
        time.sleep(0.002)
    return largest


def _work(
    folder: Path, names: list[str], number: int, seconds: float, seed: int, pipe: Any
) -> None:
    # Imports show how far they are.
    sys.stderr = io.StringIO()
    warnings = _Warnings()
    logging.getLogger("marimo.cellar").addHandler(warnings)
    waits: list[float] = []
    _measure(waits)
    wrong: list[str] = []
    worker = Worker(folder, names[number], names, seed + number, lambda *_: None)
    pipe.send("ready")
    pipe.recv()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            worker.step()
        except Exception as error:
            wrong.append(repr(error))
    pipe.send(
        {
            "operations": worker.done,
            "waits": waits,
            "warnings": warnings.lines,
            "wrong": wrong,
        }
    )


def _measure(waits: list[float]) -> None:
    """Notes how long each transaction of this process waits for its begin."""
    writing = Database.writing

    @contextmanager
    def measured(
        self: Database, folding: bool = True, little: bool = False
    ) -> Iterator[Any]:
        asked = time.monotonic()
        with writing(self, folding, little) as connection:
            waits.append(time.monotonic() - asked)
            yield connection

    Database.writing = measured  # type: ignore[method-assign]


class _Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--no-log", action="store_true")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp())
    figures = crowd(
        folder, given.processes, given.seconds, given.seed, not given.no_log
    )
    print(json.dumps(asdict(figures), indent=1))
