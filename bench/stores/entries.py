"""A whole result of six values through the lazy loader, and one through `pickle`.

The lazy loader signs and checks as it does by default, so both sides compute a
SHA-256 of every value when it is saved and when it is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from .checks import with_fast
from .loading import hash_key, loader_in, result_of
from .payloads import SIZES, payload
from .rounds import Case, Turn
from .subjects import OURS

_SIZES = ("100B", "1kB", "10kB", "100kB", "1MB", "10MB")
_RESULTS = {"100B": 30, "1kB": 30, "10kB": 30, "100kB": 10, "1MB": 4, "10MB": 1}

Values = Callable[[int, int], dict[str, Any]]


def cases(quick: bool) -> list[Case]:
    return [
        Case(
            (f"{name}/{size}", f"{name}-get/{size}"),
            with_fast(OURS, SIZES[size]),
            partial(_results, kind=kind, values=values, size=size),
            rounds=9,
        )
        for name, kind, values in (("entry6", "lazy", _six), ("pickle", "pickle", _one))
        for size in (_SIZES[1:2] if quick else _SIZES)
    ]


def _six(length: int, number: int) -> dict[str, Any]:
    """Three arrays and three pickles, each of `length` bytes."""
    import numpy

    parts = [payload(length, number * 6 + index) for index in range(6)]
    arrays = [numpy.frombuffer(part, dtype=numpy.uint8) for part in parts[:3]]
    return {f"value_{index}": one for index, one in enumerate([*arrays, *parts[3:]])}


def _one(length: int, number: int) -> dict[str, Any]:
    return {"value": payload(length, number)}


def _results(folder: Path, kind: str, values: Values, size: str) -> Turn:
    length, count = SIZES[size], _RESULTS[size]

    def turn(subject: str, round: int) -> tuple[float, float]:
        first = (round + 1) * count
        results = [
            result_of(number, values(length, number))
            for number in range(first, first + count)
        ]
        loader = loader_in(folder, subject, kind)
        # A first one, by which the loader reads its key and opens its database.
        loader.save_cache(result_of(-1, values(100, -1)))
        loader.flush()
        begun = perf_counter()
        for result in results:
            assert loader.save_cache(result)
            loader.flush()
        saved = perf_counter()
        found = [loader.load_cache(hash_key(first + index)) for index in range(count)]
        loaded = perf_counter()
        _expect(found, results)
        return (saved - begun) / count, (loaded - saved) / count

    return turn


def _expect(found: list[Any], results: list[Any]) -> None:
    import numpy

    for one, other in zip(found, results, strict=True):
        assert one is not None, "a result was lost"
        for name, value in other.defs.items():
            restored = one.defs[name]
            # marimo restores a value of its own on the first look.
            restored = restored.load({}) if hasattr(restored, "load") else restored
            assert numpy.array_equal(restored, value), "a value was changed"
