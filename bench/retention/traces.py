"""Traces of requests for cached results, made from how people work in notebooks.

There is no public trace of a notebook cache; public cache traces (block storage,
web, key-value) have keys and at best sizes, and nobody recorded what a miss took to
compute. So sessions are played: a person opens a notebook, which asks for all of its
cells, edits a cell and runs it and what depends on it, undoes, runs again, restarts,
moves a slider, switches a branch, or sends documents to a language model.

What results weigh and take, by kind of cell (medians of log-normal distributions,
the spread being one standard deviation of the logarithm):

- `load`: 120 MB in 2.5 s. Parsing reads some 50 MB/s: pandas' own CSV figures.
- `query`: 20 MB in 8 s, a warehouse or an API over the network.
- `clean`, `join`: about as large as what they are made of, 0.4 to 3 s a 100 MB.
- `features`: 60 MB in 12 s, row-wise Python.
- `fit`: a model of 4 MB in 45 s, with the widest spread of all.
- `score`: 200 kB in 3 s. `plot`: 150 kB in 0.6 s. `summary`: 3 kB in 0.08 s.
- an answer of a language model: 3 kB in 6 s.

Everything is drawn from a seed. Sizes are bytes, times seconds.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count

HOUR = 3600.0
DAY = 24 * HOUR


@dataclass(frozen=True)
class Result:
    """What a request asks for; equal keys are the same result.

    `node` is the version of the code, with all it depends on, that asks.
    """

    key: str
    app: str
    cell: str
    cache_name: str
    node: str
    size: int
    seconds: float


@dataclass(frozen=True)
class Run:
    """What one run of a notebook asks for, in order; `at` is in Unix seconds."""

    at: float
    requests: tuple[Result, ...]


@dataclass(frozen=True)
class Kind:
    """A kind of cell: medians, and how much a change to its code changes them."""

    size: float
    seconds: float
    spread: float


KINDS = {
    "load": Kind(120e6, 2.5, 1.0),
    "query": Kind(20e6, 8.0, 1.0),
    "clean": Kind(100e6, 1.2, 0.8),
    "join": Kind(150e6, 3.0, 0.8),
    "features": Kind(60e6, 12.0, 1.0),
    "fit": Kind(4e6, 45.0, 1.2),
    "score": Kind(200e3, 3.0, 1.0),
    "plot": Kind(150e3, 0.6, 0.8),
    "summary": Kind(3e3, 0.08, 0.8),
    "answer": Kind(3e3, 6.0, 0.7),
}


@dataclass
class Cell:
    """A cell: what it is, whom it depends on, and all versions of its code."""

    name: str
    kind: str
    parents: list[int]
    size: float
    seconds: float
    versions: list[int] = field(default_factory=lambda: [0])


@dataclass
class Habits:
    """How likely each step of a session is; the rest are edits."""

    undo: float = 0.12
    rerun: float = 0.15
    restart: float = 0.10
    slide: float = 0.0
    switch: float = 0.0
    ask: float = 0.0


class Notebook:
    """A notebook being worked on; its methods yield what each step asks for."""

    def __init__(self, rng: random.Random, name: str, kinds: list[str]) -> None:
        self.rng, self.name = rng, name
        self.cells: list[Cell] = []
        for index, kind in enumerate(kinds):
            shape = KINDS[kind]
            parents = self._parents(kind, index)
            self.cells.append(
                Cell(
                    f"{name}/{index}",
                    kind,
                    parents,
                    shape.size * math.exp(rng.gauss(0, shape.spread)),
                    shape.seconds * math.exp(rng.gauss(0, shape.spread)),
                )
            )
        self.current = [0] * len(kinds)
        self.branches = [list(self.current)]
        self.branch = 0
        self.slider = 0
        self.focus = len(kinds) - 1
        self.documents = 12
        self.prompts = [0]
        self._made = 0

    def fork(self, rng: random.Random) -> Notebook:
        """The notebook as it stands, to be worked on by other dice."""
        other = copy(self)
        other.rng = rng
        other.cells = [copy(cell) for cell in self.cells]
        for cell in other.cells:
            cell.versions = list(cell.versions)
        other.current = list(self.current)
        other.branches = [list(branch) for branch in self.branches]
        other.prompts = list(self.prompts)
        return other

    def _parents(self, kind: str, index: int) -> list[int]:
        if kind in ("load", "query") or index == 0:
            return []
        # Most cells go on from a cell nearby that holds data.
        data = [
            i for i in range(index) if self.cells[i].kind not in ("plot", "summary")
        ]
        if not data:
            return []
        first = data[-1 - min(int(self.rng.expovariate(0.8)), len(data) - 1)]
        if kind == "join" and len(data) > 1:
            return sorted({first, self.rng.choice(data)})
        return [first]

    def nodes(self) -> list[str]:
        """Each cell's version with all it depends on, as the notebook stands."""
        nodes: list[str] = []
        for index, cell in enumerate(self.cells):
            above = tuple(nodes[parent] for parent in cell.parents)
            nodes.append(_node(index, self.current[index], above))
        return nodes

    def result(self, index: int, nodes: list[str], slider: int) -> Result:
        cell = self.cells[index]
        key = f"{self.name}:{nodes[index]}" + (f"@{slider}" if slider else "")
        # The same code on other data, or other code, is about as large and slow.
        size, seconds = _noise(key, 0.25)
        return Result(
            key,
            self.name,
            cell.name,
            "cell_cache",
            nodes[index],
            max(64, int(cell.size * size)),
            cell.seconds * seconds,
        )

    def below(self, index: int) -> list[int]:
        """A cell and all that depends on it, in notebook order."""
        found = {index}
        for other in range(index + 1, len(self.cells)):
            if found.intersection(self.cells[other].parents):
                found.add(other)
        return sorted(found)

    def ask_for(self, indexes: list[int]) -> list[Result]:
        nodes = self.nodes()
        slid = set(self.below(self.slider_cell)) if self.slider else set()
        return [
            self.result(index, nodes, self.slider if index in slid else 0)
            for index in indexes
        ]

    @property
    def slider_cell(self) -> int:
        """The first cell that the slider moves: about the middle of the notebook."""
        return len(self.cells) // 2

    def everything(self) -> list[Result]:
        return self.ask_for(list(range(len(self.cells)))) + self.answers(self.documents)

    def step(self, habits: Habits) -> list[Result]:
        rng = self.rng
        draw = rng.random()
        for share, step in (
            (habits.undo, self.undo),
            (habits.rerun, self.rerun),
            (habits.restart, self.everything),
            (habits.slide, self.slide),
            (habits.switch, self.switch),
            (habits.ask, self.ask),
        ):
            if draw < share:
                return step()
            draw -= share
        return self.edit()

    def edit(self) -> list[Result]:
        """New code for a cell near the one worked on last; it and all below run."""
        rng = self.rng
        if rng.random() < 0.35:
            # People work downwards, and go back up at times.
            self.focus = rng.choices(
                range(len(self.cells)), [1 + i for i in range(len(self.cells))]
            )[0]
        cell = self.cells[self.focus]
        self._made += 1
        cell.versions.append(self._made)
        self.current[self.focus] = self._made
        return self.ask_for(self.below(self.focus))

    def undo(self) -> list[Result]:
        """Back to an earlier version of the cell worked on, mostly the last one."""
        cell = self.cells[self.focus]
        back = 1 + min(int(self.rng.expovariate(1.2)), 8)
        if len(cell.versions) < 2:
            return self.rerun()
        at = cell.versions.index(self.current[self.focus])
        self.current[self.focus] = cell.versions[max(0, at - back)]
        return self.ask_for(self.below(self.focus))

    def rerun(self) -> list[Result]:
        return self.ask_for(self.below(self.focus))

    def slide(self) -> list[Result]:
        """Another value of a slider, the middle ones more often."""
        self.slider = 1 + min(int(abs(self.rng.gauss(0, 4))), 14)
        return self.ask_for(self.below(self.slider_cell))

    def switch(self) -> list[Result]:
        """Another branch, which has versions of its own of some cells."""
        self.branches[self.branch] = list(self.current)
        if len(self.branches) < 3 and self.rng.random() < 0.3:
            self.branches.append(list(self.current))
            self.branch = len(self.branches) - 1
            return self.edit()
        if len(self.branches) == 1:
            return self.rerun()
        others = [i for i in range(len(self.branches)) if i != self.branch]
        self.branch = self.rng.choice(others)
        self.current = list(self.branches[self.branch])
        return self.everything()

    def ask(self) -> list[Result]:
        """The documents again: with a better prompt, or more of them, or as before."""
        draw = self.rng.random()
        if draw < 0.35:
            self.prompts.append(len(self.prompts))
            # A new prompt is tried on a few.
            return self.answers(self.rng.choice([3, 5, 10]))
        if draw < 0.5 and len(self.prompts) > 1:
            self.prompts.append(self.prompts.pop(-2))
        elif draw < 0.75:
            self.documents = min(150, int(self.documents * 1.3) + 1)
        return self.answers(self.documents)

    def answers(self, documents: int) -> list[Result]:
        if not self.asks:
            return []
        prompt = self.prompts[-1]
        shape = KINDS["answer"]
        results = []
        for document in range(documents):
            key = f"{self.name}:ask:{prompt}:{document}"
            size, seconds = _noise(key, shape.spread)
            results.append(
                Result(
                    key,
                    self.name,
                    f"{self.name}/ask",
                    "ask",
                    f"ask.{prompt}",
                    int(shape.size * size),
                    shape.seconds * seconds,
                )
            )
        return results

    asks = False


def kinds(rng: random.Random, cells: int) -> list[str]:
    """The kinds of a notebook's cells: data first, then what is made of it."""
    head = ["load", *rng.choices(["load", "query", "clean"], k=max(1, cells // 8))]
    body = rng.choices(
        ["clean", "join", "features", "fit", "score", "plot", "summary"],
        [3, 1, 2, 2, 2, 5, 6],
        k=cells - len(head),
    )
    return head + body


@dataclass(frozen=True)
class Scenario:
    """A project: its notebooks, how long it goes on, how people work in it."""

    name: str
    notebooks: int
    cells: int
    days: int
    habits: Habits
    asks: bool = False


SCENARIOS = (
    Scenario("exploration", 1, 24, 12, Habits()),
    Scenario("branches", 2, 20, 12, Habits(undo=0.15, switch=0.15)),
    Scenario("sweeps", 1, 18, 10, Habits(slide=0.45)),
    Scenario("language model", 1, 12, 12, Habits(ask=0.35), asks=True),
    Scenario("team", 6, 20, 30, Habits(switch=0.05, slide=0.08, ask=0.04), asks=True),
)


class Project:
    """A scenario as it goes on: its notebooks, and who sits at which of them."""

    def __init__(self, scenario: Scenario, rng: random.Random) -> None:
        self.scenario, self.rng = scenario, rng
        self.notebooks = [
            Notebook(rng, f"{scenario.name}-{i}.py", kinds(rng, scenario.cells))
            for i in range(scenario.notebooks)
        ]
        if scenario.asks:
            for notebook in self.notebooks[: max(1, len(self.notebooks) // 3)]:
                notebook.asks = True
        self.day = 0
        self.sittings = 0
        self.steps = 0
        self.at = 0.0
        self.open = 0

    def runs(self) -> Iterator[Run]:
        """All of it, by time."""
        for day in range(self.scenario.days):
            yield from self._work(day)

    def future(self, rng: random.Random) -> Iterator[Run]:
        """How it may go on from here by other dice, for days without end.

        How long this sitting and this day last is drawn anew.
        """
        other = copy(self)
        other.rng = rng
        other.notebooks = [notebook.fork(rng) for notebook in self.notebooks]
        yield from other._go_on()
        yield from other._sit()
        for day in count(self.day + 1):
            yield from other._work(day)

    def _work(self, day: int) -> Iterator[Run]:
        self.day, self.at, self.sittings = day, day * DAY + 9 * HOUR, 0
        yield from self._sit()

    def _sit(self) -> Iterator[Run]:
        """The day's sittings after those there were."""
        # A few notebooks a day, the ones worked on lately more often.
        active = 1 + self.day * len(self.notebooks) // self.scenario.days
        active = min(active, len(self.notebooks))
        weights = [1.0 + 2.0 * (i == active - 1) for i in range(active)]
        sittings = _at_least(self.sittings, lambda: self.rng.choice([1, 2, 2, 3]))
        while self.sittings < sittings:
            self.sittings += 1
            self.steps = 0
            self.open = self.rng.choices(range(active), weights)[0]
            yield Run(self.at, tuple(self.notebooks[self.open].everything()))
            yield from self._go_on()

    def _go_on(self) -> Iterator[Run]:
        """The sitting's steps after those there were."""
        rng = self.rng
        steps = _at_least(self.steps, lambda: max(3, int(rng.gauss(16, 6))))
        while self.steps < steps:
            self.steps += 1
            self.at += rng.expovariate(1 / 150) + 5
            if requests := self.notebooks[self.open].step(self.scenario.habits):
                yield Run(self.at, tuple(requests))
        self.at += rng.expovariate(1 / HOUR)


def project(scenario: Scenario, seed: int) -> Project:
    return Project(scenario, random.Random(f"{scenario.name}/{seed}"))


def trace(scenario: Scenario, seed: int) -> list[Run]:
    """The runs of a project, by time."""
    return list(project(scenario, seed).runs())


def _at_least(least: int, draw: Callable[[], int]) -> int:
    """A number as it is drawn, of those that are not less than `least`."""
    while (number := draw()) < least:
        pass
    return number


@lru_cache(maxsize=1 << 16)
def _node(index: int, version: int, above: tuple[str, ...]) -> str:
    return f"{index}.{version}({','.join(above)})"


@lru_cache(maxsize=1 << 17)
def _noise(key: str, spread: float) -> tuple[float, float]:
    """By how much the result is larger and slower than others of its kind."""
    noise = random.Random(key)
    return math.exp(noise.gauss(0, spread)), math.exp(noise.gauss(0, spread))
