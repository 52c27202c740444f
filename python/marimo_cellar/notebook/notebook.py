"""A notebook as it stands in a kernel: its cells, their names, order and nodes.

Plain data. The kernel knows the cells' code, names of variables and dependencies;
their names and order only the file knows. `compose` puts the two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache

from msgspec import Struct


@lru_cache(maxsize=8192)
def normalised(code: str) -> str:
    """`code.normalise`, once for each code."""
    # Here and below, since a run that is served asks for none.
    from marimo_cellar.notebook.code import normalise

    return normalise(code)


@lru_cache(maxsize=8192)
def digest_of(code: str) -> bytes:
    """`code_digest`, which is asked for as often as the normalised code is."""
    from marimo_cellar.notebook.code import digest_of_normalised

    return digest_of_normalised(normalised(code))


class KernelCell(Struct, frozen=True):
    """A cell of the kernel's graph. `kernel_id` is marimo's."""

    kernel_id: str
    code: str
    defs: frozenset[str]
    parents: frozenset[str]


class FileCell(Struct, frozen=True):
    """A cell of the notebook's file, in the file's order."""

    name: str | None
    code: str


class Graph(Struct, frozen=True, dict=True, eq=False):
    """A kernel's cells, whose nodes are made when one is asked for.

    A run that is served asks for none, and to normalise its cells would take it longer
    than to look for them.
    """

    cells: Sequence[KernelCell]

    @cached_property
    def nodes(self) -> Mapping[str, bytes]:
        """By kernel id."""
        return _nodes(self.by_kernel_id)

    @cached_property
    def by_kernel_id(self) -> Mapping[str, KernelCell]:
        return {cell.kernel_id: cell for cell in self.cells}

    @cached_property
    def by_name(self) -> Mapping[str, KernelCell]:
        """By the names that they define."""
        return {name: cell for cell in self.cells for name in cell.defs}


class Cell(Struct, frozen=True):
    """A cell as saved with an entry. `parents` are kernel ids."""

    kernel_id: str
    name: str | None
    ordinal: int
    code: str
    defs: tuple[str, ...]
    parents: tuple[str, ...]
    graph: Graph

    @property
    def digest(self) -> bytes:
        """The SHA-256 of its normalised code."""
        return digest_of(self.code)

    @property
    def node(self) -> bytes:
        """Its Merkle node: see `code.node_digest`."""
        return self.graph.nodes[self.kernel_id]


class Notebook(Struct, frozen=True, dict=True):
    """`cells` are in notebook order.

    `unrun` has the cells that the file has and the kernel does not, such as one
    whose code does not parse: they are not gone.
    """

    cells: tuple[Cell, ...]
    unrun: tuple[FileCell, ...]

    def cell(self, kernel_id: str | None) -> Cell | None:
        """The cell with a kernel id, if the notebook has it."""
        return self.by_kernel_id.get(kernel_id or "")

    @cached_property
    def by_kernel_id(self) -> Mapping[str, Cell]:
        return {cell.kernel_id: cell for cell in self.cells}


def compose(
    graph: Sequence[KernelCell],
    file: Sequence[FileCell],
    before: Notebook | None = None,
) -> Notebook:
    """The notebook of a kernel's cells and what its file says of them.

    `before` is the notebook a moment ago: a cell whose code the file does not
    have yet keeps the name and the place it had.
    """
    places, unrun = _places(graph, file)
    known = before.by_kernel_id if before else {}
    names: dict[str, str | None] = {}
    order: dict[str, tuple[int, int]] = {}
    previous = -1
    for index, (kernel_cell, place) in enumerate(zip(graph, places, strict=True)):
        kernel_id = kernel_cell.kernel_id
        if place is not None:
            names[kernel_id] = file[place].name
        elif kernel_id in known:
            place = known[kernel_id].ordinal
            names[kernel_id] = known[kernel_id].name
        else:
            place = previous
            names[kernel_id] = None
        order[kernel_id] = (place, index)
        previous = place

    shared = Graph(graph)
    ordered = sorted(graph, key=lambda cell: order[cell.kernel_id])
    return Notebook(
        cells=tuple(
            Cell(
                kernel_id=cell.kernel_id,
                name=names[cell.kernel_id],
                ordinal=ordinal,
                code=cell.code,
                defs=tuple(sorted(name for name in cell.defs if name[:1] != "_")),
                parents=tuple(sorted(cell.parents & order.keys())),
                graph=shared,
            )
            for ordinal, cell in enumerate(ordered)
        ),
        unrun=unrun,
    )


def _places(
    graph: Sequence[KernelCell], file: Sequence[FileCell]
) -> tuple[Sequence[int | None], tuple[FileCell, ...]]:
    """Where in the file each of the kernel's cells is, by its code; and who is left."""
    if [cell.code for cell in graph] == [cell.code for cell in file]:
        # As in most runs, and what is below would say the same of it.
        return range(len(file)), ()
    left: dict[bytes, list[int]] = {}
    for line, cell in enumerate(file):
        left.setdefault(digest_of(cell.code), []).append(line)
    places = [
        found.pop(0) if (found := left.get(digest_of(cell.code))) else None
        for cell in graph
    ]
    return places, tuple(file[line] for lines in left.values() for line in lines)


def _nodes(cells: Mapping[str, KernelCell]) -> Mapping[str, bytes]:
    """Each cell's node, without recursion: a notebook can be one long chain."""
    from marimo_cellar.notebook.code import node_digest

    nodes: dict[str, bytes] = {}
    for start in cells:
        waiting = [start]
        entered: set[str] = set()
        while waiting:
            kernel_id = waiting[-1]
            cell = cells[kernel_id]
            # A cell of a cycle, which marimo does not run, does without the
            # parent that it is itself an ancestor of.
            missing = [
                parent
                for parent in cell.parents
                if parent in cells and parent not in nodes and parent not in entered
            ]
            entered.add(kernel_id)
            if missing:
                waiting.extend(missing)
                continue
            waiting.pop()
            if kernel_id not in nodes:
                nodes[kernel_id] = node_digest(
                    digest_of(cell.code),
                    (nodes[one] for one in cell.parents if one in nodes),
                )
    return nodes
