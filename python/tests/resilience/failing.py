"""Disks that are full at any byte, and reads that fail, under a worker.

A read that fails once loses nothing. Where reads fail again and again, no wonder
that a database is set aside: then nothing wrong may be served.

`python -m tests.resilience.failing --times 50` prints the figures as JSON. It starts
itself anew with `faults.c` between Python and the C library; its forks then set the
faults, so that each is soon there.
"""

from __future__ import annotations

import argparse
import ctypes
import io
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from marimo_cellar.database import schema
from tests.kernels import PACKAGE
from tests.resilience.disk import failing
from tests.resilience.forks import Slot
from tests.resilience.ledger import Ledger
from tests.resilience.looking import look
from tests.resilience.work import Missing, Worker

_STEPS = 25
# A disk is full after at most so many bytes; a worker writes about as many.
_MOST_ROOM = 3_000_000
# One read of so many fails.
_ODDS = (3, 10, 50, 200)


@dataclass
class Figures:
    """`acknowledged` counts the saves that were told as done; `kept` what of it was
    looked for and found once the disk was well again, many times over."""

    full_disks: int
    failed_reads: int
    failing_disks: int
    seed: int
    acknowledged: int = 0
    kept: int = 0
    problems: list[str] = field(default_factory=list)


def run(times: int, seed: int) -> Figures:
    """All of it, in a process that can. Raises `CannotFail`."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.resilience.failing",
            "--times",
            str(times),
            "--seed",
            str(seed),
        ],
        cwd=PACKAGE,
        env=failing(Path("/nowhere")),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Figures(**json.loads(done.stdout))


def fail(folder: Path, times: int, seed: int) -> Figures:
    """So many full disks and as many with failing reads, on one cache each."""
    chance = random.Random(seed)
    figures = Figures(times, times, times, seed)
    schema.expected_objects()
    for kind in ("full", "once", "often"):
        for number in range(times):
            _fail(folder / kind, kind, number, chance, figures)
    return figures


# What the forks of one folder told, over its life.
_ledgers: dict[Path, Ledger] = {}


def _fail(
    folder: Path, name: str, number: int, chance: random.Random, figures: Figures
) -> None:
    folder.mkdir(exist_ok=True)
    ledger = _ledgers.setdefault(folder, Ledger())
    before = ledger.acknowledged
    full = chance.randrange(_MOST_ROOM) if name == "full" else -1
    odds = 0 if name == "full" else chance.choice(_ODDS)
    often = 1 if name == "once" else 2**31
    seed = chance.randrange(2**31)

    def work(tell: Callable[[str, str, int], None]) -> None:
        sys.stderr = io.StringIO()
        tell("at", "beginning", 0)
        set_faults(folder, full, odds, often, seed)
        worker = Worker(folder, name, [name], seed, tell, (Missing,))
        for _ in range(_STEPS):
            worker.step()

    slot = Slot(name, ledger)
    slot.begin(work)
    was_at, status = slot.end()
    if status != 0:
        figures.problems.append(f"{name} {number}: a worker failed at {was_at}")
    found = look(folder, ledger, may_be_lost=name == "often")
    figures.problems += [f"{name} {number}: {problem}" for problem in found.problems]
    if found.partial_files:
        figures.problems.append(f"{name} {number}: the rest of a write is there")
    figures.kept += found.kept
    figures.acknowledged += ledger.acknowledged - before


def set_faults(folder: Path, full: int, odds: int, often: int, seed: int) -> None:
    """What fails from now on in this process, which began with `faults.c`."""
    preloaded = ctypes.CDLL(None)
    preloaded.cellar_faults.argtypes = (
        ctypes.c_char_p,
        ctypes.c_longlong,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_uint,
    )
    preloaded.cellar_faults(os.fsencode(folder.resolve()), full, odds, often, seed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    given = parser.parse_args()
    if "LD_PRELOAD" in os.environ:
        with tempfile.TemporaryDirectory() as temporary:
            figures = fail(Path(temporary), given.times, given.seed)
    else:
        figures = run(given.times, given.seed)
    print(json.dumps(asdict(figures), indent=1))
