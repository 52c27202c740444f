"""Going through a notebook's variables in less time: marimo must find the same."""

from __future__ import annotations

import os.path
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from marimo._save import hash

from marimo_cellar import _marimo

_NAMES = ("get_imports", "unmangle_local")
_THEIRS = {name: vars(hash)[name] for name in _NAMES}


class _OwnModule(ModuleType):
    pass


@pytest.fixture(autouse=True)
def taken_back() -> Iterator[None]:
    before = {name: vars(hash)[name] for name in _NAMES}
    yield
    vars(hash).update(before)


def test_modules_are_found_among_all_else_each_time_anew() -> None:
    _marimo.look_through_fast()
    scope: dict[str, Any] = {
        "os": os,
        "path": os.path,
        "np": np,
        "also_np": np,
        "own": _OwnModule("own.inner"),
        "number": 1,
        "array": np.arange(3),
        "class_of_modules": ModuleType,
    }
    ours = vars(hash)["get_imports"]
    for _ in range(2):
        assert ours(scope) == _THEIRS["get_imports"](scope)
        assert {one.namespace for one in ours(scope).values()} >= {"numpy", "own"}
        scope["np"] = "no module any more"
        scope["number"] = sys


@pytest.mark.parametrize(
    "name", ["x", "_x", "_cell_ab_x", "_cell_ab__x", "_cell_a-b_c_x", "_cell_"]
)
@pytest.mark.parametrize("cell", [(), ("ab",), ("a-b_c",)])
def test_names_are_what_marimo_says(name: str, cell: tuple[str, ...]) -> None:
    _marimo.look_through_fast()

    def said(unmangle: Any) -> Any:
        try:
            return unmangle(name, *cell)
        except Exception as error:
            return type(error)

    for _ in range(2):
        ours = said(vars(hash)["unmangle_local"])
        assert ours == said(_THEIRS["unmangle_local"])


def test_a_marimo_without_these_names_is_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(hash, "get_imports")
    before = dict(vars(hash))
    with pytest.raises(AttributeError, match="get_imports"):
        _marimo.look_through_fast()
    assert dict(vars(hash)) == before
