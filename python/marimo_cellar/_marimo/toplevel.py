"""What marimo makes of a notebook's code for each key anew, made once for each cell.

It compiles all cells to see which functions stand alone, for each function that a key is
made of, and digests the code of all cells above a cell for each: of a notebook of 60 cells
that call a function the first is most of what a run takes, of one of 1,000 the second.
"""

from __future__ import annotations

from typing import Any

_EXTRACTED = "_cellar_extracted"
_DIGESTS = "_cellar_digests"


def compile_once() -> None:
    """Has marimo compile the cells for that once, until one is edited."""
    from marimo._ast.toplevel import TopLevelExtraction

    extraction: Any = TopLevelExtraction
    from_graph = extraction.from_graph

    def from_same_graph(graph: Any, cell: Any = None) -> Any:
        if cell is not None:
            return from_graph(graph, cell)
        # Of an edited cell marimo makes another object.
        cells = tuple(graph.cells.items())
        known = vars(graph).get(_EXTRACTED)
        if known is None or known[0] != cells:
            known = vars(graph)[_EXTRACTED] = (cells, from_graph(graph))
        return known[1]

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
