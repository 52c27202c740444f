"""The rows of apps, cells and nodes: who an entry belongs to."""

from __future__ import annotations

import json
import os
import posixpath
import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from msgspec import Struct, field

from marimo_cellar import bulk
from marimo_cellar.database import Database
from marimo_cellar.identity import NotebookCell, StoredCell, match_cells
from marimo_cellar.notebook import Cell, Notebook, digest_of, normalised
from marimo_cellar.relocation import (
    IMPORTED,
    UNSAVED,
    find_carried,
    find_moved_app,
    folder_of,
    move_app,
    move_cell,
    stored_cell,
)

# The name of the row that holds what no cell saved: a scratch pad, or a store
# used outside any notebook. No cell can be called that.
OUTSIDE = "(outside any cell)"


class Roll(Struct):
    """What one live kernel knows of its notebook's rows.

    `ids` maps marimo's cell ids to ours and outlives the cells' code. `enrolled`
    is the notebook as last written; `recognised` is the notebook last matched
    without writing, with its ids. `read_ahead_in` is the state of the database that
    `ahead.py` last read, and `lookups_to_go` when it may do so again.
    """

    path: Path | None
    ids: dict[str, int] = field(default_factory=dict)
    enrolled: Notebook | None = None
    recognised: tuple[Notebook, Mapping[str, int]] | None = None
    read_ahead_in: object = None
    lookups_to_go: int = 0

    def forget(self) -> None:
        """What was written last is not there after all: it was rolled back."""
        self.enrolled = None

    def rename(self, path: Path | None) -> None:
        """The notebook is at another path now; its cells are what they were."""
        self.path = path
        self.enrolled = self.recognised = None


def app_path(database: Database, path: Path | None) -> str:
    """The notebook's path as its row has it: relative to the database's folder."""
    return UNSAVED if path is None else _relative(path, database.folder)


@lru_cache(maxsize=256)
def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        # Another drive of Windows, to which no relative path leads.
        return path.as_posix()


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
    path = app_path(database, roll.path)
    identified = _identify(connection, database, roll, notebook)
    if identified.app_id is not None:
        move_app(connection, identified.app_id, path)
    app_id = _app(connection, path, now)
    left = dict(identified.stored)
    roll.ids = {
        kernel_id: cell_id for kernel_id, cell_id in roll.ids.items() if cell_id in left
    }
    new: dict[str, _Row] = {}
    for cell, known in zip(notebook.cells, identified.cell_ids, strict=True):
        row = (cell.name, cell.ordinal, cell.code, json.dumps(cell.defs))
        if known is None:
            new[cell.kernel_id] = row
            continue
        roll.ids[cell.kernel_id] = known
        before = left.pop(known, None)
        if before is None:
            move_cell(connection, known, app_id, path)
        if before is None or before.retired or before.row != row:
            connection.execute(
                "UPDATE cells SET name = ?, ordinal = ?, code = ?, defs = ?,"
                " retired_at = NULL WHERE cell_id = ?",
                (*row, known),
            )
    ids = _insert_cells(connection, app_id, list(new.values()), now)
    roll.ids.update(zip(new, ids, strict=True))
    unrun = {digest_of(cell.code) for cell in notebook.unrun}
    for gone in left.values():
        if not gone.retired and digest_of(gone.row[2]) not in unrun:
            connection.execute(
                "UPDATE cells SET retired_at = ? WHERE cell_id = ?",
                (now, gone.cell_id),
            )
    connection.execute(
        "UPDATE cells SET last_seen_at = ? WHERE app_id = ? AND retired_at IS NULL",
        (now, app_id),
    )
    roll.enrolled = notebook


def outside(
    connection: sqlite3.Connection, database: Database, path: Path | None
) -> int:
    """The cell id for what no cell of the notebook saved."""
    now = time.time()
    app_id = _app(connection, app_path(database, path), now)
    row = connection.execute(
        "SELECT cell_id FROM cells WHERE app_id = ? AND name = ?",
        (app_id, OUTSIDE),
    ).fetchone()
    if row is not None:
        return int(row[0])
    (cell_id,) = _insert_cells(connection, app_id, [(OUTSIDE, -1, "", "[]")], now)
    return cell_id


def imported_app(app: str) -> str:
    """The path of the row that what was imported in an app's folder belongs to."""
    return posixpath.join(folder_of(app), IMPORTED)


def hidden_until(
    connection: sqlite3.Connection,
    database: Database,
    path: Path | None,
    cell_id: int | None,
) -> float:
    """Up to when marimo's old files are hidden from a cell; -inf for never.

    VS Code clears rows, and says when in `cleared_at`. The files are not its own to
    remove, and a cell's it could not tell from another's. So a file that is older
    than the cell's last clear does not answer for it; for other cells it still does.
    Imported entries answer any cell of their folder: clearing those counts for each.
    Without a cell, what is asked for belongs to no cell of the notebook.
    """
    app = app_path(database, path)
    (latest,) = connection.execute(
        "SELECT max(at) FROM ("
        "SELECT cleared_at AS at FROM cells WHERE cell_id = ? UNION ALL"
        " SELECT cleared_at FROM apps JOIN cells USING (app_id)"
        " WHERE path IN (?, ?) AND ordinal < 0 AND name = ?)",
        (cell_id, imported_app(app), app if cell_id is None else None, OUTSIDE),
    ).fetchone()
    return float("-inf") if latest is None else float(latest)


def record_nodes(
    connection: sqlite3.Connection,
    roll: Roll,
    notebook: Notebook,
    cells: Iterable[Cell],
) -> None:
    """Writes the cells' nodes and their ancestors', which freshness is judged by."""
    # What was written is looked up, not remembered: a clear in VS Code removes the
    # nodes that no entry needs. It leaves none without its ancestors, so those of
    # a node that is there need no look.
    asked: set[str] = set()
    waiting = {cell.kernel_id: cell for cell in cells}
    while waiting:
        there = set(
            bulk.matching(
                connection,
                "SELECT node, cell_id FROM nodes WHERE node IN",
                list({cell.node for cell in waiting.values()}),
            )
        )
        new = [
            cell
            for cell in waiting.values()
            if (cell.node, roll.ids[cell.kernel_id]) not in there
        ]
        bulk.insert(
            connection,
            "INSERT OR IGNORE INTO sources (code_digest, code)",
            [(cell.digest, cell.code) for cell in new],
        )
        bulk.insert(
            connection,
            "INSERT OR IGNORE INTO nodes (node, cell_id, code_digest, parents)",
            [_node_row(roll, notebook, cell) for cell in new],
        )
        asked |= waiting.keys()
        waiting = {
            parent: notebook.by_kernel_id[parent]
            for cell in new
            for parent in cell.parents
            if parent not in asked
        }


def _node_row(roll: Roll, notebook: Notebook, cell: Cell) -> tuple[object, ...]:
    parents = {notebook.by_kernel_id[parent].node.hex() for parent in cell.parents}
    return cell.node, roll.ids[cell.kernel_id], cell.digest, json.dumps(sorted(parents))


_Row = tuple[str | None, int, str, str]


class _Stored(Struct, frozen=True):
    """A cell's row. It is a cell to compare with only where that takes more."""

    cell_id: int
    retired_at: float | None
    row: _Row

    @property
    def retired(self) -> bool:
        return self.retired_at is not None

    def cell(self) -> StoredCell:
        name, _, code, defs = self.row
        return stored_cell((self.cell_id, name, code, defs, self.retired_at))


class _Identified(Struct, frozen=True):
    """The app at the notebook's path, or that moved there, and who its cells are.

    `cell_ids` are in the order of the notebook's cells, None for a new one. `stored`
    are the app's cells by id; an id that is not among them comes from another app.
    """

    app_id: int | None
    stored: Mapping[int, _Stored]
    cell_ids: Sequence[int | None]


def _identify(
    connection: sqlite3.Connection,
    database: Database,
    roll: Roll,
    notebook: Notebook,
) -> _Identified:
    path = app_path(database, roll.path)
    found = connection.execute(
        "SELECT app_id FROM apps WHERE path = ?", (path,)
    ).fetchone()
    app_id: int | None = found[0] if found else None
    stored = _stored_cells(connection, app_id)
    if (same := _if_unchanged(stored, notebook, roll)) is not None:
        return _Identified(app_id, stored, same)
    cells = _as_they_stand(notebook, roll)
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
    return _Identified(app_id, stored, cell_ids)


def _app(connection: sqlite3.Connection, path: str, now: float) -> int:
    connection.execute(
        "INSERT INTO apps (path, last_seen_at) VALUES (?, ?)"
        " ON CONFLICT (path) DO UPDATE SET last_seen_at = excluded.last_seen_at",
        (path, now),
    )
    (app_id,) = connection.execute(
        "SELECT app_id FROM apps WHERE path = ?", (path,)
    ).fetchone()
    return int(app_id)


def _insert_cells(
    connection: sqlite3.Connection, app_id: int, rows: Sequence[_Row], now: float
) -> list[int]:
    """The new cells' ids, in the order of their rows."""
    # As SQLite numbers them itself, one by one.
    (last,) = connection.execute("SELECT max(cell_id) FROM cells").fetchone()
    ids = [(last or 0) + index for index in range(1, len(rows) + 1)]
    bulk.insert(
        connection,
        "INSERT INTO cells (cell_id, app_id, name, ordinal, code, defs, last_seen_at)",
        [(cell_id, app_id, *row, now) for cell_id, row in zip(ids, rows, strict=True)],
    )
    return ids


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
    return [
        NotebookCell(
            name=cell.name,
            code=normalised(cell.code),
            defs=frozenset(cell.defs),
            known_as=roll.ids.get(cell.kernel_id),
        )
        for cell in notebook.cells
    ]
