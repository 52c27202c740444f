"""`check`: what is wrong with a cache, and puts it right when told."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from marimo_cellar import _marimo, damage
from marimo_cellar.checking import Stock, problems, take_stock
from marimo_cellar.commands.amounts import counted, told_size
from marimo_cellar.commands.caches import database_of, existing
from marimo_cellar.commands.progress import Progress
from marimo_cellar.database import Database
from marimo_cellar.findings import Problem
from marimo_cellar.repairing import Repairs, repair

# Of one kind, so many are listed; the rest is counted.
_LISTED = 10
# What is behind a damage shows only once that is repaired.
_ROUNDS = 3


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
    repairs: list[Repairs] = []
    while arguments.repair and left and len(repairs) < _ROUNDS:
        repairs.append(repair(database, left))
        left = _check(database)
    stock = take_stock(database, _marimo.CACHE_FORMAT)
    aside = damage.set_aside(database.path)
    if arguments.json:
        print(json.dumps(_as_json(database, found, repairs, left, stock, aside)))
    else:
        _print(database, found, repairs, left)
        _print_stock(stock, aside)
    return 1 if left else 0


def _check(database: Database) -> list[Problem]:
    progress = Progress("Checking", 0, told_size)
    return list(problems(database, step=progress.at))


def _as_json(
    database: Database,
    found: list[Problem],
    repairs: list[Repairs],
    left: list[Problem],
    stock: Stock,
    aside: list[Path],
) -> dict[str, object]:
    def plain(problem: Problem) -> dict[str, str]:
        return {
            "kind": problem.kind,
            "about": problem.about,
            "message": problem.message,
        }

    return {
        "database": str(database.path),
        "problems": [plain(problem) for problem in found],
        "repairs": [line for one in repairs for line in one.lines()],
        "left": [plain(problem) for problem in left],
        **asdict(stock),
        "set_aside": [str(path) for path in aside],
    }


def _print(
    database: Database,
    found: list[Problem],
    repairs: list[Repairs],
    left: list[Problem],
) -> None:
    print(f"{database.path}: {_count(found)}.")
    _list(found)
    if repairs:
        print("Repair:")
        for one in repairs:
            for line in one.lines():
                print(f"  {line}")
        print(f"After it: {_count(left)}.")
        _list(left)
    elif found:
        print("Run it again with --repair to put this right.")


def _count(found: list[Problem]) -> str:
    if not found:
        return "nothing is wrong"
    return counted(len(found), "problem", "problems")


def _list(found: list[Problem]) -> None:
    for kind in dict.fromkeys(problem.kind for problem in found):
        alike = [problem for problem in found if problem.kind == kind]
        for problem in alike[:_LISTED]:
            print(f"  {kind}: {problem}")
        if len(alike) > _LISTED:
            print(f"  {kind}: and {len(alike) - _LISTED} more")


def _print_stock(stock: Stock, aside: list[Path]) -> None:
    print(f"{counted(stock.entries, 'entry', 'entries')}, {told_size(stock.size)}.")
    if stock.quarantined:
        print(
            f"{counted(stock.quarantined, 'damaged value is', 'damaged values are')} kept "
            f"aside, {told_size(stock.quarantined_size)}. Such values are never served, "
            "and are replaced when their cells are computed again."
        )
    if stock.obsolete:
        print(
            f"{counted(stock.obsolete, 'entry is', 'entries are')} obsolete: of a cache "
            "format that the marimo installed here does not write."
        )
    for path in aside:
        print(
            f"{path} was set aside as damaged, {told_size(path.stat().st_size)}. "
            "Delete it when you have no use for it."
        )
