"""Entries whose values are turned into what is saved, and back, without a loss.

As it saves, marimo replaces what has no bytes of its own (functions, classes, modules,
UI elements) by stubs, also within containers, and makes those anew from their nearest
plain class: a named tuple becomes a tuple, and while a block is saved so do those in
the user's own lists. It takes a function for its source, which lacks what the function
closes over, and a class for its source without its decorators.
"""

from __future__ import annotations

import ast
import copy
import inspect
import linecache
import pickle
import textwrap
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from marimo._save.cache import Cache

_CONTAINERS = (dict, list, set, tuple)
# What needs no stub, and holds nothing that might.
_ATOMS = frozenset((int, float, complex, bool, str, bytes, type(None)))


class NotWhole(pickle.PicklingError):
    """A value would come back as another one."""


class WholeCache(Cache):
    """marimo's entry in memory, whose values come back as what they are."""

    def plain(self) -> Cache:
        """The same as marimo's own class, which is what a pickle may name."""
        return Cache(**vars(self))

    # marimo's interface

    def _convert_to_stub_if_needed(
        self,
        value: Any,
        memo: dict[int, Any] | None = None,
        preserve_pointers: bool = True,
    ) -> Any:
        # The containers are made anew. In place, the user's own would have stubs in them.
        del preserve_pointers
        if type(value) in _ATOMS:
            return value
        memo = {} if memo is None else memo
        if id(value) in memo:
            return memo[id(value)]
        if _holds_atoms(value):
            memo[id(value)] = type(value)(value)
            return memo[id(value)]
        if _is_derived(value):
            memo[id(value)] = value
            stub = _with_items(value, lambda item: self._convert(item, memo))
        elif inspect.isfunction(value) and _is_of_notebook(value):
            if _is_its_source(value):
                return super()._convert_to_stub_if_needed(value, memo, False)
            stub = _unsaveable(value)
        elif inspect.isclass(value) and _is_of_notebook(value):
            stub = _class_stub(value, self._cell_filename())
            if stub is None:
                stub = super()._convert_to_stub_if_needed(value, memo, False)
            if stub is value:
                # By its name, as it would be pickled, nobody finds it in the next run.
                stub = _unsaveable(value)
        else:
            return super()._convert_to_stub_if_needed(value, memo, False)
        memo[id(value)] = stub
        return stub

    def _convert(self, value: Any, memo: dict[int, Any]) -> Any:
        return self._convert_to_stub_if_needed(value, memo, False)

    def _restore_from_stub_if_needed(
        self, value: Any, scope: dict[str, Any], memo: dict[int, Any] | None = None
    ) -> Any:
        if type(value) in _ATOMS or _holds_atoms(value):
            return value
        memo = {} if memo is None else memo
        if id(value) in memo or not _is_derived(value):
            return super()._restore_from_stub_if_needed(value, scope, memo)
        memo[id(value)] = value
        memo[id(value)] = _with_items(
            value,
            lambda item: self._restore_from_stub_if_needed(item, scope, memo),
        )
        return memo[id(value)]


def whole(cache: Cache) -> WholeCache:
    """A cache that a lookup gave, for its values to be saved or restored whole."""
    return WholeCache(**vars(cache))


def _holds_atoms(value: Any) -> bool:
    """Whether it is a plain container that needs no look at each of what it holds.

    marimo calls a function for each, which takes seconds for a million.
    """
    kind = type(value)
    if kind not in _CONTAINERS:
        return False
    return _ATOMS.issuperset(map(type, value.values() if kind is dict else value))


def _is_derived(value: Any) -> bool:
    # By its type: a proxy says that it is of the class of what it stands for.
    kind = type(value)
    return issubclass(kind, _CONTAINERS) and kind not in _CONTAINERS


def _with_items(value: Any, change: Any) -> Any:
    """A container with other items: itself where they are the same, else one like it.

    Its class may override any of its methods, so it is filled by those of the class
    that it derives from, and copied as a pickle is.
    """
    if isinstance(value, dict):
        old: list[Any] = list(dict.values(value))
    else:
        base = next(kind for kind in _CONTAINERS if isinstance(value, kind))
        old = list(base.__iter__(value))
    new = [change(item) for item in old]
    if all(one is other for one, other in zip(old, new, strict=True)):
        return value
    try:
        return _filled(value, new)
    except Exception:
        return _unsaveable(value)


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


def _is_of_notebook(value: Any) -> bool:
    return getattr(value, "__module__", None) == "__main__"


def _is_its_source(function: Any) -> bool:
    """Whether its source, run once more, makes the same function.

    Decorators that `functools.wraps` tells of are part of it.
    """
    if function.__name__ == "<lambda>":
        # marimo does not take these for their source.
        return True
    source = inspect.unwrap(function)
    nested = "<locals>" in source.__qualname__
    return not (
        source.__closure__
        or (nested and (source.__defaults__ or source.__kwdefaults__))
        or vars(source)
        or vars(function).keys() - vars(source).keys() - {"__wrapped__"}
    )


def _class_stub(kind: type, filename: str | None) -> Any | None:
    """marimo's stub of a class, from its whole source; None if that is not found."""
    from marimo._save.stubs.class_stub import ClassStub

    if filename is None or kind.__qualname__ != kind.__name__:
        return None
    code = _class_source("".join(linecache.getlines(filename)), kind.__name__)
    return None if code is None else ClassStub.from_dump((code, kind.__qualname__))


@lru_cache(maxsize=16)
def _class_source(cell: str, name: str) -> str | None:
    """The one class statement of that name in a cell, from its first decorator."""
    try:
        nodes = [
            node
            for node in ast.walk(ast.parse(cell))
            if isinstance(node, ast.ClassDef) and node.name == name
        ]
    except (SyntaxError, ValueError, RecursionError):
        return None
    if len(nodes) != 1:
        return None
    (node,) = nodes
    first = min([node.lineno, *(part.lineno for part in node.decorator_list)])
    return textwrap.dedent("".join(cell.splitlines(True)[first - 1 : node.end_lineno]))


def _unsaveable(value: Any) -> Any:
    """What stands for a value that nobody can save, and is told to be of its class."""
    kind = type(value)
    name = {"__module__": kind.__module__, "__reduce__": _not_whole}
    return type(kind.__name__, (), name)()


def _not_whole(value: Any) -> Any:
    raise NotWhole(f"a {type(value).__name__} would come back as another value")
