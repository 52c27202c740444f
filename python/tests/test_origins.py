"""The files behind what a cell is made of, by how marimo hashes that."""

from __future__ import annotations

from pathlib import Path

from marimo_cellar.entries.made import Made
from marimo_cellar.entries.reads import Read
from marimo_cellar.notebook.notebook import Cell, Graph, KernelCell
from marimo_cellar.session.origins import Origins

READ = Read("data.csv", "opened", 3, 1.0)


def behind(
    code_names: set[str], hashed: set[str], parents: tuple[str, ...] = ("above",)
) -> list[str]:
    above = KernelCell("above", "", frozenset({"frame", "model"}), frozenset())
    own = KernelCell("own", "", frozenset({"own"}), frozenset(parents))
    cell = Cell("own", None, 1, "", ("own",), parents, Graph([above, own]))
    origins = Origins()
    origins.compute("above", Made(None, [READ], Path()))
    return [read.path for _, read in origins.behind(cell, code_names, hashed)]


def test_what_is_hashed_by_what_it_holds_needs_no_files() -> None:
    assert behind({"model", "print"}, set()) == ["data.csv"]
    assert behind({"frame"}, {"frame"}) == []
    assert behind({"frame", "model"}, {"frame"}) == ["data.csv"]
    assert behind({"frame", "model"}, {"frame", "model"}) == []


def test_a_table_is_known_by_sql_alone() -> None:
    assert behind({"mo"}, set()) == ["data.csv"]
    assert behind({"mo"}, {"frame", "model"}) == []


def test_a_cell_that_is_not_needed_is_not_behind_it() -> None:
    assert behind({"model"}, set(), parents=()) == []
    assert behind({"model"}, set(), parents=("gone",)) == []
