"""The rows of those whom entries belong to, written as they are needed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from marimo_cellar.database.database import Database
from marimo_cellar.entries.cells import outside, record_nodes
from marimo_cellar.entries.entries import Owner
from marimo_cellar.entries.roll import enrol


def places(
    connection: sqlite3.Connection, database: Database, owners: Sequence[Owner]
) -> list[int]:
    """Our ids of the owners, writing the rows they need."""
    apart: dict[object, int] = {}
    found: dict[int, int] = {}
    for group in _by_notebook(owners):
        roll, notebook = group[0].roll, group[0].notebook
        known = {cell.kernel_id for one in group if (cell := one.cell) is not None}
        if notebook is not None and known:
            enrol(connection, database, roll, notebook, known)
        for owner in group:
            if (cell := owner.cell) is not None:
                found[id(owner)] = roll.ids[cell.kernel_id]
                continue
            if roll.path not in apart:
                apart[roll.path] = outside(connection, database, roll.path)
            found[id(owner)] = apart[roll.path]
    return [found[id(owner)] for owner in owners]


def nodes_of(
    connection: sqlite3.Connection, owners: Sequence[Owner]
) -> list[bytes | None]:
    """The nodes of owners that have their places, writing the rows they need.

    For what is saved or adopted. A hit of the cell's own entry stands on the node that
    this was saved with.
    """
    for group in _by_notebook(owners):
        cells = [cell for one in group if (cell := one.cell) is not None]
        if group[0].notebook is not None and cells:
            record_nodes(connection, group[0].roll.ids, group[0].notebook, cells)
    return [None if (cell := one.cell) is None else cell.node for one in owners]


def _by_notebook(owners: Sequence[Owner]) -> Iterable[list[Owner]]:
    groups: dict[tuple[int, int], list[Owner]] = {}
    for owner in owners:
        groups.setdefault((id(owner.roll), id(owner.notebook)), []).append(owner)
    return groups.values()
