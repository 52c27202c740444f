"""Of a kernel's cells, the files that their values were made of, for those of other cells
that are made of these values.

What marimo hashes by content needs none of it: other content is another key. A model, a
connection, a frame of texts or what else it hashes by the code that made it may be
another one once `data.csv` has changed, and what was made of the old one is served: it is
told of, as of its own files, and made anew where the cell above has run since.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from marimo_cellar.database.faults import Unavailable
from marimo_cellar.entries.made import Made, reads_in

if TYPE_CHECKING:
    from marimo_cellar.database.database import Database
    from marimo_cellar.entries.reads import Read
    from marimo_cellar.lookups.lookup import Lookup
    from marimo_cellar.notebook.notebook import Cell

# Of files that change without another value of what reads them.
_CHANGING = (".py", ".db", ".duckdb", ".sqlite", ".sqlite3")


class _Served(Struct):
    """A cell that came from the cache, whose `reads` are looked up when they are asked
    for. What of it could not be saved, marimo runs it for anew."""

    lookup: Lookup
    reads: Sequence[Read] | None = None


class Origins:
    """Of one kernel or embedded app, and on its thread."""

    def __init__(self) -> None:
        # By marimo's ids of the cells.
        self._cells: dict[str, Made | _Served] = {}
        # Of those that have run, the ones that were made of files.
        self._made_of_files: set[str] = set()

    def compute(self, kernel_id: str, made: Made) -> None:
        """A cell has run, whether or not its result could be saved."""
        self._cells[kernel_id] = made
        if made.reads:
            self._made_of_files.add(kernel_id)
        else:
            self._made_of_files.discard(kernel_id)

    def serve(self, lookup: Lookup) -> None:
        """A cell came from the cache."""
        if (kernel_id := lookup.owner.kernel_id) is not None:
            self._cells[kernel_id] = _Served(lookup)
            self._made_of_files.discard(kernel_id)

    def behind(
        self, cell: Cell, names: Collection[str], hashed: Collection[str]
    ) -> Iterator[tuple[str, Read]]:
        """The files behind other cells' variables that a cell uses, but those that are
        `hashed` by what they hold, with marimo's ids of these cells. `names` are those
        in its code.

        These cells' own reads include what is behind them.
        """
        cells = cell.graph.by_kernel_id
        for kernel_id in cell.parents:
            origin, definer = self._cells.get(kernel_id), cells.get(kernel_id)
            if origin is None or definer is None:
                continue
            # Of a table only SQL has the name.
            used = definer.defs.intersection(names) or definer.defs
            if not used.issubset(hashed):
                for read in _reads_of(origin):
                    yield kernel_id, read

    def may_be_anew(self, cell: Cell) -> bool:
        """Whether a cell that this one needs has run, and was made of files."""
        return not self._made_of_files.isdisjoint(cell.parents)

    def made_anew(
        self, behind: Iterable[tuple[str, Read]], before: Iterable[Read], folder: Path
    ) -> Read | None:
        """A data file `behind` a cell that was another one `before`, when an entry of it
        was made, than it was when a cell above has run since: the entry is of a value
        that is no more. None where there is none.

        Modules are left out, of which most edits change no value, and databases, which
        change with each use. `folder` is the notebook's.
        """
        old = {one.path: one for one in before if not one.path.endswith(_CHANGING)}
        for kernel_id, read in behind if old else ():
            if (
                kernel_id in self._made_of_files
                and read.path in old
                and _is_another(old[read.path], read, folder)
            ):
                return read
        return None


def reads_of_entry(database: Database, entry_id: int) -> Sequence[Read]:
    """What an entry was made of; nothing where that cannot be read."""
    try:
        with database.reading() as connection:
            if connection is not None:
                found = reads_in(connection, json.dumps([entry_id]))
                return found.get(entry_id, ())
    except (sqlite3.Error, Unavailable):
        pass
    return ()


def _reads_of(origin: Made | _Served) -> Sequence[Read]:
    if isinstance(origin, Made):
        return origin.reads
    if origin.reads is None:
        found = origin.lookup.found
        origin.reads = (
            ()
            if found is None
            else reads_of_entry(origin.lookup.database, found.entry_id)
        )
    return origin.reads


def _is_another(before: Read, now: Read, folder: Path) -> bool:
    from marimo_cellar.entries.reads import digest_as_it_was, is_same_time

    if before.size != now.size:
        return True
    if before.digest is not None and now.digest is not None:
        return before.digest != now.digest
    if is_same_time(before, now):
        return False
    # What cannot be told is made anew.
    return before.digest is None or before.digest != digest_as_it_was(now, folder)
