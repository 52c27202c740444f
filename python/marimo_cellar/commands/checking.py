"""`check`: what is wrong with a cache, and puts it right when told."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from marimo_cellar import _marimo
from marimo_cellar.amounts import counted, told_size
from marimo_cellar.checking.checking import Stock, problems, take_stock
from marimo_cellar.checking.findings import Kind, Problem
from marimo_cellar.checking.owners import Owner, owners_of
from marimo_cellar.checking.repairing import Repairs, repair
from marimo_cellar.commands.caches import database_of, existing
from marimo_cellar.commands.naming import notebook_name
from marimo_cellar.commands.progress import Progress
from marimo_cellar.database import damage
from marimo_cellar.database.database import Database

# Of one kind, so many are listed; the rest is counted.
_LISTED = 10
# Of a value that many cells share, so many of them.
_CELLS = 3
# What is behind a damage shows only once that is repaired.
_ROUNDS = 3

# Of these kinds, what a run finds wrong is a miss.
_LOST: frozenset[Kind] = frozenset(
    [
        *("seal", "no-items", "not-whole", "manifest", "wrong-name", "missing-file"),
        *("wrong-size", "wrong-bytes"),
    ]
)


def add_to(commands: Any) -> None:
    """Adds the command to argparse's subparsers."""
    parser = commands.add_parser(
        "check",
        help="compare rows, bytes and files, and put right what is wrong",
        description="Compares rows with one another, with their bytes and with the "
        "files, both ways. The exit code is 1 if something is wrong.",
    )
    parser.add_argument(
        "path",
        nargs="?",
        type=Path,
        default=Path(),
        metavar="PATH",
        help="a notebook, a folder or a cache.db; the working folder's if left out",
    )
    parser.add_argument(
        "--repair",
        action="store_true",
        help="mark wrong bytes, remove what cannot be served or is not needed, and "
        "set a database aside that cannot be read",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    database = existing(database_of(arguments.path))
    found = left = _check(database)
    # Before they go.
    owners = owners_of(database, found)
    repairs: list[Repairs] = []
    while arguments.repair and left and len(repairs) < _ROUNDS:
        repairs.append(repair(database, left))
        left = _check(database)
    if repairs:
        owners = {**owners, **owners_of(database, left)}
    report = _Report(database, found, repairs, left, owners)
    stock = take_stock(database, _marimo.CACHE_FORMAT)
    aside = damage.set_aside(database.path)
    if arguments.json:
        named = {"set_aside": [str(path) for path in aside]}
        print(json.dumps({**report.as_json(), **asdict(stock), **named}))
    else:
        report.print()
        _print_stock(stock, aside)
    return 1 if left else 0


def _check(database: Database) -> list[Problem]:
    progress = Progress("Checking", 0, told_size)
    return list(problems(database, step=progress.at))


@dataclass(frozen=True)
class _Report:
    """What was `found`, what was done about it, and what is `left` then; `owners` are those
    of all problems."""

    database: Database
    found: list[Problem]
    repairs: list[Repairs]
    left: list[Problem]
    owners: Mapping[Problem, tuple[Owner, ...]]

    def as_json(self) -> dict[str, object]:
        return {
            "database": str(self.database.path),
            "problems": list(map(self._as_json, self.found)),
            "repairs": [line for one in self.repairs for line in one.lines()],
            "left": list(map(self._as_json, self.left)),
        }

    def _as_json(self, problem: Problem) -> dict[str, object]:
        return {
            "kind": problem.kind,
            "about": problem.about,
            "message": problem.message,
            "cells": [
                {
                    "notebook": os.path.normpath(self.database.folder / owner.app),
                    "cell": owner.cell,
                }
                for owner in self.owners[problem]
            ],
        }

    def print(self) -> None:
        print(f"{self.database.path}: {_count(self.found)}.")
        self._list(self.found)
        if self.repairs:
            print("Repair:")
            for one in self.repairs:
                for line in one.lines():
                    print(f"  {line}")
            print(f"After it: {_count(self.left)}.")
            self._list(self.left)
        elif self.found:
            if any(problem.kind in _LOST for problem in self.found):
                print(
                    "None of it is served: the next run of a cell computes again what is "
                    "damaged or missing."
                )
            print("Run it again with --repair to put this right.")

    def _list(self, problems: list[Problem]) -> None:
        for kind in dict.fromkeys(problem.kind for problem in problems):
            alike = [problem for problem in problems if problem.kind == kind]
            for problem in alike[:_LISTED]:
                print(f"  {kind}: {self._line(problem)}")
            if len(alike) > _LISTED:
                print(f"  {kind}: and {len(alike) - _LISTED} more")

    def _line(self, problem: Problem) -> str:
        """By the cells that lose by it, where there are any."""
        owners = self.owners[problem]
        cells = [
            f"{owner.cell or '(no code)'} of {notebook_name(self.database, owner.app)}"
            for owner in owners[:_CELLS]
        ]
        if len(owners) > _CELLS:
            cells.append(f"{len(owners) - _CELLS} more")
        if not cells:
            return str(problem)
        return f"{', '.join(cells)}: {problem.message} ({problem.about})"


def _count(found: list[Problem]) -> str:
    if not found:
        return "nothing is wrong"
    return counted(len(found), "problem", "problems")


def _print_stock(stock: Stock, aside: list[Path]) -> None:
    print(f"{counted(stock.entries, 'result', 'results')}, {told_size(stock.size)}.")
    if stock.quarantined:
        print(
            f"{counted(stock.quarantined, 'damaged value is', 'damaged values are')} kept "
            f"aside, {told_size(stock.quarantined_size)}. Such values are never served, "
            "and are replaced when their cells are computed again."
        )
    if stock.obsolete:
        print(
            f"{counted(stock.obsolete, 'result is', 'results are')} obsolete: of a cache "
            "format that the marimo installed here does not write."
        )
    for path in aside:
        files = [path, *damage.logs_of(path)]
        size = told_size(sum(file.stat().st_size for file in files))
        also = "".join(f" and {log}" for log in files[1:])
        print(
            f"{path} was set aside as damaged, {size}. "
            f"Delete it{also} when you have no use for it."
        )
