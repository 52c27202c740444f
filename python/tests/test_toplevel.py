"""What marimo makes of cells' code, made once: it must be the same, and anew after an edit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from marimo._ast.compiler import compile_cell
from marimo._ast.toplevel import TopLevelExtraction
from marimo._runtime.dataflow import DirectedGraph
from marimo._save import hash
from marimo._types.ids import CellId_t

from marimo_cellar import _marimo

_EXTRACTION: Any = TopLevelExtraction
_FROM_GRAPH = vars(TopLevelExtraction)["from_graph"]
_THEIRS = dict(vars(hash))

_CELLS = {
    "a": "import json",
    "b": "def f(x):\n    return json.dumps(x)",
    "c": "def g(x):\n    return f(x) + n",
    "d": "n = 1",
    "e": "m = g(n)",
}


@pytest.fixture(autouse=True)
def joined() -> Iterator[None]:
    _marimo.compile_once()
    _marimo.digest_cells_once()
    _marimo.digest_closures_once()
    yield
    _EXTRACTION.from_graph = _FROM_GRAPH
    vars(hash).update(_THEIRS)


def graph_of(cells: dict[str, str]) -> DirectedGraph:
    graph = DirectedGraph()
    for name, code in cells.items():
        register(graph, name, code)
    return graph


def register(graph: DirectedGraph, name: str, code: str) -> None:
    cell_id = CellId_t(name)
    graph.register_cell(cell_id, compile_cell(code, cell_id=cell_id))


def their_variables(graph: DirectedGraph) -> set[str]:
    return set(_FROM_GRAPH.__func__(_EXTRACTION, graph).variables)


def test_functions_that_stand_alone_are_looked_for_once_until_an_edit() -> None:
    graph = graph_of(_CELLS)
    first = _EXTRACTION.from_graph(graph)
    assert set(first.variables) == their_variables(graph)
    assert _EXTRACTION.from_graph(graph) is first
    assert _EXTRACTION.from_graph(graph_of(_CELLS)) is not first

    graph.delete_cell(CellId_t("c"))
    register(graph, "c", "def h(x):\n    return f(x)")
    edited = _EXTRACTION.from_graph(graph)
    assert set(edited.variables) == their_variables(graph)
    assert set(edited.variables) - set(first.variables) == {"h"}


def test_of_a_cell_alone_marimo_is_asked_each_time() -> None:
    graph = graph_of(_CELLS)
    cell = graph.cells[CellId_t("b")]
    alone = _EXTRACTION.from_graph(graph, cell)
    assert set(alone.variables) < set(_EXTRACTION.from_graph(graph).variables)
    assert _EXTRACTION.from_graph(graph, cell) is not alone


def test_the_code_of_cells_has_marimos_digest() -> None:
    graph = graph_of(_CELLS)
    ours = vars(hash)["hash_cell_impl"]
    for cell in graph.cells.values():
        for _ in range(2):
            assert ours(cell) == _THEIRS["hash_cell_impl"](cell)
            assert ours(cell, "blake2b") == _THEIRS["hash_cell_impl"](cell, "blake2b")
    ids = {CellId_t(name) for name in _CELLS}
    before = hash.hash_cell_group(ids, graph)
    graph.delete_cell(CellId_t("d"))
    register(graph, "d", "n = 2")
    assert hash.hash_cell_group(ids, graph) != before


@pytest.mark.skipif("hash_cell_closure" not in _THEIRS, reason="marimo 0.24 makes none")
def test_a_cell_with_all_above_it_has_marimos_digest() -> None:
    # Two cells of the same code, and cells that depend on others by two ways.
    graph = graph_of(
        _CELLS | {"p": "print(m, n)", "q": "print(m, n)", "r": "k = m + n"}
    )

    def digests(
        names: str, *kind: str, by: dict[str, Any] | None = None
    ) -> list[bytes]:
        digest = (by or vars(hash))["hash_cell_closure"]
        return [digest(CellId_t(name), graph, *kind) for name in names]

    for names in ("pqrabcde", "edcbarqp"):
        for kind in ((), ("blake2b",)):
            theirs = digests(names, *kind, by=_THEIRS)
            assert digests(names, *kind) == theirs
            assert digests(names, *kind) == theirs
    before = digests("abcdepqr")
    graph.delete_cell(CellId_t("d"))
    register(graph, "d", "n = 2")
    assert digests("abcdepqr") == digests("abcdepqr", by=_THEIRS) != before
    graph.delete_cell(CellId_t("q"))
    register(graph, "s", "n2 = n")
    assert digests("abcdeprs") == digests("abcdeprs", by=_THEIRS)
