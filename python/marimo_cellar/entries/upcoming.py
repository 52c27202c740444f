"""The files that a notebook's next cells are likely to need, in the cells' order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from marimo_cellar.database.found import Found

# Bytes of files that the system is told of at once, beyond the first.
_MOST_BYTES = 64 * 2**20


class Upcoming:
    """Of entries in the order in which they are likely to be asked for."""

    def __init__(self, founds: Sequence[Found]) -> None:
        self._places = {one.entry_id: place for place, one in enumerate(founds, 1)}
        self._items = [
            [item for item in one.items or () if item.file is not None]
            for one in founds
        ]
        # Bytes of the files before each of them: this is asked at every lookup, and to
        # add up what is ahead would grow with the square of the cells.
        sizes = (sum(item.size for item in items) for items in self._items)
        self._before = list(accumulate(sizes, initial=0))
        # Those before were told.
        self._told = 0

    def files_after(self, found: Found) -> list[tuple[bytes, str]]:
        """Digest and name of what was not told yet of the entries after one."""
        place = self._places.get(found.entry_id)
        if place is None:
            return []
        end = self._before[place] + _MOST_BYTES
        begin = self._told = max(self._told, place)
        while self._told < len(self._items) and self._before[self._told] < end:
            self._told += 1
        return [
            (item.digest, str(item.file))
            for items in self._items[begin : self._told]
            for item in items
        ]
