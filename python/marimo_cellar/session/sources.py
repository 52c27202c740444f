"""Of a kernel's cells, the files that their values were made of, for those of other cells
that are made of these values.

What marimo hashes by content needs none of it: other content is another key. A model, a
connection or what else it hashes by the code that made it may be another one once
`model.pkl` has changed, and what was made of the old one is served.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from marimo_cellar.database.faults import Unavailable
from marimo_cellar.entries.made import Made, reads_in

if TYPE_CHECKING:
    from marimo_cellar.entries.reads import Read
    from marimo_cellar.lookups.lookup import Lookup
    from marimo_cellar.notebook.notebook import Cell


class _Served(Struct):
    """A cell that came from the cache, whose `reads` are looked up when they are asked
    for. What of it could not be saved, marimo runs it for anew."""

    lookup: Lookup
    reads: Sequence[Read] | None = None


class Sources:
    """Of one kernel or embedded app, and on its thread."""

    def __init__(self) -> None:
        # By marimo's ids of the cells.
        self._cells: dict[str, Made | _Served] = {}

    def compute(self, kernel_id: str, made: Made) -> None:
        """A cell has run, whether or not its result could be saved."""
        self._cells[kernel_id] = made

    def serve(self, lookup: Lookup) -> None:
        """A cell came from the cache."""
        if lookup.owner.kernel_id is not None:
            self._cells[lookup.owner.kernel_id] = _Served(lookup)

    def behind(
        self, cell: Cell, names: Collection[str], hashed: Collection[str]
    ) -> Iterator[Read]:
        """The files behind other cells' variables that a cell uses, but those that are
        `hashed` by what they hold. `names` are those in its code.

        These cells' own reads include what is behind them.
        """
        cells = cell.graph.by_id
        for kernel_id in cell.parents:
            source, definer = self._cells.get(kernel_id), cells.get(kernel_id)
            if source is None or definer is None:
                continue
            # Of a table only SQL has the name.
            used = definer.defs.intersection(names) or definer.defs
            if not used.issubset(hashed):
                yield from (
                    _reads_of(source) if isinstance(source, _Served) else source.reads
                )


def _reads_of(served: _Served) -> Sequence[Read]:
    if served.reads is None:
        served.reads = ()
        found = served.lookup.found
        if found is not None:
            try:
                with served.lookup.database.reading() as connection:
                    if connection is not None:
                        of = reads_in(connection, json.dumps([found.entry_id]))
                        served.reads = of.get(found.entry_id, ())
            except (sqlite3.Error, Unavailable):
                pass
    return served.reads
