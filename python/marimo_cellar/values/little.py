"""Values that are saved sooner than a thread for it is started."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

# Small values, and pieces of 64 bytes of long ones, that are pickled in a fraction of a
# millisecond.
_MOST = 1000
_PIECE = 64

_ATOMS = frozenset((bool, complex, float, type(None)))
_TEXTS = frozenset((bytes, str))
_ROWS = frozenset((frozenset, list, set, tuple))


def are_little(values: Iterable[object]) -> bool:
    """Whether all of them together are little, told in a few microseconds.

    Only of Python's own types is that known: to save another may run any code.
    """
    left = _MOST
    waiting = list(values)
    while waiting and left > 0:
        value: Any = waiting.pop()
        kind = type(value)
        left -= 1
        if kind in _ATOMS:
            continue
        if kind in _TEXTS:
            left -= len(value) // _PIECE
        elif kind is int:
            left -= value.bit_length() // (8 * _PIECE)
        elif kind in _ROWS or kind is dict:
            left -= len(value)
            # Not begun where it is too much already.
            if left > 0:
                waiting += value
                waiting += value.values() if kind is dict else ()
        else:
            return False
    return left > 0
