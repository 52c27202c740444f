"""The roll of a live notebook: which of the stored cells its cells are.

A lookup recognises them, a save enrols them. Most often the notebook is as its rows
say. Who its cells are where it is not, `identity.py` and `relocation.py` tell, which are
imported for that.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from marimo_cellar.database import bulk
from marimo_cellar.database.apps import app_path
from marimo_cellar.database.database import Database
from marimo_cellar.database.sequential import SequentialReads
from marimo_cellar.entries.cells import Row, app_row, insert_cells
from marimo_cellar.notebook.notebook import Notebook, digest_of, normalised

if TYPE_CHECKING:
    from marimo_cellar.entries.upcoming import Upcoming
    from marimo_cellar.notebook.identity import NotebookCell, StoredCell


class Roll(Struct):
    """What one live kernel knows of its notebook's rows.

    `ids` maps marimo's cell ids to ours and outlives the cells' code. `enrolled`
    is the notebook as last written; `recognised` is the notebook last matched
    without writing, with its ids. `read_ahead_in` is the state of the database that
    `ahead.py` last read, and `lookups_to_go` when it may do so again; `calls` are those
    of cached functions, by cell and cache name; `upcoming` are the files that its next
    cells are likely to need.
    """

    path: Path | None
    ids: dict[str, int] = field(default_factory=dict)
    enrolled: Notebook | None = None
    recognised: tuple[Notebook, Mapping[str, int]] | None = None
    read_ahead_in: object = None
    lookups_to_go: int = 0
    calls: dict[tuple[int, str], SequentialReads] = field(default_factory=dict)
    upcoming: Upcoming | None = None

    def forget(self) -> None:
        """What was written last is not there after all: it was rolled back."""
        self.enrolled = None

    def rename(self, path: Path | None) -> None:
        """The notebook is at another path now; its cells are what they were."""
        self.path = path
        self.enrolled = self.recognised = None


def recognise(
    connection: sqlite3.Connection,
    database: Database,
    roll: Roll,
    notebook: Notebook,
) -> Mapping[str, int]:
    """Our ids of the notebook's cells by kernel id, without writing any."""
    ids = recognised(roll, notebook)
    if ids is None:
        ids = _recognise(connection, database, roll, notebook)
        roll.recognised = (notebook, ids)
    return ids


def recognised(roll: Roll, notebook: Notebook) -> Mapping[str, int] | None:
    """What `recognise` found of the same notebook; None if it was not asked yet."""
    if notebook is roll.enrolled:
        return roll.ids
    # Asked once a lookup: matching anew each time would grow with the square of
    # the cells.
    if roll.recognised is not None and roll.recognised[0] is notebook:
        return roll.recognised[1]
    return None


def _recognise(
    connection: sqlite3.Connection,
    database: Database,
    roll: Roll,
    notebook: Notebook,
) -> Mapping[str, int]:
    identified = _identify(connection, database, roll, notebook)
    return {
        cell.kernel_id: cell_id
        for cell, cell_id in zip(notebook.cells, identified.cell_ids, strict=True)
        if cell_id is not None
    }


def enrol(
    connection: sqlite3.Connection,
    database: Database,
    roll: Roll,
    notebook: Notebook,
    kernel_ids: Collection[str],
) -> None:
    """Writes the notebook's cells as they stand, and learns their ids.

    Nothing is written again while the notebook is as it was and the cells that are
    asked for still have their rows. Cells that are nowhere in the notebook any more
    are retired, not deleted: their entries still answer.
    """
    if notebook is roll.enrolled and _are_there(
        connection, {roll.ids.get(kernel_id) for kernel_id in kernel_ids}
    ):
        return
    now = time.time()
    path = app_path(database.folder, roll.path)
    identified = _identify(connection, database, roll, notebook)
    if identified.moved:
        from marimo_cellar.entries.relocation import move_app

        assert identified.app_id is not None
        move_app(connection, identified.app_id, path)
    app_id = app_row(connection, path, now)
    left = dict(identified.stored)
    roll.ids = {
        kernel_id: cell_id for kernel_id, cell_id in roll.ids.items() if cell_id in left
    }
    new: dict[str, Row] = {}
    for cell, known in zip(notebook.cells, identified.cell_ids, strict=True):
        row = (cell.name, cell.ordinal, cell.code, json.dumps(cell.defs))
        if known is None:
            new[cell.kernel_id] = row
            continue
        roll.ids[cell.kernel_id] = known
        before = left.pop(known, None)
        if before is None:
            from marimo_cellar.entries.relocation import move_cell

            move_cell(connection, known, app_id, path)
        if before is None or before.retired or before.row != row:
            connection.execute(
                "UPDATE cells SET name = ?, ordinal = ?, code = ?, defs = ?,"
                " retired_at = NULL WHERE cell_id = ?",
                (*row, known),
            )
    ids = insert_cells(connection, app_id, list(new.values()), now)
    roll.ids.update(zip(new, ids, strict=True))
    _retire(connection, left.values(), notebook, now)
    connection.execute(
        "UPDATE cells SET last_seen_at = ? WHERE app_id = ? AND retired_at IS NULL",
        (now, app_id),
    )
    roll.enrolled = notebook


def _retire(
    connection: sqlite3.Connection,
    left: Iterable[_Stored],
    notebook: Notebook,
    now: float,
) -> None:
    """Retires cells that were not recognised, but for those that are only not run."""
    unrun = {digest_of(cell.code) for cell in notebook.unrun}
    for gone in left:
        if not gone.retired and digest_of(gone.row[2]) not in unrun:
            connection.execute(
                "UPDATE cells SET retired_at = ? WHERE cell_id = ?",
                (now, gone.cell_id),
            )


class _Stored(Struct, frozen=True):
    """A cell's row. It is a cell to compare with only where that takes more."""

    cell_id: int
    retired_at: float | None
    row: Row

    @property
    def retired(self) -> bool:
        return self.retired_at is not None

    def cell(self) -> StoredCell:
        from marimo_cellar.entries.relocation import stored_cell

        name, _, code, defs = self.row
        return stored_cell((self.cell_id, name, code, defs, self.retired_at))


class _Identified(Struct, frozen=True):
    """The app at the notebook's path, or that `moved` there, and who its cells are.

    `cell_ids` are in the order of the notebook's cells, None for a new one. `stored`
    are the app's cells by id; an id that is not among them comes from another app.
    """

    app_id: int | None
    stored: Mapping[int, _Stored]
    cell_ids: Sequence[int | None]
    moved: bool = False


def _identify(
    connection: sqlite3.Connection,
    database: Database,
    roll: Roll,
    notebook: Notebook,
) -> _Identified:
    path = app_path(database.folder, roll.path)
    found = connection.execute(
        "SELECT app_id FROM apps WHERE path = ?", (path,)
    ).fetchone()
    app_id: int | None = found[0] if found else None
    stored = _stored_cells(connection, app_id)
    if (same := _if_unchanged(stored, notebook, roll)) is not None:
        return _Identified(app_id, stored, same)
    from marimo_cellar.entries.relocation import find_carried, find_moved_app
    from marimo_cellar.notebook.identity import NotebookCell, match_cells

    cells = _as_they_stand(notebook, roll)
    moved = None
    if not stored and roll.path is not None:
        # What is not run yet is in the notebook as well.
        unrun = [
            NotebookCell(cell.name, normalised(cell.code), frozenset())
            for cell in notebook.unrun
        ]
        moved = find_moved_app(connection, database, [*cells, *unrun])
        if moved is not None:
            app_id = moved
            stored = _stored_cells(connection, app_id)
    matches = match_cells([one.cell() for one in stored.values()], cells)
    cell_ids = [match.cell_id for match in matches]
    new = [index for index, cell_id in enumerate(cell_ids) if cell_id is None]
    codes = [notebook.cells[index].code for index in new]
    carried = find_carried(connection, database, app_id, codes) if codes else []
    for index, cell_id in zip(new, carried, strict=True):
        cell_ids[index] = cell_id
    return _Identified(app_id, stored, cell_ids, moved is not None)


def _are_there(connection: sqlite3.Connection, cell_ids: set[int | None]) -> bool:
    """Whether rows written before are still there; anyone may delete them."""
    found = bulk.matching(
        connection, "SELECT cell_id FROM cells WHERE cell_id IN", list(cell_ids)
    )
    return len(found) == len(cell_ids)


def _if_unchanged(
    stored: Mapping[int, _Stored], notebook: Notebook, roll: Roll
) -> list[int] | None:
    """The cells' ids where the notebook is what its rows say, cell by cell.

    `match_cells` would say the same, and have normalised all of their code for it.
    """
    living = [one for one in stored.values() if not one.retired]
    if not living or len(living) != len(notebook.cells):
        return None
    for one, cell in zip(living, notebook.cells, strict=True):
        name, _, code, _ = one.row
        known_as = roll.ids.get(cell.kernel_id, one.cell_id)
        if (name, code, one.cell_id) != (cell.name, cell.code, known_as):
            return None
        # Of a cell that has only comments, its code says nothing.
        if all(line.strip()[:1] in ("", "#", "\\") for line in code.split("\n")):
            return None
    return [one.cell_id for one in living]


def _stored_cells(
    connection: sqlite3.Connection, app_id: int | None
) -> dict[int, _Stored]:
    """An app's cells by id, in order of ordinal."""
    rows = connection.execute(
        "SELECT cell_id, retired_at, name, ordinal, code, defs FROM cells"
        " WHERE app_id = ? AND ordinal >= 0 ORDER BY ordinal, cell_id",
        (app_id,),
    ).fetchall()
    return {row[0]: _Stored(row[0], row[1], row[2:]) for row in rows}


def _as_they_stand(notebook: Notebook, roll: Roll) -> list[NotebookCell]:
    from marimo_cellar.notebook.identity import NotebookCell

    return [
        NotebookCell(
            name=cell.name,
            code=normalised(cell.code),
            defs=frozenset(cell.defs),
            known_as=roll.ids.get(cell.kernel_id),
        )
        for cell in notebook.cells
    ]
