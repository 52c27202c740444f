"""The files that a notebook's next cells are likely to need, in the cells' order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from marimo_cellar.entries import Found

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
        # Those before were told.
        self._told = 0

    def files_after(self, found: Found) -> list[tuple[bytes, str]]:
        """Digest and name of what was not told yet of the entries after one."""
        place = self._places.get(found.entry_id, len(self._items))
        left = _MOST_BYTES
        files = []
        while left > 0 and place < len(self._items):
            left -= sum(item.size for item in self._items[place])
            if place >= self._told:
                files += [(item.digest, str(item.file)) for item in self._items[place]]
            place += 1
        self._told = max(self._told, place)
        return files
