"""What is saved on the kernel's thread, and what on one of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar import SqliteLoader, SqliteStore
from marimo_cellar._marimo import Cache, HashKey, LazyLoader, LazyStore
from marimo_cellar.checking.checking import audit
from marimo_cellar.values.little import are_little

_LOOP: list[Any] = []
_LOOP.append(_LOOP)


class _Own(str):
    """To pickle it may run any code."""


@pytest.mark.parametrize(
    "value",
    [None, 1.5, 10**100, "text", b"bytes", [1, [2, {"a": (3, {4})}]], "x" * 50_000],
)
def test_what_is_little(value: object) -> None:
    assert are_little([value])


@pytest.mark.parametrize(
    "value",
    [
        "x" * 100_000,
        2**1_000_000,
        list(range(1000)),
        [[0] * 100] * 10,
        {str(number): number for number in range(400)},
        _LOOP,
        _Own("text"),
        threading,
        object(),
        lambda: None,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not(value: object) -> None:
    assert not are_little([value])


def test_many_together_are_not() -> None:
    assert not are_little([[0] * 100] * 10)


def test_a_little_result_is_saved_without_a_thread_of_marimos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(str(tmp_path / "cache"), behind=True)
    loader = SqliteLoader("block", store=LazyStore(store))
    started: list[str] = []
    dispatch = LazyLoader._dispatch_write

    def dispatched(self: LazyLoader, write: Callable[[], None]) -> None:
        started.append(self._saving_hash)  # type: ignore[attr-defined]
        dispatch(self, write)

    monkeypatch.setattr(LazyLoader, "_dispatch_write", dispatched)
    for hash, value in (("little", [1, "two"]), ("large", "x" * 10**6)):
        loader._saving_hash = hash  # type: ignore[attr-defined]
        loader.save_cache(
            Cache({"v": value}, hash, "Pure", set(), False, {"version": 6})
        )
        loader.flush()
        found = loader.load_cache(HashKey(hash, "Pure"))
        assert found is not None and found.defs == {"v": value}
    assert started == ["large"]
    assert audit(store.database) == []
