"""What nobody could do better, knowing all requests to come.

`lower_bound` is a true one: caching with different sizes and costs is a linear
program once results may be kept in part (the interval form of Berger, Beckmann and
Harchol-Balter, "Practical Bounds on Optimal Caching with Variable Object Sizes",
Proc. ACM Meas. Anal. Comput. Syst. 2(2), 2018, with seconds in the place of misses).
Whoever keeps whole results only cannot do better than who may keep parts.

`Clairvoyant` is Belady's rule by value: greedy, so not the optimum, but something
that keeps whole results and could be run by whoever knows the future.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from policies import ROWS, Ranked
from scipy.optimize import linprog
from scipy.sparse import coo_matrix
from traces import Result, Run


def lower_bound(runs: list[Run], budget: int) -> float:
    """The least seconds of recomputation that any policy can have."""
    starts, ends, sizes, costs = _intervals(runs)
    # Results that are over the budget alone can be kept by nobody, in no part.
    fits = sizes <= budget
    lost = float(costs[~fits].sum())
    starts, ends, sizes, costs = starts[fits], ends[fits], sizes[fits], costs[fits]
    if len(starts) == 0:
        return lost
    lengths = ends - starts
    columns = np.repeat(np.arange(len(starts)), lengths)
    offsets = np.arange(lengths.sum()) - np.repeat(
        np.cumsum(lengths) - lengths, lengths
    )
    rows = starts[columns] + offsets
    kept = coo_matrix((sizes[columns] / 1e6, (rows, columns))).tocsr()
    loads = np.asarray(kept.sum(axis=1)).ravel()
    tight = loads > budget / 1e6
    if not tight.any():
        return lost
    # Maximise the seconds saved by what is kept between two uses of it.
    solved = linprog(
        -costs,
        A_ub=kept[tight],
        b_ub=np.full(int(tight.sum()), budget / 1e6),
        bounds=(0, 1),
        method="highs-ipm",
    )
    assert solved.status == 0, solved.message
    return lost + float(costs.sum() + solved.fun)


def _intervals(
    runs: list[Run],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Two uses of a result in different runs: from when to when it would have to be
    kept, as numbers of runs, its size in bytes and the seconds that this saves."""
    last: dict[str, int] = {}
    found: list[tuple[int, int, int, float]] = []
    for index, run in enumerate(runs):
        for result in run.requests:
            before = last.get(result.key)
            if before is not None and before != index:
                found.append((before, index, result.size + ROWS, result.seconds))
            last[result.key] = index
    starts, ends, sizes, costs = zip(*found, strict=True)
    return (
        np.array(starts),
        np.array(ends),
        np.array(sizes, dtype=float),
        np.array(costs),
    )


class Clairvoyant(Ranked):
    """Least seconds saved per byte and run until its next use goes first."""

    def __init__(self, runs: list[Run]) -> None:
        super().__init__()
        self.uses: dict[str, list[int]] = defaultdict(list)
        for index, run in enumerate(runs):
            for result in run.requests:
                if self.uses[result.key][-1:] != [index]:
                    self.uses[result.key].append(index)
        self.run = 0

    def shrink(self, budget: int, at: float) -> None:
        for key in {key for key in self.kept if not self._next(key)}:
            self.used -= self.kept.pop(key).size + ROWS
        super().shrink(budget, at)
        self.run += 1

    def rank(self, key: str) -> tuple[float, ...]:
        result: Result = self.kept[key]
        return (result.seconds / (result.size + ROWS) / (self._next(key) - self.run),)

    def _next(self, key: str) -> int:
        """The next run that asks for it; 0 for none."""
        uses = self.uses[key]
        while uses and uses[0] <= self.run:
            uses.pop(0)
        return uses[0] if uses else 0
