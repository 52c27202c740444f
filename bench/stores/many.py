"""A cache of many entries: listing it, the totals of its cells, clearing one cell.

| id | marimo's files | Cellar |
|---|---|---|
| `list` | every file's name and size | every value's key and size |
| `totals` | the same, added up by the variable in the name | one row a cell |
| `clear` | reads the manifests to find whose they are, then removes files | by cell |
| `clear-known` | removes files of which it is known whose they are | by cell |

marimo's files do not say which cell they are of; to clear one without knowing, each
manifest has to be asked which names it holds.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from .loading import CELL_CACHE
from .population import Population, fill_database, fill_files, values_of, variable
from .rounds import Case, Turn
from .subjects import OURS

_POPULATIONS = {"10k": Population(20, 10, 50), "100k": Population(50, 40, 50)}
_QUICK = {"1k": Population(5, 4, 50)}


def cases(quick: bool) -> list[Case]:
    works = ("list", "totals", "clear", "clear-known")
    return [
        Case(
            tuple(f"{work}/{count}" for work in works),
            OURS,
            partial(_large, population=population),
            warm_up=False,
        )
        for count, population in (_QUICK if quick else _POPULATIONS).items()
    ]


def _large(folder: Path, population: Population) -> Turn:
    places = {name: folder / name / "__marimo__" / "cache" for name in OURS}
    fill_files(places["files"], population)
    fill_database(places["cellar"], population)
    os.sync()
    makers: dict[str, Callable[[Path, Population], _Files | _Cellar]] = {
        "files": _Files,
        "cellar": _Cellar,
    }
    subjects = {name: makers[name](places[name], population) for name in OURS}

    def turn(name: str, round: int) -> tuple[float, ...]:
        subject = subjects[name]
        listed, listing = _timed(subject.list)
        _, adding = _timed(subject.totals)
        # Two cells a round, and each round those of another notebook.
        first = round * population.cells
        _, clearing = _timed(lambda: subject.clear(first))
        _, removing = _timed(lambda: subject.clear_known(first + 1))
        left = len(population.all_entries) - 2 * round * population.entries
        assert listed == 2 * left, f"{name} lists {listed} values"
        return listing, adding, clearing, removing

    return turn


def _timed(work: Callable[[], int]) -> tuple[int, float]:
    begun = perf_counter()
    count = work()
    return count, perf_counter() - begun


class _Files:
    def __init__(self, folder: Path, population: Population) -> None:
        from marimo._save.stores import FileStore

        self.folder = folder / CELL_CACHE
        self.population = population
        self.store = FileStore(str(folder))

    def list(self) -> int:
        return len(_files(self.folder))

    def totals(self) -> int:
        sizes: Counter[str] = Counter()
        for path, size in _files(self.folder):
            sizes[os.path.basename(path)] += size
        return len([name for name in sizes if name.startswith("value_")])

    def clear(self, cell: int) -> int:
        name = variable(cell)
        with os.scandir(self.folder) as found:
            manifests = [one for one in found if one.name.endswith(".jsonl")]
        for one in manifests:
            with open(one.path, "rb") as file:
                manifest = json.load(file)
            if name in manifest["defs"]:
                self.store.clear(manifest["defs"][name]["reference"])
                self.store.clear(f"{CELL_CACHE}/{one.name}")
        return 1

    def clear_known(self, cell: int) -> int:
        for number in self.population.cell_entries(cell):
            for key, _ in values_of(self.population, number):
                self.store.clear(key)
        return 1


def _files(folder: Path) -> list[tuple[str, int]]:
    """Path and size of every file, by the fewest calls of the system."""
    found: list[tuple[str, int]] = []
    waiting = [str(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    found.append((entry.path, entry.stat().st_size))
    return found


class _Cellar:
    def __init__(self, folder: Path, population: Population) -> None:
        from marimo_cellar.database.database import database_in

        self.database = database_in(folder)

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.database.reading() as connection:
            assert connection is not None
            return connection.execute(query).fetchall()

    def list(self) -> int:
        # Both by indexes in the order of digests, so that no blob's row is read. Left
        # to itself SQLite takes the other index of the digests, and three times as long.
        return len(
            self._rows(
                "SELECT key, size FROM items INDEXED BY items_by_digest"
                " JOIN blobs INDEXED BY blobs_by_size USING (digest)"
            )
        )

    def totals(self) -> int:
        return len(self._rows("SELECT cell_id, entries, size, runtime FROM totals"))

    def clear(self, cell: int) -> int:
        from marimo_cellar.entries import blobs, clearing

        with self.database.writing() as connection:
            rows = connection.execute(
                "SELECT entry_id FROM entries JOIN cells USING (cell_id)"
                " WHERE defs = ?",
                (json.dumps([variable(cell)]),),
            ).fetchall()
            digests = clearing.delete(connection, [entry_id for (entry_id,) in rows])
            files = blobs.remove_unused(connection, digests)
        blobs.unlink(self.database, files)
        assert rows
        return 1

    clear_known = clear
