"""Arrays and frames from the lazy loader until their first row has been looked at.

Their bytes are in the system's memory, as after a first run. The frame is polars',
which marimo writes uncompressed. `mapped` and `mapped-npy` are without marimo's
signatures, so the file store checks nothing and Cellar its CRC-32; with `-signed`
marimo checks the SHA-256 of every byte as well.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from .checks import with_fast
from .loading import hash_key, loader_in, result_of
from .payloads import SIZES
from .rounds import Case, Turn
from .subjects import OURS

_COLUMNS = 8


def cases(quick: bool) -> list[Case]:
    return [
        Case(
            (f"{name}{signed}/{size}",),
            with_fast(OURS, SIZES[size]),
            partial(_mapped, make=make, length=SIZES[size], signed=bool(signed)),
        )
        for size in (("10MB",) if quick else ("10MB", "100MB", "1GB"))
        for name, make in (("mapped", _frame), ("mapped-npy", _array))
        for signed in ("", "-signed")
    ]


def _frame(length: int) -> Any:
    import numpy
    import polars

    rows = length // 8 // _COLUMNS
    return polars.DataFrame(
        {
            f"column_{index}": numpy.random.default_rng(index).random(rows)
            for index in range(_COLUMNS)
        }
    )


def _array(length: int) -> Any:
    import numpy

    return numpy.random.default_rng(0).random(length // 8)


def _mapped(
    folder: Path, make: Callable[[int], Any], length: int, signed: bool
) -> Turn:
    policy = {} if signed else {"verification": "off"}
    value = make(length)
    first = _first(value)
    for subject in with_fast(OURS, length):
        loader = loader_in(folder, subject, **policy)
        loader.save_cache(result_of(0, {"value": value}))
        loader.flush()
    del value

    def turn(subject: str, round: int) -> tuple[float]:
        loader = loader_in(folder, subject, **policy)
        begun = perf_counter()
        found = loader.load_cache(hash_key(0))
        restored = found.defs["value"]
        # marimo restores a value of its own on the first look.
        restored = restored.load({}) if hasattr(restored, "load") else restored
        looked_at = _first(restored)
        spent = perf_counter() - begun
        assert looked_at == first, "the value was changed"
        return (spent,)

    return turn


def _first(value: Any) -> object:
    """The first row."""
    return value.row(0) if hasattr(value, "row") else float(value[0])
