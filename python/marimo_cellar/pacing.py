"""Pacing: how many at a time fit into a transaction that is to be short.

As in `src/store/database/Pace.ts`; `test/fixtures/pacing.json` has what both do.
"""

from __future__ import annotations

from collections import deque
from statistics import median

# So many of the last ones count: a pause that the system made in one of them, in
# which others ran, says nothing of the next.
_COUNTED = 5


class Pace:
    """How large each piece of some work is to be, by how long the last ones took."""

    def __init__(self, seconds: float, first: int = 4) -> None:
        """`seconds` is what a piece is meant to take, `first` how large the first is."""
        self.size = first
        self._seconds = seconds
        self._each: deque[float] = deque(maxlen=_COUNTED)

    def took(self, seconds: float) -> None:
        """A piece of that size took so long."""
        self._each.append(seconds / self.size)
        each = max(median(self._each), 1e-9)
        self.size = max(1, min(2 * self.size, int(self._seconds / each)))
