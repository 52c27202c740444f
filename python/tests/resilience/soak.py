"""`npm run soak`: the long form of every suite, and the figures it comes to."""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import marimo

from marimo_cellar.checking import checking
from marimo_cellar.database.database import database_in
from tests import kernels
from tests.conftest import write_notebook
from tests.resilience import (
    crowd,
    differing,
    failing,
    hostile,
    killed_kernels,
    killing,
    powercut,
)
from tests.resilience.disk import CannotFail


@dataclass(frozen=True)
class Outcome:
    """A row of the report; `problems` should be none."""

    suite: str
    done: str
    found: str
    problems: list[str]


# Each is given a folder, a seed, and how much of it all to do.
Suite = Callable[[Path, int, float], Outcome]


def killed_workers(folder: Path, seed: int, scale: float) -> Outcome:
    figures = killing.kill(folder, int(1000 * scale), seed)
    midst = ", ".join(
        f"{count} of `{what}`" for what, count in sorted(figures.cut_off.items())
    )
    return Outcome(
        "Killed workers",
        f"{figures.kills:,} `kill -9`, two workers always at work on one cache; in the "
        f"middle {midst}",
        f"{figures.acknowledged:,} saves and clears were told as done; in a look at all "
        f"of them every {killing.LOOK_EVERY} kills, {figures.kept:,} saves were looked "
        f"for and found; {figures.swept} files were left, and gone with the first "
        "clean-up an hour later",
        figures.problems,
    )


def killed_migrations(folder: Path, seed: int, scale: float) -> Outcome:
    figures = killing.kill_migrations(folder, int(100 * scale) or 1, seed)
    midst = ", ".join(
        f"{count} `{what}`" for what, count in sorted(figures.cut_off.items())
    )
    return Outcome(
        "Killed migrations",
        f"{figures.kills} `kill -9` of a process that brings a cache up to a later "
        f"format: {midst}",
        f"each time the next one found one format or the other; {figures.kept:,} "
        "saves were looked for and found",
        figures.problems,
    )


def kernels_killed(folder: Path, seed: int, scale: float) -> Outcome:
    home = folder / "home"
    home.mkdir()
    env = kernels.environment(kernels.build(folder / "shipped"), home)
    write = partial(write_notebook, folder)
    figures = killed_kernels.kill(folder, write, env, int(12 * scale) or 1, seed)
    return Outcome(
        "Killed kernels",
        f"{figures.kills} `kill -9` of `marimo export` somewhere in its run",
        f"{figures.entries} times an entry was looked for and found after a kill; the "
        "last run came to the outputs of one that was never killed",
        figures.problems,
    )


def power_cuts(folder: Path, seed: int, scale: float) -> Outcome:
    rounds = max(1, int(5 * scale))
    all_ = [
        powercut.cut_power(folder / str(number), 100, seed + number)
        for number in range(rounds)
    ]
    acknowledged = sum(figures.acknowledged for figures in all_)
    kept = sum(figures.kept for figures in all_)
    return Outcome(
        "Power cuts",
        f"{rounds * 100:,} disks put together from {rounds} traces, as a cut at any "
        "moment may leave them",
        f"of {acknowledged:,} saves told as done before a cut {kept:,} were served "
        "right; the others were misses, since a commit is not flushed",
        [problem for figures in all_ for problem in figures.problems],
    )


def disks(folder: Path, seed: int, scale: float) -> Outcome:
    figures = failing.run(int(100 * scale) or 1, seed)
    return Outcome(
        "Failing disks",
        f"{figures.full_disks} disks full at some byte, {figures.failed_reads} workers "
        f"with one failed read, {figures.failing_disks} with reads that fail again and "
        "again",
        f"{figures.acknowledged:,} saves and clears were told as done; "
        f"{figures.kept:,} times a save was looked for afterwards and found; no rest of "
        "a write was left",
        figures.problems,
    )


def crowds(folder: Path, seed: int, scale: float, log: bool) -> Outcome:
    figures = crowd.crowd(folder, 8, 60 * scale, seed, log)
    wrong = [str(one) for one in checking.audit(database_in(folder / "cache"))]
    logged = f"the log had {figures.largest_log / 2**20:.1f} MiB at most; "
    return Outcome(
        "A crowd" if log else "A crowd without a log",
        f"8 processes of mixed work on one cache for {figures.seconds:.0f} s",
        f"{figures.operations:,} operations, {figures.writes:,} transactions that "
        f"write; the longest wait of a writer was {figures.longest_wait:.2f} s, 99 of "
        f"100 were below {figures.wait_99 * 1000:.0f} ms; {logged if log else ''}"
        "nobody met a lock",
        figures.warnings + figures.wrong + wrong,
    )


def made_up(folder: Path, seed: int, scale: float) -> Outcome:
    counts = {}
    for name in hostile.DECODERS:
        place = folder / name
        place.mkdir()
        counts[name] = hostile.run(name, int(50_000 * scale), seed, place)
    shares = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    return Outcome(
        "Made-up bytes",
        f"{sum(counts.values()):,} cases: {shares}",
        "each was refused, a miss, or right",
        [],
    )


def notebooks(folder: Path, seed: int, scale: float) -> Outcome:
    shipped = kernels.build(folder / "shipped")
    figures = differing.compare(folder, shipped, int(8 * scale) or 1, 6, seed)
    return Outcome(
        "Made-up notebooks",
        f"{figures.notebooks} notebooks of made-up cells, edited between their runs, each "
        f"run {figures.runs // figures.notebooks} times without a cache, with marimo's "
        "files and with Cellar",
        f"{figures.seen:,} values were the same with Cellar as without a cache; "
        f"{figures.ran['cellar']:,} cells, functions and blocks ran, and with files "
        f"{figures.ran['files']:,}",
        figures.problems,
    )


SUITES: tuple[Suite, ...] = (
    partial(crowds, log=True),
    partial(crowds, log=False),
    killed_workers,
    killed_migrations,
    kernels_killed,
    power_cuts,
    disks,
    notebooks,
    made_up,
)


def main() -> int:
    """Runs them all; the exit code, which is 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="npm run soak --")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--scale", type=float, default=1.0)
    given = parser.parse_args()
    seed, load = hostile.seed(), os.getloadavg()[0]
    print(f"CELLAR_SEED={seed}", flush=True)
    outcomes = []
    for suite in SUITES:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            outcome = _outcome(suite, Path(folder), seed, given.scale)
        outcomes.append(outcome)
        seconds = time.monotonic() - began
        print(f"{outcome.suite}: {outcome.done}: {outcome.found} ({seconds:.0f} s)")
        for problem in outcome.problems[:20]:
            print(f"  WRONG: {problem}", file=sys.stderr)
        sys.stdout.flush()
    if given.report and given.scale == 1:
        given.report.write_text(_report(outcomes, seed, load), "utf-8")
    return 1 if any(outcome.problems for outcome in outcomes) else 0


def _outcome(suite: Suite, folder: Path, seed: int, scale: float) -> Outcome:
    try:
        return suite(folder, seed, scale)
    except CannotFail as reason:
        return Outcome("Not run", str(reason), "nothing", [])
    except AssertionError as error:
        return Outcome("Made-up bytes", "some cases", "a fault", [str(error)])


def _report(outcomes: list[Outcome], seed: int, load: float) -> str:
    rows = "\n".join(
        f"| {one.suite} | {one.done} | {one.found} | {len(one.problems)} |"
        for one in outcomes
    )
    return f"""# Resilience

Written by `npm run soak` on {time.strftime("%Y-%m-%d", time.gmtime())}. Machine: {_machine()}; {load:.1f} processes wanted a core when it began. Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, marimo {marimo.__version__}. `CELLAR_SEED={seed}` repeats its choices, though not the moments at which processes meet.

| suite | what was done | what came of it | wrong |
| --- | --- | --- | --- |
{rows}

All but the last end with `marimo_cellar.checking.checking.audit`: rows against one another, against their bytes and against files. What it finds counts as wrong, and so does a value that is not the one saved, an acknowledged save that is not there (after a power cut, and where reads fail again and again, it may be lost), a worker that ended by itself, and in a crowd a warning.

## What to conclude

- A killed process loses nothing that it was told is saved, by `put`, or by `flush` where it writes behind, as a kernel does until the end of a run. What it leaves half done is never served. `kill -9` loses nothing that the system was handed, so this says nothing of power cuts.
- After a power cut the cache opens, and what it serves is right; what was saved in the moments before, up to the last checkpoint, may be gone. The disks are put together from what was written and flushed, harsher than file systems are; a disk that lies about flushing is not among them.
- The waits of writers depend on the machine and its disk, and on whatever else it does: read them as an order of magnitude.
"""


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, "
        f"{platform.system()} {platform.machine()}"
    )


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
