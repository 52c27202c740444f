"""Cells that change what is not theirs: a frame of another cell, a model that they fit,
`sys.path`. marimo gives back what a cell defines. Served, such a one would leave the rest
as it was, and another cell would compute with that, or fail. What one only sets for the
process, beside what it computes, is set again where it is served.
"""

from __future__ import annotations

import ast
import dis
import logging
import os
import re
from collections.abc import (
    Callable,
    Iterable,
    Iterator,
    MutableMapping,
    MutableSequence,
    MutableSet,
)
from itertools import pairwise
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from marimo_cellar import _marimo
from marimo_cellar.notebook.changes import (
    METHODS,
    Change,
    Changes,
    changes_in,
    is_changing,
)
from marimo_cellar.notebook.notebook import Cell
from marimo_cellar.notebook.process_settings import settings_in

_CONTAINERS = (MutableMapping, MutableSequence, MutableSet)
_CONNECTIONS = ("sqlite3.", "duckdb.", "_duckdb.", "_sqlite3.")
# Of what cannot be saved, and so may be a stub.
_ITERATING = ("builtins.generator", "_io.")
_WORD = re.compile(r"\w+")
_PUT = frozenset({"STORE_ATTR", "DELETE_ATTR"})


def changed_by(cell: Cell) -> list[str]:
    """What a cell changes as it runs and does not define, such as `df` or `sys.path`, as
    far as that is known before it runs."""
    context = _marimo.current_context()
    if context is None:
        return []
    others = _defined_above(cell)
    read = others & _marimo.refs_of(context, cell.kernel_id)
    changes = changes_in(cell.code)
    names = {one.of[0] for one in changes.values if one.of}
    names.update(one.method for one in changes.set_up if not one.of and one.method)
    values = _marimo.values_of(context, cell.kernel_id, read | names)
    found = [
        *(name for name in sorted(read & values.keys()) if _is_used_up(values[name])),
        *_of_others(others, changes.values, values),
        *_set_up(changes, values),
    ]
    return list(dict.fromkeys(found))


def _defined_above(cell: Cell) -> set[str]:
    definers = cell.graph.by_kernel_id
    return {
        name
        for kernel_id in cell.parents
        if (definer := definers.get(kernel_id)) is not None
        for name in definer.defs
    }


def _is_used_up(value: Any) -> bool:
    """Whether to read it is to change it: what one cell took of an iterator, such as an
    open file, another does not get."""
    if _marimo.is_stub(value):
        return any(name.startswith(_ITERATING) for name in _classes(value))
    return hasattr(type(value), "__next__")


def _of_others(
    others: set[str], changes: Iterable[Change], values: dict[str, Any]
) -> Iterator[str]:
    for change in changes:
        root = change.of[0] if change.of else ""
        if root not in others or root not in values:
            continue
        value = values[root]
        if _is_marimo(value) and change.method == "sql":
            if is_changing("sql", change):
                tables = sorted(others.intersection(_WORD.findall(change.text or "")))
                yield from tables or [f"{root}.sql"]
        elif _changes(change, value):
            yield root


def _set_up(changes: Changes, values: dict[str, Any]) -> Iterator[str]:
    for change in changes.set_up:
        name = named_first(change)
        if name in changes.imports or is_of_process(values.get(name)):
            yield ".".join(change.of) or name


def named_first(change: Change) -> str:
    """What it is a change of, or the function that changes something."""
    return change.of[0] if change.of else change.method or ""


def is_of_process(value: Any) -> bool:
    """Whether what is set of a value is set for all: of a module, a class or function of
    one, a logger, or the environment."""
    if isinstance(value, ModuleType):
        return not _is_marimo(value)
    if isinstance(value, logging.Logger) or value is os.environ:
        return True
    return isinstance(
        value, type | FunctionType | BuiltinFunctionType
    ) and not _marimo.is_of_notebook(value)


def _is_marimo(value: Any) -> bool:
    return isinstance(value, ModuleType) and value.__name__ == "marimo"


class CannotSet(Exception):
    """What a cell sets cannot be set without running the cell."""


def set_by(
    code: str, values_of: Callable[[Iterable[str]], dict[str, Any]]
) -> list[ast.stmt]:
    """The statements of a cell that set something for the whole process, by the values
    that it was served. Raises `CannotSet` where these do not do."""
    settings = settings_in(code)
    if not settings.all:
        return []
    found = []
    values = values_of({name for one in settings.all for name in one.names})
    for setting in settings.all:
        names = {named_first(one) for one in setting.changes}
        if any(_is_missing(values, name) for name in names & settings.imports):
            raise CannotSet
        if not any(is_of_process(values.get(name)) for name in names):
            continue
        if setting.statement is None or any(
            _marimo.is_stub(values.get(name)) for name in setting.names
        ):
            raise CannotSet
        found.append(setting.statement)
    return found


def _is_missing(values: dict[str, Any], name: str) -> bool:
    return name not in values or _marimo.is_stub(values[name])


def _changes(change: Change, value: Any) -> bool:
    if isinstance(value, ModuleType):
        return False
    for part in change.of[1:]:
        # Without asking the value, which may do anything then.
        held = getattr(value, "__dict__", None)
        if type(held) is not dict or part not in held:
            break
        value = held[part]
    if change.method is None:
        return True
    return any(is_changing(kind, change) for kind in _kinds(value)) or (
        _puts_into_itself(value, change.method)
    )


def _kinds(value: Any) -> Iterator[str]:
    """The keys of `METHODS` that a value goes by."""
    if issubclass(type(value), _CONTAINERS):
        yield ""
    if hasattr(type(value), "get_params"):
        yield "get_params"
    for name in _classes(value):
        if name.startswith(_CONNECTIONS):
            yield "sql"
        if (top := name.partition(".")[0]) in METHODS:
            yield top


def _classes(value: Any) -> list[str]:
    if _marimo.is_stub(value):
        return [str(getattr(value, "type_name", ""))]
    return [f"{one.__module__}.{one.__qualname__}" for one in type(value).__mro__]


def _puts_into_itself(value: Any, method: str) -> bool:
    """Whether a method of one of the notebook's classes changes its object."""
    if not _marimo.is_of_notebook(type(value)):
        return False
    function = next(
        (vars(one)[method] for one in type(value).__mro__ if method in vars(one)), None
    )
    return isinstance(function, FunctionType) and _puts_into_first(function.__code__)


def _puts_into_first(code: CodeType) -> bool:
    if not code.co_argcount:
        return False
    first = code.co_varnames[0]
    return any(
        one.opname in _PUT
        # Of `self.n += 1` the object is further away.
        and (before.opname == "SWAP" or first in _named(before.argval))
        for before, one in pairwise(dis.get_instructions(code))
    )


def _named(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
