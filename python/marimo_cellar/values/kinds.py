"""Formats that give a value back as what it was.

marimo chooses a value's format by the nearest class that it derives from. So a masked
array comes back without its mask, a member of an `IntEnum` as a number and NumPy's
float without its methods, and what derives from `str` cannot be saved. While an entry
of ours is being saved, what derives from a class that is not saved whole is pickled.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# By their values alone, all that these are is known.
_PLAIN = (bool, float, int, str)
# A map of a file comes back as the array that it holds.
_ARRAYS = ("ndarray", "memmap")

_saving = threading.local()


@contextmanager
def keeping_kinds() -> Iterator[None]:
    """Has values come back as what they are on this thread, and only here.

    marimo chooses for stores that are not ours as well.
    """
    _saving.on = True
    try:
        yield
    finally:
        _saving.on = False


def choosing(choose: Callable[[Any], str]) -> Callable[[Any], str]:
    """marimo's choice of a value's format, and `pickle` where that loses its class."""

    def chosen(value: Any) -> str:
        chosen = choose(value)
        if getattr(_saving, "on", False) and _loses_class(value, chosen):
            return "pickle"
        return chosen

    return chosen


def _loses_class(value: Any, chosen: str) -> bool:
    kind = type(value)
    if chosen == "inline":
        return isinstance(value, _PLAIN) and kind not in _PLAIN
    if chosen == "npy":
        return kind.__module__ != "numpy" or kind.__name__ not in _ARRAYS
    return False
