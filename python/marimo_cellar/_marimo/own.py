"""Whose functions a key depends on in all that they do: those of the notebook and, while
a cached function is called that comes with a module, those of that module.

A module may be another notebook. marimo knows of it what there was as the function was
decorated, and takes the notebook's variables for those of the module that have their
names. In an embedded app it looks for some in the wrong place.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import partial
from types import FunctionType
from typing import Any

from marimo._ast.variables import unmangle_local

NOTEBOOK = "__main__"

# The function that is called.
_called: ContextVar[FunctionType | None] = ContextVar("cellar_called", default=None)


def know_modules() -> None:
    """Has it known from which module a cached function comes while its key is made."""
    from marimo._save import save

    cached = save._cache_call
    prepare = cached._prepare_call_execution

    def preparing(self: Any, *arguments: Any) -> Any:
        token = _called.set(_function(self.__wrapped__))
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
    return any(name.encode() in data for name in {NOTEBOOK, _module()})


def is_of_called_module() -> bool:
    """Whether the key that is made is of a call of a module's function."""
    return _module() != NOTEBOOK


def module_in_key(kind: type) -> str:
    """What a key has for a class's module: the same for a notebook that is run and one
    that is imported."""
    return NOTEBOOK if is_own(kind) else kind.__module__


def unseen(
    scope: Mapping[str, Any], names: Callable[[Any], tuple[str, ...]]
) -> Iterator[tuple[str, Any]]:
    """What the function that is called uses by the global `names` in its code and marimo
    does not have in `scope` or, of a module's function, has another one for."""
    function = _called.get()
    if function is None:
        return
    held, is_modules = function.__globals__, is_of_called_module()
    for name in names(function.__code__):
        if name in held:
            known = name if name in scope else unmangle_local(name).name
            if known not in scope or (is_modules and scope[known] is not held[name]):
                yield known, held[name]


def _is_name(name: object) -> bool:
    return name in (NOTEBOOK, _module())


def _module() -> str:
    """The name of the module of the function that is called."""
    function = _called.get()
    return NOTEBOOK if function is None else str(function.__globals__.get("__name__"))


def _function(function: Any) -> FunctionType | None:
    # A method is bound to its object so.
    while isinstance(function, partial):
        function = function.func
    function = inspect.unwrap(function)
    return function if isinstance(function, FunctionType) else None
