"""What it takes to make again what leaves the cache."""

from __future__ import annotations

from collections.abc import Iterable

from marimo_cellar.cleaning.retention import Candidate


class Loss:
    """Adds up what it took to compute results, and what they cost in money.

    Of each cell it is what its own results took, or the functions and blocks in it,
    whichever is more: both would tell most of it twice, since what they took is part
    of what the cell took. (VS Code tells in the same way what a cell saves.)
    """

    def __init__(self, candidates: Iterable[Candidate] = ()) -> None:
        self._seconds = _ByCell()
        self._amount = _ByCell()
        self.add(candidates)

    def add(self, candidates: Iterable[Candidate]) -> None:
        """Counts these in."""
        for one in candidates:
            self._seconds.add(one.cell_id, one.part, one.seconds)
            if one.amount:
                self._amount.add(one.cell_id, one.part, one.amount)

    @property
    def seconds(self) -> float:
        """What it took to compute them."""
        return self._seconds.total

    @property
    def amount(self) -> float:
        """What they cost, in whatever currency the user counts in."""
        return self._amount.total


class _ByCell:
    """A sum over cells, kept as it grows: of very many results it is asked often."""

    def __init__(self) -> None:
        self._sums: dict[int, list[float]] = {}
        self.total = 0.0

    def add(self, cell_id: int, part: bool, amount: float) -> None:
        sums = self._sums.setdefault(cell_id, [0.0, 0.0])
        before = max(sums)
        sums[part] += amount
        self.total += max(sums) - before
