"""What marimo makes of a notebook's code for each key anew, made once for each cell.

It compiles all cells to see which functions stand alone, for each function that a key is
made of, and looks for all cells above a cell, and digests their code, for each: of a
notebook of 60 cells that call a function the first is most of what a run takes, of one of
1,000 the second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import reduce
from itertools import compress
from operator import or_
from typing import Any

_EXTRACTED = "_cellar_extracted"
_DIGESTS = "_cellar_digests"
_CLOSURES = "_cellar_closures"


def compile_once() -> None:
    """Has marimo compile the cells for that once, until one is edited."""
    from marimo._ast.toplevel import TopLevelExtraction

    extraction: Any = TopLevelExtraction
    from_graph = extraction.from_graph

    def from_same_graph(graph: Any, cell: Any = None) -> Any:
        if cell is not None:
            return from_graph(graph, cell)
        return _once(graph, _EXTRACTED, from_graph)

    extraction.from_graph = staticmethod(from_same_graph)


def digest_cells_once() -> None:
    """Has marimo digest a cell's code once."""
    from marimo._save import hash

    names = vars(hash)
    digest = names["hash_cell_impl"]

    def digest_once(cell: Any, hash_type: str = hash.DEFAULT_HASH) -> bytes:
        digests: dict[str, bytes] = vars(cell).setdefault(_DIGESTS, {})
        known = digests.get(hash_type)
        if known is None:
            known = digests[hash_type] = digest(cell, hash_type)
        return known

    names["hash_cell_impl"] = digest_once


def digest_closures_once() -> None:
    """Has marimo look for the cells above a cell among those above the cell's parents, which
    it has looked for before, and not through the whole notebook for each.

    That is for its record of which results belong to a notebook, which 0.24 has not.
    """
    from marimo._save import hash

    names = vars(hash)
    if "hash_cell_closure" not in names:
        return

    def digest(cell_id: Any, graph: Any, hash_type: str = hash.DEFAULT_HASH) -> bytes:
        closures: _Closures = _once(
            graph, _CLOSURES + hash_type, lambda _: _Closures(graph, hash_type)
        )
        return closures.digest(cell_id)

    names["hash_cell_closure"] = digest


class _Closures:
    """The cells that each cell of a graph depends on, itself included.

    A set is a number, of which each bit is a cell, in the order of their digests: marimo
    digests these in that order, and 1,000 sets of 1,000 cells take little memory so.
    """

    def __init__(self, graph: Any, hash_type: str) -> None:
        from marimo._save import hash

        digest = vars(hash)["hash_cell_impl"]
        digests = sorted(
            (digest(cell, hash_type), id) for id, cell in graph.cells.items()
        )
        self._graph = graph
        self._hash_type = hash_type
        self._digests = [digest for digest, _ in digests]
        self._alone = {id: 1 << place for place, (_, id) in enumerate(digests)}
        self._closures: dict[Any, int] = {}

    def digest(self, cell_id: Any) -> bytes:
        chosen = map(int, reversed(f"{self._closure(cell_id):b}"))
        text = b"".join(compress(self._digests, chosen))
        return hashlib.new(self._hash_type, text, usedforsecurity=False).digest()

    def _closure(self, cell_id: Any) -> int:
        known = self._closures.get(cell_id)
        if known is None:
            parents = self._graph.parents[cell_id]
            if self._closures.keys() >= parents:
                above = (self._closures[parent] for parent in parents)
            else:
                above = (self._alone[id] for id in self._graph.ancestors(cell_id))
            known = self._closures[cell_id] = reduce(or_, above, self._alone[cell_id])
        return known


def _once(graph: Any, name: str, make: Callable[[Any], Any]) -> Any:
    """What is made of a graph, kept with it until one of its cells is edited."""
    # Of an edited cell marimo makes another object.
    cells = list(graph.cells.values())
    known = vars(graph).get(name)
    if known is None or known[0] != cells:
        known = vars(graph)[name] = (cells, make(graph))
    return known[1]
