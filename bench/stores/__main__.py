"""`python -m stores`: measures, and prints a line of JSON for every result.

Run by bench/main.ts, in the folder above and in the benchmark's own environment.
"""

from __future__ import annotations

import argparse
import compileall
import dataclasses
import json
import os
import platform
import shutil
import sqlite3
import sys
import tempfile
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

from . import (
    disk,
    entries,
    many,
    mapped,
    memory,
    mixed,
    notebooks,
    pagecache,
    presence,
    values,
)
from .rounds import Case, results_of

WORKLOADS = (values, presence, entries, mapped, mixed, many, disk, memory, notebooks)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m stores")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--list", action="store_true", help="print the ids and end")
    parser.add_argument("--rounds", type=int, help="instead of each case's own")
    parser.add_argument("--only", help="ids, or what they begin with, by commas")
    parser.add_argument("--package", type=Path, required=True)
    given = parser.parse_args()
    chosen = [
        case
        for workload in WORKLOADS
        for case in workload.cases(given.quick)
        if given.only is None or _is_named(case, given.only.split(","))
    ]
    if given.list:
        print(json.dumps([id for case in chosen for id in case.ids]))
        return
    with tempfile.TemporaryDirectory(prefix="cellar-bench-package-") as folder:
        _prepare(_installed(given.package, Path(folder)))
        _measure(given, chosen)


def _measure(given: argparse.Namespace, chosen: list[Case]) -> None:
    print(json.dumps({"machine": _machine()}), flush=True)
    rounds = 1 if given.quick and given.rounds is None else given.rounds
    for case in chosen:
        begun = perf_counter()
        for result in results_of(case, rounds):
            print(json.dumps({"result": dataclasses.asdict(result)}), flush=True)
        print(f"{', '.join(case.ids)}: {perf_counter() - begun:.1f} s", file=sys.stderr)


def _is_named(case: Case, names: list[str]) -> bool:
    """By the whole id, or by its part before the slash."""
    return any(id in names or id.partition("/")[0] in names for id in case.ids)


def _installed(package: Path, folder: Path) -> Path:
    """The package as users have it, which an installer compiles, as it did marimo.

    From its source each run of a notebook would compile it once more. In a folder of
    that name, since marimo's kernel resolves the path of each module that is imported
    from any other.
    """
    installed = folder / "site-packages"
    shutil.copytree(
        package / "marimo_cellar",
        installed / "marimo_cellar",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    compileall.compile_dir(installed, quiet=1)
    return installed


def _prepare(package: Path) -> None:
    """What every measuring process has before it begins."""
    sys.path.insert(0, str(package.resolve()))
    # Before the fork, since each of them needs it; our own package is not, because
    # its import is part of what a notebook's run costs.
    # marimo's kernel is killed at the end of an export, which Python complains of.
    os.environ["PYTHONWARNINGS"] = (
        "ignore::UserWarning:multiprocessing.resource_tracker"
    )
    for name in ("marimo._cli.cli", "marimo._save.loaders", "numpy"):
        import_module(name)


def _machine() -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "versions": {
            name: version(name)
            for name in ("marimo", "diskcache", "joblib", "numpy", "isal")
        },
        "folder": _file_system(Path(tempfile.gettempdir())),
        "cold": pagecache.how(),
    }


def _file_system(folder: Path) -> str:
    """The type of file system that a folder is on, where the system says it."""
    try:
        lines = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return platform.system()
    mounts = [line.split()[1:3] for line in lines]
    fitting = [
        (len(place), kind)
        for place, kind in mounts
        if os.path.commonpath([place, folder.resolve()]) == place
    ]
    return max(fitting)[1]


if __name__ == "__main__":
    main()
