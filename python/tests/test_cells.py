"""The rows of cells and nodes, written by a kernel that others write beside."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marimo_cellar.database.database import Database, database_in
from marimo_cellar.entries import roll as rolls
from marimo_cellar.entries.entries import Owner
from marimo_cellar.entries.owning import nodes_of, places
from marimo_cellar.entries.roll import Roll
from marimo_cellar.notebook import code
from marimo_cellar.notebook.identity import match_cells
from marimo_cellar.notebook.notebook import (
    FileCell,
    KernelCell,
    compose,
    digest_of,
    normalised,
)


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
        nodes_of(connection, [owner])
    assert count_nodes(database) == 2000


def test_nodes_that_a_clear_removed_are_written_again(tmp_path: Path) -> None:
    database = database_in(tmp_path)
    owner = Owner(Roll(tmp_path / "notebook.py"), compose(chain(3), []), "2")
    with database.writing() as connection:
        places(connection, database, [owner])
        nodes_of(connection, [owner])
    with database.writing() as connection:
        connection.execute("DELETE FROM nodes")
        connection.execute("DELETE FROM sources")
    with database.writing() as connection:
        places(connection, database, [owner])
        nodes_of(connection, [owner])
    assert count_nodes(database) == 3


# Equal but for comments, some of them, and without code at all.
CODES = ("x = 1", "x = 1  # one", "x=1", "y = 2", "# only", "", "\\\n")
SOME = st.lists(
    st.tuples(st.sampled_from([None, "_", "a", "b"]), st.sampled_from(CODES)),
    max_size=5,
)


@given(SOME, SOME, st.sampled_from([None, 0, 1]))
def test_an_unchanged_notebook_is_matched_as_any_other(
    rows: list[tuple[str | None, str]],
    retired: list[tuple[str | None, str]],
    known: int | None,
) -> None:
    stored = {
        index: rolls._Stored(index, at, (name, index, text, "[]"))
        for index, (at, (name, text)) in enumerate(
            [*((None, row) for row in rows), *((1.0, row) for row in retired)]
        )
    }
    file = [FileCell(name, text) for name, text in rows]
    graph = [
        KernelCell(str(index), text, frozenset(), frozenset())
        for index, (_, text) in enumerate(rows)
    ]
    roll = Roll(None, ids={} if known is None else {str(known): known})
    notebook = compose(graph, file)
    quickly = rolls._if_unchanged(stored, notebook, roll)
    slowly = match_cells(
        [one.cell() for one in stored.values()], rolls._as_they_stand(notebook, roll)
    )
    if quickly is not None:
        assert quickly == [match.cell_id for match in slowly]
    elif rows and all(normalised(text) for _, text in rows):
        assert known is not None and known >= len(rows)


def test_a_run_that_is_served_normalises_no_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def owner() -> Owner:
        graph = chain(3)
        file = [FileCell(None, cell.code) for cell in graph]
        return Owner(Roll(tmp_path / "notebook.py"), compose(graph, file), "2")

    database = database_in(tmp_path)
    with database.writing() as connection:
        (before,) = places(connection, database, [owner()])
    normalised.cache_clear()
    digest_of.cache_clear()
    with monkeypatch.context() as patched, database.writing() as connection:
        patched.setattr(code, "_logical_line", None)
        assert places(connection, database, [owner()]) == [before]
    elsewhere = owner()
    with closing(sqlite3.connect(database.path)) as other, other:
        other.execute("UPDATE cells SET code = 'v1 = v0 + 0' WHERE code = 'v1 = v0'")
    with database.writing() as connection:
        assert places(connection, database, [elsewhere]) == [before]
