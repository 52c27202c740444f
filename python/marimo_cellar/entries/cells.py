"""The rows of apps, cells and nodes."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from marimo_cellar.database import bulk
from marimo_cellar.database.apps import OUTSIDE, app_path, imported_app
from marimo_cellar.database.database import Database
from marimo_cellar.notebook.notebook import Cell, Notebook

# A cell's `name`, `ordinal`, `code` and `defs`.
Row = tuple[str | None, int, str, str]


def app_row(connection: sqlite3.Connection, path: str, now: float) -> int:
    """The id of the app at a path, which is seen there now; a new one if need be."""
    connection.execute(
        "INSERT INTO apps (path, last_seen_at) VALUES (?, ?)"
        " ON CONFLICT (path) DO UPDATE SET last_seen_at = excluded.last_seen_at",
        (path, now),
    )
    (app_id,) = connection.execute(
        "SELECT app_id FROM apps WHERE path = ?", (path,)
    ).fetchone()
    return int(app_id)


def insert_cells(
    connection: sqlite3.Connection, app_id: int, rows: Sequence[Row], now: float
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


def outside(
    connection: sqlite3.Connection, database: Database, path: Path | None
) -> int:
    """The cell id for what no cell of the notebook saved."""
    now = time.time()
    app_id = app_row(connection, app_path(database.folder, path), now)
    row = connection.execute(
        "SELECT cell_id FROM cells WHERE app_id = ? AND name = ?",
        (app_id, OUTSIDE),
    ).fetchone()
    if row is not None:
        return int(row[0])
    (cell_id,) = insert_cells(connection, app_id, [(OUTSIDE, -1, "", "[]")], now)
    return cell_id


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
    app = app_path(database.folder, path)
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
    ids: Mapping[str, int],
    notebook: Notebook,
    cells: Iterable[Cell],
) -> None:
    """Writes the cells' nodes and their ancestors', which freshness is judged by.

    `ids` are our ids of the notebook's cells by kernel id.
    """
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
            if (cell.node, ids[cell.kernel_id]) not in there
        ]
        bulk.insert(
            connection,
            "INSERT OR IGNORE INTO sources (code_digest, code)",
            [(cell.digest, cell.code) for cell in new],
        )
        bulk.insert(
            connection,
            "INSERT OR IGNORE INTO nodes (node, cell_id, code_digest, parents)",
            [_node_row(ids, notebook, cell) for cell in new],
        )
        asked |= waiting.keys()
        waiting = {
            parent: notebook.by_kernel_id[parent]
            for cell in new
            for parent in cell.parents
            if parent not in asked
        }


def _node_row(
    ids: Mapping[str, int], notebook: Notebook, cell: Cell
) -> tuple[object, ...]:
    parents = {notebook.by_kernel_id[parent].node.hex() for parent in cell.parents}
    return cell.node, ids[cell.kernel_id], cell.digest, json.dumps(sorted(parents))
