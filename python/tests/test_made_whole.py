"""Cached functions and blocks give what they made, and leave it as it is."""

from __future__ import annotations

import re

import pytest

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
