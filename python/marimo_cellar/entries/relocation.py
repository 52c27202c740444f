"""The rows that follow a notebook to another path, and a cell to another notebook."""

from __future__ import annotations

import json
import os
import posixpath
import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from marimo_cellar import _marimo
from marimo_cellar.database.apps import IMPORTED, UNSAVED, folder_of, versions_in
from marimo_cellar.database.database import Database
from marimo_cellar.notebook.identity import NotebookCell, StoredCell
from marimo_cellar.notebook.notebook import normalised


def stored_cell(row: Sequence[object]) -> StoredCell:
    """The cell of a row of `cell_id, name, code, defs, retired_at`.

    What cannot be read of a damaged row is no evidence, rather than an exception.
    """
    cell_id, name, code, defs, retired_at = row
    assert isinstance(cell_id, int)
    return StoredCell(
        cell_id=cell_id,
        name=None if name is None else str(name),
        code=normalised(str(code)),
        defs=_names_in(str(defs)),
        retired=retired_at is not None,
    )


def _names_in(text: str) -> frozenset[str]:
    try:
        found = json.loads(text)
    except ValueError:
        return frozenset()
    names = found if isinstance(found, list) else []
    return frozenset(name for name in names if isinstance(name, str))


def find_moved_app(
    connection: sqlite3.Connection, database: Database, cells: Sequence[NotebookCell]
) -> int | None:
    """The app that a notebook at an unknown path was, if it was renamed or moved."""
    gone = [
        app_id
        for app_id, path in connection.execute(
            "SELECT app_id, path FROM apps ORDER BY last_seen_at DESC, app_id DESC"
        ).fetchall()
        if path != UNSAVED
        and posixpath.basename(path) != IMPORTED
        and not os.path.lexists(_file_of(database, path))
    ]
    if not gone:
        return None
    # A run that begins a cache needs neither this nor the same below.
    from marimo_cellar.notebook.moves import KnownApp, moved_app

    return moved_app(
        [
            KnownApp(
                app_id, False, [stored_cell(row) for row in _cells(connection, app_id)]
            )
            for app_id in gone
        ],
        cells,
    )


def find_carried(
    connection: sqlite3.Connection,
    database: Database,
    app_id: int | None,
    codes: Sequence[str],
) -> list[int | None]:
    """For the code of each new cell of an app, the cell that was cut from another.

    That other notebook has it no more: its kernel saw that, or its file does not
    have it, or is gone itself.
    """
    wanted = set(codes)
    rows = [
        row
        for row in connection.execute(
            "SELECT cell_id, name, code, defs, retired_at, path FROM cells"
            " JOIN apps USING (app_id) WHERE app_id IS NOT ? AND ordinal >= 0"
            " ORDER BY cells.last_seen_at DESC, cell_id",
            (app_id,),
        )
        if row[2] in wanted
    ]
    codes_in = lru_cache(maxsize=None)(lambda path: _codes_in(_file_of(database, path)))

    def is_gone(code: str, retired_at: float | None, path: str) -> bool:
        if retired_at is not None:
            return True
        written = codes_in(path)
        return written is not None and normalised(code) not in written

    gone = [stored_cell(row[:5]) for row in rows if is_gone(row[2], row[4], row[5])]
    if not gone:
        return [None] * len(codes)
    from marimo_cellar.notebook.moves import carried_cells

    return carried_cells(
        gone, [NotebookCell(None, normalised(code), frozenset()) for code in codes]
    )


def move_app(connection: sqlite3.Connection, app_id: int, path: str) -> None:
    """Makes `path` the path of an app, which keeps its cells and all of theirs."""
    (before,) = connection.execute(
        "SELECT path FROM apps WHERE app_id = ?", (app_id,)
    ).fetchone()
    if before == path:
        return
    # What was saved outside any cell may have made a row of the path already.
    connection.execute(
        "UPDATE cells SET app_id = ?"
        " WHERE app_id = (SELECT app_id FROM apps WHERE path = ?)",
        (app_id, path),
    )
    connection.execute("DELETE FROM apps WHERE path = ?", (path,))
    connection.execute("UPDATE apps SET path = ? WHERE app_id = ?", (path, app_id))
    cells = connection.execute("SELECT cell_id FROM cells WHERE app_id = ?", (app_id,))
    for (cell_id,) in cells.fetchall():
        _note_folder(connection, cell_id, folder_of(before), folder_of(path))


def move_cell(
    connection: sqlite3.Connection, cell_id: int, app_id: int, path: str
) -> None:
    """Gives a cell, with its entries and all it met, to the app at `path`."""
    (before,) = connection.execute(
        "SELECT path FROM apps JOIN cells USING (app_id) WHERE cell_id = ?", (cell_id,)
    ).fetchone()
    connection.execute(
        "UPDATE cells SET app_id = ? WHERE cell_id = ?", (app_id, cell_id)
    )
    _note_folder(connection, cell_id, folder_of(before), folder_of(path))


def _note_folder(
    connection: sqlite3.Connection, cell_id: int, before: str, now: str
) -> None:
    """Remembers, of entries that go to another folder, in which they were made.

    They answer only there: marimo's hash does not see what is read by a relative
    path. What is remembered is one more of the `versions` that an entry stands on.
    """
    if before == now:
        return
    for entry_id, versions in connection.execute(
        "SELECT entry_id, versions FROM entries WHERE cell_id = ?", (cell_id,)
    ).fetchall():
        connection.execute(
            "UPDATE entries SET versions = ? WHERE entry_id = ?",
            (json.dumps({"folder": before, **versions_in(versions)}), entry_id),
        )


def _cells(connection: sqlite3.Connection, app_id: int) -> list[Sequence[object]]:
    return connection.execute(
        "SELECT cell_id, name, code, defs, retired_at FROM cells"
        " WHERE app_id = ? AND ordinal >= 0 ORDER BY ordinal, cell_id",
        (app_id,),
    ).fetchall()


def _file_of(database: Database, path: str) -> Path:
    return Path(os.path.normpath(database.folder / path))


def _codes_in(file: Path) -> frozenset[str] | None:
    """The normalised codes in a notebook's file; None where nobody can tell."""
    if not os.path.lexists(file):
        return frozenset()
    try:
        cells = _marimo.file_cells(file)
    except Exception:
        return None
    # marimo finds no cells in a file that is broken, and writes none without any.
    return frozenset(normalised(cell.code) for cell in cells) or None
