"""Whose it is that a check found: people know notebooks and cells, not keys and digests.

As src/store/checking/owners.ts; both run test/fixtures/checks.json.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from marimo_cellar.database import Database
from marimo_cellar.findings import Problem, Unreadable, query
from marimo_cellar.titles import title_of


@dataclass(frozen=True)
class Owner:
    """A cell that loses by what is wrong. `app` is its notebook's path, relative to the
    database's folder; `cell` is None for one without a name or code."""

    app: str
    cell: str | None


def owners_of(
    database: Database, problems: Iterable[Problem]
) -> Mapping[Problem, tuple[Owner, ...]]:
    """The cells that each problem concerns, in the order of their notebooks.

    None for a problem that is nobody's own, or where the rows that would tell are wrong.
    """
    return {problem: _owners(database, problem) for problem in problems}


def _owners(database: Database, problem: Problem) -> tuple[Owner, ...]:
    cells: str
    value: object
    if problem.cell_id is not None:
        cells, value = "SELECT ?", problem.cell_id
    elif problem.entry_id is not None:
        cells = "SELECT cell_id FROM entries WHERE entry_id = ?"
        value = problem.entry_id
    elif re.fullmatch("[0-9a-f]{64}", problem.about):
        cells = "SELECT cell_id FROM items WHERE digest = ?"
        value = bytes.fromhex(problem.about)
    else:
        return ()
    try:
        rows = query(
            database,
            "SELECT path, CASE typeof(name) WHEN 'text' THEN name END,"
            " CASE typeof(code) WHEN 'text' THEN code ELSE '' END"
            " FROM cells JOIN apps USING (app_id)"
            f" WHERE cell_id IN ({cells}) AND typeof(path) = 'text'"
            " ORDER BY path, ordinal",
            value,
        )
        return tuple(
            Owner(str(path), title_of(name, code)) for path, name, code in rows
        )
    except Unreadable:
        return ()
