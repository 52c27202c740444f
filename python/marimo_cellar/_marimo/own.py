"""Whose functions a key depends on in all that they do: those of the notebook and, while
a cached function is called that comes with a module, those of that module.

A module may be another notebook. marimo knows of it what there was as the function was
decorated, and takes the notebook's variables for those of the module that have their
names.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import partial
from types import FunctionType
from typing import Any

NOTEBOOK = "__main__"

# The function that is called, where it is of a module.
_called: ContextVar[FunctionType | None] = ContextVar("cellar_called", default=None)


def know_modules() -> None:
    """Has it known from which module a cached function comes while its key is made."""
    from marimo._save import save

    cached = save._cache_call
    prepare = cached._prepare_call_execution

    def preparing(self: Any, *arguments: Any) -> Any:
        token = _called.set(_of_module(self.__wrapped__))
        try:
            return prepare(self, *arguments)
        finally:
            _called.reset(token)

    # mypy has no method that is replaced.
    setattr(cached, "_prepare_call_execution", preparing)  # noqa: B010


def is_own(value: Any) -> bool:
    """Whether it says that it is of the notebook, or of the module of the call."""
    return _is_name(getattr(value, "__module__", None))


def uses_own(function: FunctionType) -> bool:
    """Whether its global names are those of the notebook, or of the module of the call."""
    return _is_name(function.__globals__.get("__name__"))


def may_be_named_in(data: bytes) -> bool:
    """Whether a pickle may name something of the notebook, or of the module of the call."""
    function = _called.get()
    name = "" if function is None else str(function.__globals__.get("__name__"))
    return NOTEBOOK.encode() in data or (name != "" and name.encode() in data)


def is_of_called_module() -> bool:
    """Whether the key that is made is of a call of a module's function."""
    return _called.get() is not None


def module_in_key(kind: type) -> str:
    """What a key has for a class's module: the same for a notebook that is run and one
    that is imported."""
    return NOTEBOOK if is_own(kind) else kind.__module__


def unseen(
    scope: Mapping[str, Any], names: Callable[[Any], tuple[str, ...]]
) -> Iterator[tuple[str, Any]]:
    """What the module's function that is called uses of its module by the global `names`
    in its code, and is not what marimo has in `scope` for them."""
    function = _called.get()
    if function is not None:
        held = function.__globals__
        for name in names(function.__code__):
            if name in held and scope.get(name) is not held[name]:
                yield name, held[name]


def _is_name(name: object) -> bool:
    function = _called.get()
    return name == NOTEBOOK or (
        function is not None and name == function.__globals__.get("__name__")
    )


def _of_module(function: Any) -> FunctionType | None:
    # A method is bound to its object so.
    while isinstance(function, partial):
        function = function.func
    function = inspect.unwrap(function)
    is_modules = (
        isinstance(function, FunctionType)
        and function.__globals__.get("__name__") != NOTEBOOK
    )
    return function if is_modules else None
