"""A large cache: notebooks, their cells, and entries of two values each.

Cells and nodes are written by the code that a kernel saves by; entries by the
statements of `saving.save_all`, many at a time, with true seals. The schema's own
triggers keep the totals. `python -m stores.population FOLDER` makes the one that
the measurements inside VS Code look at.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Any

from .loading import CELL_CACHE
from .payloads import marimo_hash, payload

_VALUE = 100


@dataclass(frozen=True)
class Population:
    """How many notebooks there are, cells of each notebook, and entries of each cell."""

    notebooks: int = 50
    cells: int = 40
    entries: int = 50

    def cell_entries(self, cell: int) -> range:
        """The numbers of a cell's entries, the cells of all notebooks counted on."""
        return range(cell * self.entries, (cell + 1) * self.entries)

    @property
    def all_entries(self) -> range:
        """The numbers of the entries of all cells."""
        return range(self.notebooks * self.cells * self.entries)


def values_of(population: Population, number: int) -> Iterator[tuple[str, bytes]]:
    """An entry's keys and bytes, the manifest last, as marimo's lazy loader puts them."""
    name = variable(number // population.entries)
    hash = marimo_hash(number)
    part = f"{CELL_CACHE}/{hash}/{name}.pickle"
    yield part, payload(_VALUE, number)
    item = {"reference": part, "type_hint": "builtins.list"}
    manifest = {
        "hash": hash,
        "cache_type": "Pure",
        "defs": {name: item},
        "stateful_refs": [],
        "meta": {"version": 6},
        "ui_defs": [],
    }
    yield f"{CELL_CACHE}/P_{hash}.jsonl", json.dumps(manifest).encode()


def variable(cell: int) -> str:
    """The name that a cell defines."""
    return f"value_{cell}"


def fill_files(folder: Path, population: Population) -> None:
    """As marimo's `FileStore` has it."""
    for number in population.all_entries:
        for key, value in values_of(population, number):
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(value)


def fill_database(folder: Path, population: Population) -> None:
    """As Cellar has it, for the notebooks two folders above, which are written too."""
    from marimo_cellar.database.database import database_in

    database = database_in(folder)
    for index in range(population.notebooks):
        path = folder.parent.parent / f"notebook_{index:02}.py"
        _fill_notebook(database, path, index, population)
    database.fold_log()
    database.close()


def _fill_notebook(
    database: Any, path: Path, index: int, population: Population
) -> None:
    from marimo_cellar import _marimo
    from marimo_cellar.entries.entries import Owner
    from marimo_cellar.entries.owning import nodes_of, places
    from marimo_cellar.entries.roll import Roll
    from marimo_cellar.notebook.notebook import KernelCell, compose

    first = index * population.cells
    numbers = range(first, first + population.cells)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_text(numbers))
    file = _marimo.file_cells(path)
    graph = [
        KernelCell(
            kernel_id=str(cell),
            code=one.code,
            defs=frozenset([variable(cell)]),
            parents=frozenset([str(cell - 1)] if cell > first else []),
        )
        for cell, one in zip(numbers, file, strict=True)
    ]
    notebook = compose(graph, file)
    roll = Roll(path)
    with database.writing() as connection:
        for cell in numbers:
            owner = Owner(roll, notebook, str(cell))
            (cell_id,) = places(connection, database, [owner])
            (node,) = nodes_of(connection, [owner])
            insert_entries(connection, cell_id, node, cell, population)


def _text(numbers: range) -> str:
    """A notebook in which each cell depends on the one before."""
    cells = []
    for cell in numbers:
        before = variable(cell - 1) if cell > numbers[0] else ""
        cells.append(
            f"\n\n@app.cell\ndef step_{cell}({before}):\n"
            f"    {variable(cell)} = [{before or 0}, {cell}]\n"
            f"    return ({variable(cell)},)\n"
        )
    return (
        "import marimo\n\napp = marimo.App()\n"
        + "".join(cells)
        + '\n\nif __name__ == "__main__":\n    app.run()\n'
    )


def insert_entries(
    connection: Any, cell_id: int, node: bytes | None, cell: int, population: Population
) -> None:
    """A cell's entries, in the caller's transaction."""
    from marimo_cellar.entries import keys
    from marimo_cellar.values import checksums

    (last,) = connection.execute(
        "SELECT coalesce(max(entry_id), 0) FROM entries"
    ).fetchone()
    versions = json.dumps({"marimo": "0.25.2", "python": "3.11.7", "cache": 6})
    entries, kept, items = [], [], []
    now = time()
    for entry_id, number in enumerate(population.cell_entries(cell), last + 1):
        entries.append(
            (
                entry_id,
                cell_id,
                CELL_CACHE,
                marimo_hash(number),
                node,
                now - number % 1000,
                versions,
            )
        )
        for key, value in values_of(population, number):
            digest, size = sha256(value).digest(), len(value)
            kept.append((digest, size, zlib.crc32(value), value))
            manifest = key.endswith(".jsonl")
            items.append(
                (
                    *(cell_id, entry_id, key),
                    "manifest" if manifest else keys.stem(key),
                    keys.format_of(key),
                    None if manifest else "builtins.list",
                    *(digest, checksums.seal(key, digest, size)),
                )
            )
    connection.executemany(
        "INSERT INTO entries (entry_id, cell_id, cache_name, cache_type, hash, loader,"
        " node, runtime, created_at, versions)"
        " VALUES (?, ?, ?, 'P', ?, 'lazy', ?, 0.5, ?, ?)",
        entries,
    )
    connection.executemany(
        "INSERT INTO blobs (digest, size, crc32, content) VALUES (?, ?, ?, ?)", kept
    )
    connection.executemany(
        "INSERT INTO items (cell_id, entry_id, key, name, format, type_hint, digest,"
        " seal) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        items,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m stores.population")
    parser.add_argument("folder", type=Path, help="where the notebooks go")
    parser.add_argument("--package", type=Path, required=True)
    parser.add_argument("--notebooks", type=int, default=50)
    parser.add_argument("--cells", type=int, default=40, help="of each notebook")
    parser.add_argument("--entries", type=int, default=50, help="of each cell")
    given = parser.parse_args()
    sys.path.insert(0, os.path.abspath(given.package))
    fill_database(
        given.folder.resolve() / "__marimo__" / "cache",
        Population(given.notebooks, given.cells, given.entries),
    )


if __name__ == "__main__":
    main()
