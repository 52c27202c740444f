"""Made-up notebooks in real kernels: without a cache, with marimo's files, with Cellar.

What is seen with Cellar is what is seen without a cache, and nothing runs with it that
does not run with files.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from marimo_cellar.checking import checking
from marimo_cellar.database.database import database_in
from tests import kernels
from tests.resilience.notebooks import HELPER, TRACE, Notebook, make_up

_SIDES = ("nothing", "files", "cellar")


@dataclass
class Figures:
    """`seen` counts values that were compared, `ran` cells, functions and blocks that
    ran with files, and with Cellar; the cells that only see are not among them."""

    notebooks: int = 0
    runs: int = 0
    seen: int = 0
    ran: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Traced:
    ran: Counter[str]
    seen: dict[str, str]
    printed: str


def compare(
    folder: Path, shipped: Path, notebooks: int, runs: int, seed: int
) -> Figures:
    """Runs so many notebooks so often, each edited between its runs."""
    figures = Figures()
    for number in range(notebooks):
        notebook = make_up(seed + number)
        figures.notebooks += 1
        for run in range(runs):
            traced = {
                side: _run(folder / str(number), side, notebook, shipped)
                for side in _SIDES
            }
            where = f"notebook {seed + number}, run {run}"
            _note(figures, where, notebook, traced)
            notebook.edit()
        cache = folder / str(number) / "cellar" / "__marimo__" / "cache"
        figures.problems += map(str, checking.audit(database_in(cache)))
    return figures


def _note(
    figures: Figures, where: str, notebook: Notebook, traced: Mapping[str, _Traced]
) -> None:
    plain, files, ours = (traced[side] for side in _SIDES)
    figures.runs += 1
    figures.seen += len(plain.seen)
    figures.ran["files"] += files.ran.total()
    figures.ran["cellar"] += ours.ran.total()
    kinds = {cell.variable: cell.kind for cell in notebook.cells}
    figures.problems += [
        f"{where}: the {kind} {name} is {ours.seen.get(name)}, not {plain.seen.get(name)}"
        + (
            "; so it is with files"
            if ours.seen.get(name) == files.seen.get(name)
            else ""
        )
        for name, kind in kinds.items()
        if ours.seen.get(name) != plain.seen.get(name)
    ]
    # With files alone, a cell that reads what marimo cannot hash fails, and who calls a
    # cached function is served what that returned before it was edited: then others run.
    right = {name for name in files.seen if files.seen[name] == plain.seen.get(name)}
    is_right = right >= plain.seen.keys()
    figures.problems += [
        f"{where}: {name} ran ({kinds[name.split()[0]]}), and not with files"
        for name in ours.ran - files.ran
        if (name in right if name in kinds else is_right)
    ]
    figures.problems += [
        f"{where}: {line}" for line in ours.printed.splitlines() if "Cellar: " in line
    ]


def _run(folder: Path, side: str, notebook: Notebook, shipped: Path) -> _Traced:
    folder = folder / side
    folder.mkdir(parents=True, exist_ok=True)
    if side == "nothing":
        shutil.rmtree(folder / "__marimo__", ignore_errors=True)
    (folder / "trace.py").write_text(TRACE)
    (folder / "helper.py").write_text(HELPER)
    path = folder / "notebook.py"
    path.write_text(notebook.text(cached=side != "nothing"), "utf-8")
    trace = folder / "trace.txt"
    trace.write_text("")
    home = folder / "home"
    home.mkdir(exist_ok=True)
    env = kernels.environment(shipped if side == "cellar" else None, home)
    run = kernels.export(path, {**env, "CELLAR_TEST_TRACE": str(trace)})
    lines = [json.loads(line) for line in trace.read_text().splitlines()]
    return _Traced(
        Counter(name for what, name, *_ in lines if what == "ran"),
        {
            name: re.sub("0x[0-9a-f]+", "0x", values[0])
            for what, name, *values in lines
            if what == "seen"
        },
        run.printed,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--notebooks", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp())
    shipped = kernels.build(folder / "shipped")
    figures = compare(folder, shipped, given.notebooks, given.runs, given.seed)
    print(json.dumps(vars(figures), indent=1))
