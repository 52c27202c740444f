"""The pickles by which marimo hashes what it has no other bytes of, such as a model of
pydantic's that a cached function is called with.

A set's items are in an order that is another in each process, and so is its pickle: what
was called with one yesterday would be computed once more. Many objects hold one that
nobody sees, as models of pydantic's do. And what was restored often has another pickle
than what was made.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from types import FunctionType, SimpleNamespace
from typing import Any

from marimo_cellar._marimo.printed import unheard

_SETS = (set, frozenset)
# What pickles of protocol 4 and later have where such a one with items is in them; other
# bytes may come to the same.
_OF_SETS = re.compile(rb"\x8f\x94\(|\x91\x94")
# In bytes: what takes more is not restored for a hash.
_MOST = 4 * 1024 * 1024


class SortingPickler(pickle.Pickler):
    """Pickles for a hash: sets in the order of their items. What it writes cannot be
    loaded."""

    def persistent_id(self, value: Any) -> Any:
        """What stands for a set; None for anything else. Python asks no other method about
        sets, and this one about all values, which takes three times as long."""
        kind = type(value)
        if kind in _SETS and len(value) > 1:
            # What has no pickle by itself may have one where it is.
            with suppress(Exception):
                return kind, _sorted(value)
        return None


def pickle_sets_in_order() -> None:
    """Has what marimo hashes by its pickle come to the same in each process."""
    from marimo._save import encode, hash

    dumps: Any = encode.deterministic_dumps
    if "pickle" not in dumps.__code__.co_names:
        raise AttributeError("pickle")
    sorting = SimpleNamespace(**{**vars(pickle), "Pickler": SortingPickler})
    dumps_in_order = FunctionType(dumps.__code__, {**vars(encode), "pickle": sorting})

    def dumping(value: Any, algorithm: str) -> bytes:
        data: bytes = dumps(value, algorithm)
        if _OF_SETS.search(data):
            data = dumps_in_order(value, algorithm)
        return data

    for module in (encode, hash):
        vars(module)["deterministic_dumps"] = dumping


def hash_as_it_comes_back(as_it_comes_back: Callable[[Any], Any]) -> None:
    """Has what marimo hashes by its pickle, such as the argument of a call or the value of
    a UI element, come to the same whether it was made or restored.

    A pickle says of one text that is in a value twice that it is the same, and of two equal
    ones it does not; which of them are one is often another thing once it is restored. Some
    values leave out a part of what they hold as well. `as_it_comes_back` gives what comes
    back in another format than a pickle, and a value itself where that is none.
    """
    from marimo._save import hash

    dumps: Callable[[Any, str], bytes] = vars(hash)["deterministic_dumps"]

    def dumping(value: Any, algorithm: str) -> bytes:
        back = value
        with suppress(Exception):
            back = as_it_comes_back(value)
        data = dumps(back, algorithm)
        if back is not value or len(data) > _MOST:
            return data
        with suppress(Exception), unheard():
            restored = dumps(_restored(value), algorithm)
            # Of what is new each time it is restored, no pickle is the right one.
            if restored != data and restored == dumps(_restored(value), algorithm):
                return restored
        return data

    vars(hash)["deterministic_dumps"] = dumping


def _restored(value: Any) -> Any:
    """A copy by its pickle, but for what is in arrays. Raises what pickling does, and
    `OverflowError` for what takes too long."""
    file, arrays = _Short(), list[pickle.PickleBuffer]()
    pickle.Pickler(file, protocol=5, buffer_callback=arrays.append).dump(value)
    if sum(array.raw().nbytes for array in arrays) > _MOST:
        raise OverflowError
    return pickle.loads(file.getvalue(), buffers=arrays)


class _Short(BytesIO):
    def write(self, data: Any) -> int:
        if self.tell() + len(data) > _MOST:
            raise OverflowError
        return super().write(data)


def _sorted(items: Any) -> list[Any]:
    """In an order that goes by what the items are: others than texts may be in none, or
    only in part, as sets are."""
    if all(type(item) is str for item in items):
        return sorted(items)
    return sorted(items, key=_pickled)


def _pickled(value: Any) -> bytes:
    file = BytesIO()
    SortingPickler(file).dump(value)
    return file.getvalue()
