"""`why`: what the last lookup of each cell of a notebook met, and why."""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from marimo_cellar.commands.caches import as_found
from marimo_cellar.database.apps import OUTSIDE, app_path
from marimo_cellar.database.database import Database, Unavailable, database_in
from marimo_cellar.database.naming import nameless
from marimo_cellar.lookups import reasons
from marimo_cellar.lookups.reasons import Reason
from marimo_cellar.notebook.titles import title_of
from marimo_cellar.settings import place


def add_to(commands: Any) -> None:
    """Adds the command to argparse's subparsers."""
    parser = commands.add_parser(
        "why",
        help="say why cells were not served from the cache",
        description="Says for each cell of a notebook what its last run met, and, if "
        "it was not served from the cache, why.",
    )
    parser.add_argument(
        "notebook", type=Path, metavar="NOTEBOOK", help="a notebook's file"
    )
    parser.add_argument(
        "cell",
        nargs="?",
        metavar="CELL",
        help="its name, a variable that it defines, or its number from 1; all cells if "
        "left out",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_run)


@dataclass(frozen=True)
class _Met:
    """What the last lookup of a cell met; nothing where it had none. `at` is in Unix
    seconds, `why` a sentence."""

    outcome: str | None = None
    at: float | None = None
    seconds: float | None = None
    why: str | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class _Cell:
    """A cell that is in the notebook."""

    cell_id: int
    number: int
    title: str
    name: str | None
    defs: tuple[str, ...]
    last: _Met

    def is_called(self, name: str) -> bool:
        return name in (self.name, str(self.number), *self.defs)


def _run(arguments: argparse.Namespace) -> int:
    notebook = Path(os.path.abspath(arguments.notebook))
    if not notebook.is_file():
        raise FileNotFoundError(f"There is no notebook {arguments.notebook}")
    folder = place.folder_of(notebook)
    if (why := nameless(folder, notebook)) is not None:
        raise Unavailable(f"Nothing of it can be cached: {why}")
    database = database_in(folder)
    with as_found(database):
        cells = _cells(database, notebook)
    if arguments.cell is not None:
        cells = _chosen(cells, arguments.cell, notebook)
    if arguments.json:
        print(json.dumps({"cells": [_as_json(cell) for cell in cells]}))
        return 0
    for cell in cells:
        print(f"{cell.number:>3}  {cell.title}: {_sentence(cell.last)}")
    return 0


def _cells(database: Database, notebook: Path) -> list[_Cell]:
    """In the order of the notebook. Raises FileNotFoundError where nothing is known."""
    # By SQLite alone, which is told what to say by `Unavailable`: of a newer format,
    # of somebody else's file.
    with database.reading() as connection:
        if connection is None:
            raise FileNotFoundError(
                f"Nothing of {notebook} is cached yet: there is no {database.path}"
            )
        rows = connection.execute(
            "SELECT cell_id, ordinal, cells.name, code, defs FROM cells"
            " JOIN apps USING (app_id) WHERE path = ? AND retired_at IS NULL"
            " AND ordinal >= 0 AND cells.name IS NOT ? ORDER BY ordinal, cell_id",
            (app_path(database.folder, notebook), OUTSIDE),
        ).fetchall()
        if not rows:
            raise FileNotFoundError(
                f"Nothing of {notebook} is cached yet in {database.path}"
            )
        titles = {
            cell_id: title_of(name, code) or "an empty cell"
            for cell_id, _, name, code, _ in rows
        }
        return [
            _Cell(
                cell_id,
                number,
                titles[cell_id],
                name,
                _names(defs),
                _last(connection, cell_id, titles),
            )
            for number, (cell_id, _, name, _, defs) in enumerate(rows, 1)
        ]


def _last(connection: sqlite3.Connection, cell_id: int, titles: dict[int, str]) -> _Met:
    # By the order in which they were written: a clock may have been ahead.
    row = connection.execute(
        "SELECT lookup_id, outcome, at, seconds, why FROM lookups"
        " WHERE cell_id = ? AND typeof(at) = 'real' ORDER BY lookup_id DESC LIMIT 1",
        (cell_id,),
    ).fetchone()
    if row is None:
        return _Met()
    lookup_id, outcome, at, seconds, why = row
    try:
        text = connection.execute(
            "SELECT reasons FROM reasons WHERE lookup_id = ?", (lookup_id,)
        ).fetchone()
    except sqlite3.OperationalError:
        # Format 1.0 has no more than a sentence.
        text = None
    found = tuple(reasons.parse(text[0])) if text is not None else ()
    sentence = reasons.sentence(found, titles.get) or why
    return _Met(outcome, at, seconds, sentence, found)


def _names(defs: str) -> tuple[str, ...]:
    try:
        found = json.loads(defs)
    except ValueError:
        return ()
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _chosen(cells: list[_Cell], name: str, notebook: Path) -> list[_Cell]:
    chosen = [cell for cell in cells if cell.is_called(name)]
    if not chosen:
        known = ", ".join(cell.name or str(cell.number) for cell in cells)
        raise FileNotFoundError(f"{notebook} has no cell {name!r}. It has {known}.")
    return chosen


def _sentence(last: _Met) -> str:
    if last.outcome is None or last.at is None:
        return "It was not looked up yet."
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(last.at))
    met = "From the cache" if last.outcome == "hit" else "Computed"
    if last.outcome == "hit" and reasons.keeps_running(last.reasons):
        # marimo loads its values, and runs the cell all the same.
        met = "Computed again, though it was in the cache"
    why = last.why or ""
    if why.startswith(met):
        # It says so itself, and goes on: "From the cache, but data.csv is gone."
        return f"{met}, {when}{why.removeprefix(met)}"
    return f"{met}, {when}. {why}".rstrip()


def _as_json(cell: _Cell) -> dict[str, object]:
    return {
        "cell": cell.cell_id,
        "number": cell.number,
        "name": cell.name,
        "title": cell.title,
        **asdict(cell.last),
    }
