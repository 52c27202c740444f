"""Putting the kernel's cells and the file's together, and the nodes of a chain."""

from __future__ import annotations

from pathlib import Path

import marimo
import pytest

from marimo_cellar import _marimo
from marimo_cellar.notebook.notebook import FileCell, KernelCell, compose, digest_of
from marimo_cellar.session.notebook_file import cells_in

REPOSITORY = Path(__file__).parents[2]


def kernel(kernel_id: str, code: str, *parents: str) -> KernelCell:
    name = code.split(" ")[0]
    return KernelCell(kernel_id, code, frozenset({name}), frozenset(parents))


def test_names_and_order_come_from_the_file() -> None:
    graph = [kernel("b", "y = x", "a"), kernel("a", "x = 1")]
    notebook = compose(graph, [FileCell("first", "x = 1"), FileCell(None, "y = x")])
    assert [(cell.kernel_id, cell.name, cell.ordinal) for cell in notebook.cells] == [
        ("a", "first", 0),
        ("b", None, 1),
    ]


def test_equal_cells_take_their_places_in_order() -> None:
    graph = [kernel("a", "x"), kernel("b", "x")]
    notebook = compose(graph, [FileCell("one", "x"), FileCell("two", "x")])
    assert [cell.name for cell in notebook.cells] == ["one", "two"]


def test_layout_of_the_file_does_not_matter() -> None:
    notebook = compose([kernel("a", "x=1")], [FileCell("n", "x = 1  # one\n")])
    assert notebook.cells[0].name == "n"


def test_an_edited_cell_keeps_its_name_until_the_file_is_saved() -> None:
    file = [FileCell("one", "x = 1"), FileCell("two", "y = 2")]
    before = compose([kernel("a", "x = 1"), kernel("b", "y = 2")], file)
    after = compose([kernel("a", "x = 100"), kernel("b", "y = 2")], file, before)
    assert [(cell.name, cell.code) for cell in after.cells] == [
        ("one", "x = 100"),
        ("two", "y = 2"),
    ]
    # What the file has and the kernel has not is not gone from the notebook.
    assert len(after.unrun) == 1 and not before.unrun


def test_private_names_are_not_what_a_cell_is_known_by() -> None:
    cell = KernelCell("a", "_x = y = 1", frozenset({"_x", "y"}), frozenset())
    assert compose([cell], []).cells[0].defs == ("y",)


def test_a_node_stands_on_all_ancestors_of_a_long_chain() -> None:
    def chain(first: str) -> list[KernelCell]:
        return [kernel("0", first)] + [
            kernel(str(n), f"v{n} = v{n - 1}", str(n - 1)) for n in range(1, 3000)
        ]

    one, two = compose(chain("v0 = 1"), []), compose(chain("v0 = 2"), [])
    assert one.cells[2999].node != two.cells[2999].node
    assert compose(chain("v0 = 1  # same"), []).cells[2999].node == one.cells[2999].node


def test_a_cycle_has_nodes_all_the_same() -> None:
    notebook = compose([kernel("a", "x = y", "b"), kernel("b", "y = x", "a")], [])
    assert len({cell.node for cell in notebook.cells}) == 2


def test_a_file_that_the_kernel_has_all_cells_of_is_read_as_marimo_reads_it() -> None:
    folders = [Path(marimo.__file__).parent / "_tutorials", REPOSITORY / "sample"]
    read = []
    for file in (file for folder in folders for file in sorted(folder.glob("*.py"))):
        theirs = _marimo.file_cells(file)
        codes = {cell.code for cell in theirs}
        ours = cells_in(file.read_text("utf-8"), codes)
        if ours is not None:
            read.append(file.name)
            assert [(cell.name, digest_of(cell.code)) for cell in ours] == [
                (cell.name, digest_of(cell.code)) for cell in theirs
            ]
        # One that was edited in the kernel since: marimo's parser decides.
        for digest in {digest_of(code) for code in codes}:
            others = {code for code in codes if digest_of(code) != digest}
            assert cells_in(file.read_text("utf-8"), others) is None
    assert len(read) >= 8, read


@pytest.mark.parametrize(
    "text",
    [
        "x = (",
        "app._unparsable_cell('x = (')",
        "@app.other\ndef _():\n    x",
        "@app.cell\ndef _(): x",
        "@app.cell\nclass A:\n    x",
    ],
)
def test_what_marimo_does_not_write_is_left_to_its_parser(text: str) -> None:
    assert cells_in(text, ["x"]) is None
