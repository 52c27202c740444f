"""What a cell makes of its own classes and functions comes from the cache as well.

A pickle names these, and they are made from their source only as the cell is restored.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import kernels
from tests.conftest import ran, write_notebook

CELLS = {
    "instances": (
        """
        @dataclasses.dataclass
        class Point:
            x: int
        points = [Point(1), Point(2)]
        by_name = {"first": points[0], "module": dataclasses}
        one = Point(3)
        """,
        "points == [Point(1), Point(2)] and by_name['module'] is dataclasses"
        " and by_name['first'] == Point(1) and type(one) is Point",
    ),
    "annotated": (
        """
        class Shape:
            sides: int = 4
        @dataclasses.dataclass
        class Drawing:
            shapes: list[Shape]
            before: "Drawing | None" = None
        def draw(*shapes: Shape) -> Drawing:
            return Drawing(list(shapes))
        """,
        "draw.__annotations__ == {'shapes': Shape, 'return': Drawing}"
        " and [one.type for one in dataclasses.fields(Drawing)]"
        " == [list[Shape], 'Drawing | None'] and Shape.__annotations__['sides'] is int",
    ),
    "members": (
        """
        class Colour(enum.Enum):
            RED = 1
        colours = {Colour.RED: "red"}
        """,
        "colours[Colour.RED]",
    ),
    "partial_of": (
        """
        def scale(x, by):
            return x * by
        double = functools.partial(scale, by=2)
        """,
        "double(4) == 8 and double.func.__name__ == 'scale'",
    ),
    "object_with_a_function": (
        """
        class Step:
            def __init__(self, act):
                self.act = act
        def act(x):
            return x + 1
        step = Step(act)
        """,
        "step.act(1) == 2 and type(step) is Step",
    ),
    "remembering": (
        """
        @functools.lru_cache(maxsize=None)
        def fib(n):
            return n if n < 2 else fib(n - 1) + fib(n - 2)
        fib_10 = fib(10)
        """,
        "fib_10 == 55 and fib(11) == 89 and fib.cache_info().misses",
    ),
    "shown": (
        """
        class Shown:
            def _repr_html_(self):
                return "<b>shown</b>"
        Shown()
        """,
        "Shown()._repr_html_() == '<b>shown</b>'",
    ),
    "private": (
        """
        def _helper(x):
            return x + 1
        class Uses:
            def __init__(self):
                self._helper = _helper(1)
            def both(self):
                return {"_helper": self._helper + _helper(self._helper)}
            @functools.cached_property
            def once(self):
                return _helper(2)
        def text(x):
            return {"_helper": _helper(x)}
        @functools.lru_cache
        def remembering(x):
            return _helper(x)
        """,
        "Uses().both() == {'_helper': 5} and text(1) == {'_helper': 2}"
        " and Uses().once == 3 and remembering(3) == 4",
    ),
    # A class that needs a value that needs a class.
    "needed_by_a_class": (
        """
        class Last:
            start = [0]
            def __init__(self):
                self.seen = Defaults
        class Defaults:
            pass
        used = [Last(), Defaults()]
        class After:
            first = used[0]
        """,
        "After.first is used[0] and used[0].seen is Defaults",
    ),
}
# There is no source to make it from, and nobody but its own cell knows its name.
UNNAMED = {
    "variable": (
        'kind_of = typing.TypeVar("kind_of")',
        "kind_of.__name__ == 'kind_of'",
    ),
    "method": (
        """
        class Counted:
            __n = 3
            def count(self):
                return self.__n
        count = Counted.count
        counts = {"of": [Counted.count]}
        """,
        "count is Counted.count and counts['of'][0] is Counted.count"
        " and count(Counted()) == 3",
    ),
}


class Runs:
    def __init__(self, notebook: Path, env: dict[str, str]) -> None:
        self.notebook = notebook
        self.first = kernels.export(notebook, env)
        assert set(ran(notebook)) == {*CELLS, *UNNAMED}
        self.second = kernels.export(notebook, env)
        self.again = ran(notebook)


@pytest.fixture(scope="module")
def runs(shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    folder = tmp_path_factory.mktemp("names")
    (home := folder / "home").mkdir()
    cells = CELLS | UNNAMED
    codes: dict[str, Any] = {
        f"make_{name}": f"ran('{name}')\n"
        + "\n".join(line.removeprefix(" " * 8) for line in code.strip().splitlines())
        for name, (code, _) in cells.items()
    }
    # Not cached, since it raises.
    tells: dict[str, Any] = {
        f"tell_{name}": f"raise ValueError(('{name}', bool({check})))"
        for name, (_, check) in cells.items()
    }
    notebook = write_notebook(
        folder / "notebooks",
        "names.py",
        _imports="import dataclasses, enum, functools, typing",
        **codes,
        **tells,
    )
    return Runs(notebook, kernels.environment(shipped, home))


@pytest.mark.parametrize("name", [*CELLS, *UNNAMED])
def test_is_what_it_was(name: str, runs: Runs) -> None:
    for run in (runs.first, runs.second):
        assert f"('{name}', True)" in json.dumps(run.outputs)


@pytest.mark.parametrize("name", CELLS)
def test_is_not_computed_again(name: str, runs: Runs) -> None:
    assert name not in runs.again


def test_what_no_source_makes_is_computed_again(runs: Runs) -> None:
    assert runs.again == [*UNNAMED]
    assert runs.second.outputs == runs.first.outputs
