"""The rows of cells and nodes, written by a kernel that others write beside."""

from __future__ import annotations

from pathlib import Path

from marimo_cellar.cells import Roll
from marimo_cellar.database import Database, database_in
from marimo_cellar.entries import Owner
from marimo_cellar.notebook import KernelCell, compose
from marimo_cellar.saving import places


def chain(length: int) -> list[KernelCell]:
    """Cells of which each depends on the one before."""
    return [
        KernelCell(
            str(n),
            f"v{n} = 1" if n == 0 else f"v{n} = v{n - 1}",
            frozenset({f"v{n}"}),
            frozenset({str(n - 1)} if n else ()),
        )
        for n in range(length)
    ]


def count_nodes(database: Database) -> int:
    with database.reading() as connection:
        assert connection is not None
        (count,) = connection.execute("SELECT count(*) FROM nodes").fetchone()
        return int(count)


def test_a_node_is_written_with_all_its_ancestors(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    owner = Owner(Roll(tmp_path / "notebook.py"), compose(chain(2000), []), "1999")
    with database.writing() as connection:
        places(connection, database, [owner])
    assert count_nodes(database) == 2000


def test_nodes_that_a_clear_removed_are_written_again(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    owner = Owner(Roll(tmp_path / "notebook.py"), compose(chain(3), []), "2")
    with database.writing() as connection:
        places(connection, database, [owner])
    with database.writing() as connection:
        connection.execute("DELETE FROM nodes")
        connection.execute("DELETE FROM sources")
    with database.writing() as connection:
        places(connection, database, [owner])
    assert count_nodes(database) == 3
