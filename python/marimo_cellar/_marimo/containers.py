"""Containers whose items may need another form: plain ones, and those of derived classes,
which may override any method."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

from marimo_cellar._marimo.sources import unsaveable

PLAIN = (dict, list, set, tuple)
# What needs no stub, and holds nothing that might.
ATOMS = frozenset((int, float, complex, bool, str, bytes, type(None)))


def holds_atoms(value: Any) -> bool:
    """Whether it is a plain container that needs no look at each of what it holds.

    marimo calls a function for each, which takes seconds for a million.
    """
    kind = type(value)
    if kind not in PLAIN:
        return False
    return ATOMS.issuperset(map(type, value.values() if kind is dict else value))


def is_derived(value: Any) -> bool:
    """Whether it is of a class that derives from that of a plain container."""
    # By its type: a proxy says that it is of the class of what it stands for.
    kind = type(value)
    return issubclass(kind, PLAIN) and kind not in PLAIN


def with_items(value: Any, change: Callable[[Any], Any]) -> Any:
    """A container with other items: itself where they are the same, else one like it.

    Its class may override any of its methods, so it is filled by those of the class
    that it derives from, and copied as a pickle is.
    """
    if isinstance(value, dict):
        old: list[Any] = list(dict.values(value))
    else:
        base = next(kind for kind in PLAIN if isinstance(value, kind))
        old = list(base.__iter__(value))
    new = [change(item) for item in old]
    if all(one is other for one, other in zip(old, new, strict=True)):
        return value
    try:
        return _filled(value, new)
    except Exception:
        return unsaveable(value)


def _filled(value: Any, items: Iterable[Any]) -> Any:
    made: Any
    if isinstance(value, tuple):
        made = tuple.__new__(type(value), items)
        vars_of = getattr(value, "__dict__", None)
        if vars_of:
            vars(made).update(vars_of)
        return made
    made = copy.copy(value)
    if isinstance(made, dict):
        for key, item in zip(list(dict.keys(made)), items, strict=True):
            dict.__setitem__(made, key, item)
    elif isinstance(made, list):
        list.__setitem__(made, slice(None), items)
    else:
        set.clear(made)
        set.update(made, items)
    return made
