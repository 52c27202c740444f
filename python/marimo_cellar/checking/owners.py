"""Whose it is that a check found: people know notebooks and cells, not keys and digests.

As src/store/checking/owners.ts; both run test/fixtures/checks.json.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from marimo_cellar.checking.findings import Problem, Unreadable, query
from marimo_cellar.database.database import Database
from marimo_cellar.notebook.titles import title_of


@dataclass(frozen=True)
class Owner:
    """A cell that loses by what is wrong. `app` is its notebook's path, relative to the
    database's folder; `cell` is None for one without a name or code."""

    app: str
    cell: str | None


# Of each way in which a problem names its cells, the name and the cells that have it.
_CELLS = {
    "cell": "SELECT cell_id AS about, cell_id FROM cells",
    "entry": "SELECT entry_id AS about, cell_id FROM entries",
    "value": "SELECT DISTINCT lower(hex(digest)) AS about, cell_id FROM items",
}


def owners_of(
    database: Database, problems: Iterable[Problem]
) -> Mapping[Problem, tuple[Owner, ...]]:
    """The cells that each problem concerns, in the order of their notebooks.

    Empty for a problem that is nobody's own, or where the rows that would tell are wrong.
    """
    names = {problem: _name(problem) for problem in problems}
    known = {
        way: _owners(
            database, way, [about for each, about in names.values() if each == way]
        )
        for way in _CELLS
    }
    return {
        problem: tuple(known[way].get(about, ())) if way is not None else ()
        for problem, (way, about) in names.items()
    }


def _name(problem: Problem) -> tuple[str | None, int | str]:
    """The way in which a problem names its cells, and the name."""
    # A damaged row may have anything for an id.
    if isinstance(problem.cell_id, int):
        return "cell", problem.cell_id
    if isinstance(problem.entry_id, int):
        return "entry", problem.entry_id
    is_digest = re.fullmatch("[0-9a-f]{64}", problem.about)
    return "value" if is_digest else None, problem.about


def _owners(
    database: Database, way: str, names: list[int | str]
) -> dict[int | str, list[Owner]]:
    """The owners of all problems that name their cells alike, by that name.

    At once: to look for the cells of each by itself takes as many queries as a large
    fault has problems.
    """
    found: dict[int | str, list[Owner]] = {}
    if not names:
        return found
    try:
        for about, path, name, code in query(
            database,
            "SELECT about, path, CASE typeof(name) WHEN 'text' THEN name END,"
            " CASE typeof(code) WHEN 'text' THEN code ELSE '' END"
            f" FROM ({_CELLS[way]}) JOIN cells USING (cell_id) JOIN apps USING (app_id)"
            " WHERE about IN (SELECT value FROM json_each(?)) AND typeof(path) = 'text'"
            " ORDER BY path, ordinal",
            json.dumps(names),
        ):
            found.setdefault(about, []).append(Owner(str(path), title_of(name, code)))
    except Unreadable:
        pass
    return found
