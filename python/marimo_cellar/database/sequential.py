"""Whether entries are asked for in the order in which they were made, as a loop asks."""

from __future__ import annotations

from msgspec import Struct

# So many are worth reading ahead at first, and at most. One follows another if no more
# entries were made between them, by others.
_FIRST = 8
_MOST = 256
_NEAR = 16


class SequentialReads(Struct):
    """`last` is the entry that was asked for last, as far as it was not read ahead,
    and `length` how many of those before it followed one another. `until` is the last
    one that was read ahead after it, and `count` how many were to be."""

    last: int | None = None
    length: int = 0
    until: int = 0
    count: int = 0

    def follows(self, entry_id: int) -> bool:
        """Whether an entry, which is asked for now, is the next one or so."""
        last, self.last = self.last, entry_id
        follows = last is not None and last < entry_id <= max(last, self.until) + _NEAR
        self.length = self.length + 1 if follows else 0
        return follows

    def worth_ahead(self, entry_id: int) -> int:
        """How many of the entries after one, which is asked for now, are worth reading
        with it: the more, the longer the order has been kept."""
        # What was read before was of use only as far as it was asked for.
        used = self.count if entry_id > self.until else self.count // 4
        follows = self.follows(entry_id)
        self.count = min(max(2 * used, _FIRST), _MOST) if follows else 0
        self.until = entry_id
        return self.count
