"""Rows that follow notebooks and cells to other paths, over a real database."""

from __future__ import annotations

from pathlib import Path

import pytest

from marimo_cellar.database.database import Database, database_in
from marimo_cellar.entries import entries
from marimo_cellar.entries.blobs import prepare
from marimo_cellar.entries.entries import EntryKey, Item, Owner
from marimo_cellar.entries.roll import Roll
from marimo_cellar.entries.saving import Save, save_all
from marimo_cellar.notebook.notebook import FileCell, KernelCell, compose

CODES = {
    "load": "raw = read('penguins.csv')\nclean = raw.dropna(subset=['mass', 'island'])",
    "model": "model = fit(clean[['bill']], clean['mass'])\nscore = model.score()",
    "plot": "scatter(clean['bill'], clean['mass'], color='red', size=8)",
}


class Notebooks:
    """Notebooks of one database, as files and as kernels run them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database: Database = database_in(folder / "cache")

    def write(self, path: str, *names: str) -> None:
        cells = "".join(
            f"\n\n@app.cell\ndef {name}():\n"
            + "".join(f"    {line}\n" for line in CODES[name].split("\n"))
            + "    return\n"
            for name in names
        )
        file = self.folder / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"import marimo\n\napp = marimo.App()\n{cells}", "utf-8")

    def owner(
        self, path: str, name: str, *names: str, roll: Roll | None = None
    ) -> Owner:
        """A cell of a notebook that has just these in its kernel."""
        file = [FileCell(one, CODES[one]) for one in (names or CODES)]
        graph = [
            KernelCell(one.name or "", one.code, frozenset(), frozenset())
            for one in file
        ]
        return Owner(roll or Roll(self.folder / path), compose(graph, file), name)

    def run(self, owner: Owner) -> None:
        """Saves a result of the cell."""
        assert owner.kernel_id is not None
        items = [Item("key", "x", "json", None, prepare(self.database, b"1", "json"))]
        save = Save(self.key(owner), owner, items, 1.0, {})
        save_all(self.database, [save])
        assert save.saved and save.failure is None

    @staticmethod
    def key(owner: Owner) -> EntryKey:
        return EntryKey("cell_cache", "C", f"hash of {owner.kernel_id}", "lazy")

    def own(self, owner: Owner) -> bool:
        """Whether there is an entry of this very cell that may answer."""
        founds = entries.candidates(self.database, self.key(owner), owner)
        return any(found.own for found in founds)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with self.database.reading() as connection:
            assert connection is not None
            return connection.execute(sql).fetchall()

    def cells(self) -> list[tuple[object, ...]]:
        return self.rows(
            "SELECT path, name, cell_id FROM apps JOIN cells USING (app_id)"
            " WHERE retired_at IS NULL ORDER BY path, ordinal"
        )


@pytest.fixture
def notebooks(tmp_path: Path) -> Notebooks:
    return Notebooks(tmp_path)


def test_a_renamed_notebook_keeps_its_ids_and_entries(notebooks: Notebooks) -> None:
    notebooks.write("a.py", *CODES)
    for name in CODES:
        notebooks.run(notebooks.owner("a.py", name))
    before = notebooks.cells()
    (notebooks.folder / "a.py").rename(notebooks.folder / "b.py")

    # It is known before anything is written.
    assert notebooks.own(notebooks.owner("b.py", "load"))
    assert notebooks.cells() == before
    notebooks.run(notebooks.owner("b.py", "load"))
    assert [row[1:] for row in notebooks.cells()] == [row[1:] for row in before]
    assert {row[0] for row in notebooks.cells()} == {"../b.py"}
    assert notebooks.rows("SELECT count(*) FROM apps") == [(1,)]


def test_a_copied_notebook_gets_ids_of_its_own(notebooks: Notebooks) -> None:
    notebooks.write("a.py", *CODES)
    notebooks.run(notebooks.owner("a.py", "load"))
    notebooks.write("b.py", *CODES)
    copy = notebooks.owner("b.py", "load")
    assert not notebooks.own(copy)
    notebooks.run(copy)
    assert len({row[2] for row in notebooks.cells()}) == 2 * len(CODES)
    assert notebooks.rows("SELECT count(*) FROM blobs") == [(1,)]


def test_the_second_of_two_copies_is_one_when_the_original_is_gone(
    notebooks: Notebooks,
) -> None:
    notebooks.write("a.py", *CODES)
    notebooks.run(notebooks.owner("a.py", "load"))
    notebooks.write("b.py", *CODES)
    notebooks.write("c.py", *CODES)
    (notebooks.folder / "a.py").unlink()
    notebooks.run(notebooks.owner("b.py", "load"))
    notebooks.run(notebooks.owner("c.py", "load"))
    paths = [row[0] for row in notebooks.rows("SELECT path FROM apps ORDER BY app_id")]
    assert paths == ["../b.py", "../c.py"]


def test_a_notebook_that_runs_bit_by_bit_is_known_by_its_file(
    notebooks: Notebooks,
) -> None:
    notebooks.write("a.py", *CODES)
    notebooks.run(notebooks.owner("a.py", "load"))
    (notebooks.folder / "a.py").rename(notebooks.folder / "b.py")
    file = [FileCell(name, code) for name, code in CODES.items()]
    graph = [KernelCell("plot", CODES["plot"], frozenset(), frozenset())]
    roll = Roll(notebooks.folder / "b.py")
    notebooks.run(Owner(roll, compose(graph, file), "plot"))
    assert notebooks.rows("SELECT path FROM apps") == [("../b.py",)]
    assert len(notebooks.cells()) == len(CODES)


def test_in_another_folder_it_is_known_and_its_entries_do_not_answer(
    notebooks: Notebooks,
) -> None:
    notebooks.write("one/a.py", *CODES)
    for name in CODES:
        notebooks.run(notebooks.owner("one/a.py", name))
    (notebooks.folder / "two").mkdir()
    (notebooks.folder / "one/a.py").rename(notebooks.folder / "two/a.py")
    # What was read by a relative path may be another file there.
    assert not notebooks.own(notebooks.owner("two/a.py", "load"))
    notebooks.run(notebooks.owner("two/a.py", "load"))
    assert notebooks.rows("SELECT path FROM apps") == [("../two/a.py",)]
    assert notebooks.own(notebooks.owner("two/a.py", "load"))
    assert not notebooks.own(notebooks.owner("two/a.py", "plot"))
    assert notebooks.rows("SELECT count(*) FROM entries") == [(3,)]

    (notebooks.folder / "two/a.py").rename(notebooks.folder / "one/a.py")
    notebooks.run(notebooks.owner("one/a.py", "model"))
    assert notebooks.own(notebooks.owner("one/a.py", "plot"))
    assert not notebooks.own(notebooks.owner("one/a.py", "load"))


def test_a_kernel_follows_its_notebook_to_a_new_name(notebooks: Notebooks) -> None:
    notebooks.write("a.py", *CODES)
    owner = notebooks.owner("a.py", "load")
    notebooks.run(owner)
    before = notebooks.cells()
    (notebooks.folder / "a.py").rename(notebooks.folder / "b.py")
    owner.roll.rename(notebooks.folder / "b.py")
    notebooks.run(owner)
    assert [row[1:] for row in notebooks.cells()] == [row[1:] for row in before]
    assert notebooks.rows("SELECT path FROM apps") == [("../b.py",)]


@pytest.mark.parametrize("kernel_saw_it", [True, False])
def test_a_cell_cut_into_another_notebook_brings_its_entries(
    notebooks: Notebooks, kernel_saw_it: bool
) -> None:
    notebooks.write("a.py", *CODES)
    notebooks.write("b.py", "model")
    notebooks.run(notebooks.owner("a.py", "plot"))
    notebooks.run(notebooks.owner("b.py", "model", "model"))
    (before,) = [row for row in notebooks.cells() if row[:2] == ("../a.py", "plot")]

    notebooks.write("a.py", "load", "model")
    notebooks.write("b.py", "model", "plot")
    if kernel_saw_it:
        notebooks.run(notebooks.owner("a.py", "load", "load", "model"))
    assert notebooks.own(notebooks.owner("b.py", "plot", "model", "plot"))
    notebooks.run(notebooks.owner("b.py", "model", "model", "plot"))
    assert ("../b.py", "plot", before[2]) in notebooks.cells()
    assert ("../a.py", "plot", before[2]) not in notebooks.cells()
    assert notebooks.own(notebooks.owner("b.py", "plot", "model", "plot"))


def test_a_cell_copied_into_another_notebook_is_new_there(
    notebooks: Notebooks,
) -> None:
    notebooks.write("a.py", *CODES)
    notebooks.run(notebooks.owner("a.py", "plot"))
    notebooks.write("b.py", "plot")
    notebooks.run(notebooks.owner("b.py", "plot", "plot"))
    plots = [row for row in notebooks.cells() if row[1] == "plot"]
    assert [row[0] for row in plots] == ["../a.py", "../b.py"]
    assert plots[0][2] != plots[1][2]


def test_a_cell_stays_where_nobody_can_read_the_notebook(notebooks: Notebooks) -> None:
    notebooks.write("a.py", *CODES)
    notebooks.run(notebooks.owner("a.py", "plot"))
    (notebooks.folder / "a.py").write_bytes(b"\xff\xfe\x00broken")
    notebooks.write("b.py", "plot")
    notebooks.run(notebooks.owner("b.py", "plot", "plot"))
    assert len([row for row in notebooks.cells() if row[1] == "plot"]) == 2


@pytest.mark.parametrize(
    ("column", "value"),
    [("defs", "["), ("defs", '{"x": 1}'), ("defs", "[1, null]"), ("code", b"\xff\x00")],
)
def test_what_cannot_be_read_of_a_cell_is_no_evidence_and_no_error(
    column: str, value: object, notebooks: Notebooks
) -> None:
    notebooks.write("a.py", *CODES)
    for name in CODES:
        notebooks.run(notebooks.owner("a.py", name))
    before = notebooks.cells()
    with notebooks.database.writing() as connection:
        connection.execute(
            f"UPDATE cells SET {column} = ? WHERE name = 'plot'", (value,)
        )
    (notebooks.folder / "a.py").rename(notebooks.folder / "b.py")
    notebooks.run(notebooks.owner("b.py", "load"))
    assert {row[0] for row in notebooks.cells()} == {"../b.py"}
    assert [row[2] for row in notebooks.cells()] == [row[2] for row in before]
