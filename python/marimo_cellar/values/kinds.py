"""Formats that give a value back as what it was.

marimo chooses a value's format by the nearest class that it derives from. So a masked
array comes back without its mask, a member of an `IntEnum` as a number and NumPy's
float without its methods, and what derives from `str`, or does not fit into JSON,
cannot be saved. While an entry of ours is being saved, all that is pickled, and so are
an array whose type NumPy's format does not say and a data frame that Arrow does not give
back (`frames.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from marimo_cellar import _marimo
from marimo_cellar.values import frames
from marimo_cellar.values.batches import in_batches

# By their values alone, all that these are is known.
_PLAIN = (bool, float, int, str)
# A map of a file comes back as the array that it holds.
_ARRAYS = ("ndarray", "memmap")
# NumPy numbers types that are not its own from here on, and its later ones, such as texts
# of any length.
_OTHERS = 256

_saving = threading.local()


@contextmanager
def keeping_kinds() -> Iterator[None]:
    """Has values come back as what they are on this thread, and only here.

    marimo chooses for stores that are not ours as well.
    """
    _saving.chosen = {}
    try:
        yield
    finally:
        _saving.chosen = None


def choosing(choose: Callable[[Any], str]) -> Callable[[Any], str]:
    """marimo's choice of a value's format, and `pickle` where that loses something."""

    def chosen(value: Any) -> str:
        before: dict[int, str] | None = getattr(_saving, "chosen", None)
        if before is None:
            return choose(value)
        # marimo asks up to three times of one value, which lives as long as the save.
        if id(value) not in before:
            usual = choose(value)
            before[id(value)] = "pickle" if _loses(value, usual) else usual
        return before[id(value)]

    return chosen


def _loses(value: Any, chosen: str) -> bool:
    kind = type(value)
    if chosen == "inline":
        return isinstance(value, _PLAIN) and not _is_json(value)
    if chosen == "npy":
        return (
            kind.__module__ != "numpy"
            or kind.__name__ not in _ARRAYS
            or not _is_npy(value.dtype)
        )
    if chosen == "arrow":
        return not frames.is_kept(value, _through_arrow)
    return False


def _is_npy(dtype: Any) -> bool:
    """Whether NumPy's own format says all of an array's type: not where its fields are
    in an order or alignment of their own, nor what it is annotated with, nor what others
    define, such as `bfloat16`, whose numbers come back as bytes."""
    if dtype.metadata is not None or dtype.num >= _OTHERS:
        return False
    if dtype.names is None:
        return True
    from numpy.lib import format as npy

    try:
        read = npy.descr_to_dtype(npy.dtype_to_descr(dtype))
    except Exception:
        return False
    return bool(
        read == dtype
        and read.fields == dtype.fields
        and read.isalignedstruct == dtype.isalignedstruct
    )


def _is_json(value: Any) -> bool:
    """Whether the manifest, which is JSON, can hold it as it is."""
    kind = type(value)
    if kind is int:
        return bool(-(2**63) <= value < 2**64)
    if kind is str:
        try:
            # One half of a pair of surrogates is no text elsewhere.
            value.encode()
        except UnicodeEncodeError:
            return False
    return kind in _PLAIN


def as_it_comes_back(value: Any) -> Any:
    """A frame or series of pandas as it is once it was saved and restored; itself where
    that is not by Arrow. Equal ones are alike then in where their parts lie, and what they
    share, as those of polars always are."""
    if not type(value).__module__.startswith("pandas"):
        return value
    return _through_arrow(value) if frames.is_kept(value, _through_arrow) else value


def _through_arrow(value: Any) -> Any:
    with in_batches():
        return _marimo.through("arrow", value)
