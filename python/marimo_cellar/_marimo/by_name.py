"""Pickles that name what a notebook defines, which is looked for in that notebook.

Python looks in `__main__`. A process that serves several sessions has one for each, and
Python's own is that of the one that began or ran last: what another one saved or loaded
meanwhile was refused, or was of the other one's classes.
"""

from __future__ import annotations

import io
import pickle
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from operator import attrgetter
from types import FunctionType
from typing import Any, ClassVar

from marimo_cellar._marimo.loaders import is_stub

_MAIN = "__main__"

_saving = threading.local()


@contextmanager
def saving_for(scope: Mapping[str, Any] | None) -> Iterator[None]:
    """Has what is pickled on this thread be of the notebook with these globals."""
    _saving.scope = scope
    try:
        yield
    finally:
        _saving.scope = None


def naming(dumps: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """Python's own pickling, and a slower one for a notebook that is not `__main__`."""

    def dump(value: Any) -> bytes:
        scope = getattr(_saving, "scope", None)
        try:
            return dumps(value)
        except (pickle.PicklingError, AttributeError):
            if scope is None or scope.get("__name__") != _MAIN:
                raise
        buffer = io.BytesIO()
        _Naming(buffer, scope).dump(value)
        return buffer.getvalue()

    return dump


def loaded(data: Any, scope: Mapping[str, Any]) -> Any:
    """What a pickle, in bytes or a mapping of them, holds for a notebook's globals.

    Raises what Python does, and what the classes in it do.
    """
    if isinstance(data, bytes):
        data = io.BytesIO(data)
    data.seek(0)
    return _Loading(data, scope).load()


class _Loading(pickle.Unpickler):
    def __init__(self, file: Any, scope: Mapping[str, Any]) -> None:
        super().__init__(file)
        self._scope = scope

    def find_class(self, module: str, name: str) -> Any:
        first, _, rest = name.partition(".")
        if module != _MAIN or first not in self._scope:
            return super().find_class(module, name)
        found = self._scope[first]
        if is_stub(found):
            raise pickle.UnpicklingError(f"{first} could not be restored")
        return attrgetter(rest)(found) if rest else found


_PYTHONS_OWN: Any = vars(pickle)["_Pickler"]


class _Naming(_PYTHONS_OWN):  # type: ignore[misc]
    def __init__(self, file: Any, scope: Mapping[str, Any]) -> None:
        super().__init__(file)
        self._scope = scope

    def save_global(self, obj: Any, name: str | None = None) -> None:
        name = name or getattr(obj, "__qualname__", None) or obj.__name__
        if (
            getattr(obj, "__module__", None) != _MAIN
            or self._scope.get(name) is not obj
        ):
            super().save_global(obj, name)
            return
        self.save(_MAIN)
        self.save(name)
        self.write(pickle.STACK_GLOBAL)
        self.memoize(obj)

    dispatch: ClassVar = {**_PYTHONS_OWN.dispatch, FunctionType: save_global}
