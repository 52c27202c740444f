"""What could be known: how likely each result is wanted, and how soon, on average.

`Knower` is a policy that knows by what habits a trace is played and how every notebook
stands, its branches and the cell that is worked on among it, but not how the dice fall
next. So it knows more than any cache can, and less than the clairvoyant: what is
between those two is luck. `npm run retention -- --habits` prints its seconds over the
clairvoyant's.
"""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import islice

from policies import ROWS, Ranked
from traces import Project, Result

# With half as many it foresees too little of what is rare.
FUTURES = 16
RUNS = 150  # Some nine sittings.
# Of what so few futures do not show: little, and the less the longer it was not used.
UNFORESEEN = 0.01

# By run of a trace: what may be wanted again, and the mean of 1 / runs until then.
Prospects = list[dict[str, float]]


def prospects(project: Project, seed: int) -> Prospects:
    """Plays the project and, from each of its runs on, how it might have gone on."""
    dice = random.Random(f"futures/{project.scenario.name}/{seed}")
    known: set[str] = set()
    found = []
    for run in project.runs():
        known.update(result.key for result in run.requests)
        hopes: dict[str, float] = defaultdict(float)
        for _ in range(FUTURES):
            seen: set[str] = set()
            for wait, later in enumerate(islice(project.future(dice), RUNS), start=1):
                for result in later.requests:
                    if result.key not in seen:
                        seen.add(result.key)
                        hopes[result.key] += 1 / wait / FUTURES
        found.append({key: hope for key, hope in hopes.items() if key in known})
    return found


class Knower(Ranked):
    """Least seconds that it is likely to save per byte and run goes first."""

    def __init__(self, prospects: Prospects) -> None:
        super().__init__()
        self.prospects = prospects
        self.run = 0
        self.used_in: dict[str, int] = {}

    def use(self, result: Result, at: float) -> None:
        super().use(result, at)
        self.used_in[result.key] = self.run

    def shrink(self, budget: int, at: float) -> None:
        before = dict(self.kept)
        ranks = {key: self.rank(key) for key in before}
        super().shrink(budget, at)
        # As Cellar does: no more goes than is wanted.
        gone = before.keys() - self.kept.keys()
        for key in sorted(gone, key=lambda key: ranks[key], reverse=True):
            if self.used + before[key].size + ROWS <= budget:
                self.kept[key] = before[key]
                self.used += before[key].size + ROWS
        self.run += 1

    def rank(self, key: str) -> tuple[float, ...]:
        result = self.kept[key]
        hope = self.prospects[self.run].get(key, 0.0)
        hope += UNFORESEEN / (self.run - self.used_in[key] + 1)
        return (hope * result.seconds / (result.size + ROWS),)
