"""Real kernels killed in the middle of a run, and what the next one finds."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from marimo_cellar.checking import checking
from marimo_cellar.database.database import database_in
from tests import kernels
from tests.conftest import Write


@dataclass
class Figures:
    """`entries` counts those that were there after each kill, and had to stay."""

    kills: int
    seed: int
    entries: int = 0
    problems: list[str] = field(default_factory=list)


# Small and large values, saved by marimo's own threads, which the kill cuts off.
_CELLS = {
    f"cell{number}": f'ran("cell{number}"); v{number} = bytes([{number}]) * {size};'
    f" len(v{number})"
    for number, size in enumerate((100, 3_000_000, 70_000, 8_000_000, 20, 500_000))
}


def kill(
    folder: Path, write: Write, env: dict[str, str], kills: int, seed: int
) -> Figures:
    """Kills so many kernels on one notebook, each somewhere in its run."""
    chance = random.Random(seed)
    figures = Figures(kills, seed)
    whole = write("whole.py", folder=folder / "whole", **_CELLS)
    began = time.monotonic()
    good = kernels.export(whole, env)
    length = time.monotonic() - began
    notebook = write("killed.py", folder=folder / "killed", **_CELLS)
    before: set[str] = set()
    for _ in range(kills):
        # Most of the time goes into the start, and there is nothing to lose then.
        _run_and_kill(notebook, env, length * chance.uniform(0.4, 1.1))
        before = _look(notebook, before, figures)
        figures.entries += len(before)
    run = kernels.export(notebook, env)
    if run.outputs != good.outputs:
        figures.problems.append("the run after the last kill came to other outputs")
    _look(notebook, before, figures)
    return figures


def _run_and_kill(notebook: Path, env: dict[str, str], seconds: float) -> None:
    process = subprocess.Popen(
        kernels.export_html(notebook, env),
        env=env,
        cwd=notebook.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # So that the kernel, if it is a process of its own, goes too.
        start_new_session=True,
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _look(notebook: Path, before: set[str], figures: Figures) -> set[str]:
    """The entries that are there; those that were there before must be."""
    database = database_in(kernels.cache_of(notebook))
    figures.problems += [str(problem) for problem in checking.audit(database)]
    with database.reading() as connection:
        rows = connection.execute("SELECT hash FROM entries") if connection else []
        now = {hash for (hash,) in rows}
    figures.problems += [f"the entry {hash} is gone" for hash in before - now]
    return now
