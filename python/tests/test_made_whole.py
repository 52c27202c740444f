"""Cached functions and blocks give what they made, and leave it as it is."""

from __future__ import annotations

import re
from typing import Any

import pytest

from marimo_cellar import _marimo
from tests import kernels
from tests.conftest import Write, ran
from tests.test_fidelity import MODULE

BLOCK = """
import collections, trace, kinds, pandas as pd
{decorator}
def made(n):
    ran("made")
    points = [kinds.Point(n, collections.Counter("aab"))]
    return collections.OrderedDict(points=points, modules=kinds.Point(trace, n))
"""
TELL = """
_got = made(1)
(_point,) = _got["points"]
raise ValueError(f"{type(_got)} {type(_got['modules'])} {_got['modules'].x.ran} {_point!r}")
"""


@pytest.mark.parametrize("method", ["pickle", "lazy"])
def test_of_a_cached_function(method: str, write: Write, env: dict[str, str]) -> None:
    decorator = f"@mo.persistent_cache(method={method!r})"
    notebook = write(
        "function.py", block=BLOCK.format(decorator=decorator), tell=TELL, cached=False
    )
    (notebook.parent / "kinds.py").write_text(MODULE)
    first = kernels.export(notebook, env)
    assert ran(notebook) == ["made"]
    assert "OrderedDict" in str(first.outputs) and "Point(x=1" in str(first.outputs)
    address = r" at 0x[0-9a-f]+"
    second = kernels.export(notebook, env)
    assert ran(notebook) == []
    assert re.sub(address, "", str(second.outputs)) == re.sub(
        address, "", str(first.outputs)
    )


def test_what_a_block_made_stays_as_it_made_it(
    write: Write, env: dict[str, str]
) -> None:
    code = """
    import re
    from kinds import Point
    with mo.persistent_cache("block"):
        ran("block")
        def one(): return 1
        made = [Point(1, 2), {"re": re, "one": one}]
    """
    tell = """
    things = made[1]
    raise ValueError(f"{made[0]} {things['re'].I} {things['one']()}")
    """
    notebook = write("block.py", block=code, tell=tell, cached=False)
    (notebook.parent / "kinds.py").write_text(MODULE)
    for runs in (["block"], []):
        text = str(kernels.export(notebook, env).outputs)
        assert "Point(x=1, y=2) re.IGNORECASE 1" in text, text
        assert ran(notebook) == runs


def test_a_function_that_makes_what_cannot_be_saved(
    write: Write, env: dict[str, str]
) -> None:
    code = """
    @mo.persistent_cache(method="pickle")
    def make(n):
        ran("make")
        def add(x): return x + n
        return add
    """
    notebook = write(
        "closure.py", make=code, tell="raise ValueError(make(1)(2))", cached=False
    )
    for _ in range(2):
        assert "3" in str(kernels.export(notebook, env).outputs)
        assert ran(notebook) == ["make"]


def test_of_a_class_that_is_not_where_it_was(write: Write, env: dict[str, str]) -> None:
    """It is a miss that says so, and no more; what is made in its place is saved."""
    notebook = write(
        "moved.py",
        make="import shapes\nran('make')\nmade = [shapes.make()]",
        use="raise ValueError(type(made[0]).__name__)",
    )
    module = "class {0}: pass\ndef make(): return {0}()\n"
    for name, runs in (("Point", ["make"]), ("Spot", ["make"]), ("Spot", [])):
        (notebook.parent / "shapes.py").write_text(module.format(name))
        run = kernels.export(notebook, env)
        assert f"'evalue': '{name}'" in str(run.outputs)
        assert (ran(notebook), run.warned) == (runs, [])
    told = kernels.query(notebook, "SELECT why FROM lookups WHERE why NOT NULL")
    assert any(
        "(made could not be loaded: Can't get attribute 'Point'" in why
        for (why,) in told
    ), told


def test_of_ui_elements_that_call_a_function_of_their_cell(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "buttons.py",
        make="""
            def _press(value):
                return value + 1
            button = mo.ui.button(value=0, on_click=_press)
            ran('make')
        """,
    )
    for _ in range(2):
        assert kernels.export(notebook, env).warned == []
        assert ran(notebook) == ["make"]
    told = kernels.python(notebook, env, "-m", "marimo_cellar", "why", notebook.name)
    assert "(its UI elements call what the cell has to make first)" in told


def stubbed(value: Any) -> Any:
    """What is saved of a value, that is of a list that holds it."""
    cache = _marimo.Cache.empty(
        key=_marimo.HashKey("hash", "Pure"), defs={"x"}, stateful_refs=set()
    )
    made = _marimo.whole(cache)
    made.update({"x": [value]}, {}, False)
    return made.defs["x"][0]


def restored(value: Any) -> Any:
    cache = _marimo.Cache({"x": [value]}, "hash", "Pure", set(), True, {})
    scope: dict[str, Any] = {}
    _marimo.whole(cache).restore(scope)
    return scope["x"][0]


def test_containers_nested_as_deep_as_a_pickle_may_be() -> None:
    """A pickle has room for some five hundred in one another, marimo for fewer."""
    value: Any = [re]
    for depth in range(700):
        value = [value] if depth % 2 else {"a": value}
    found = restored(stubbed(value))
    for depth in reversed(range(700)):
        (found,) = found if depth % 2 else found.values()
    assert found == [re] and found is not value


def test_containers_that_contain_themselves() -> None:
    one: list[Any] = [re]
    one.append(one)
    two: dict[str, Any] = {"one": one, "again": (one,)}
    two["two"] = two
    saved = stubbed(two)
    assert saved["two"] is saved and saved["one"] is saved["again"][0] is not one
    assert saved["one"][1] is saved["one"] and saved["one"][0] is not re
    back = restored(saved)
    assert back["two"] is back and back["one"] is back["again"][0]
    assert back["one"][0] is re and back["one"][1] is back["one"]


def test_what_needs_no_stub_stays_what_it_is_where_it_is_restored() -> None:
    inner = (1, [2])
    value: list[Any] = [inner, {"a": inner}, {3}, (re,)]
    back = restored(value)
    assert back is value and back[0] is back[1]["a"] is inner and back[3] == (re,)
