"""Classes and functions of a notebook as the source that makes them again.

marimo takes a function for its source, which lacks what the function closes over, and a
class for its source without its decorators. What its source does not make again, nobody
can save: by its name, which a pickle has, it is not found in the next run.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import pickle
import textwrap
from functools import lru_cache
from typing import Any


class NotWhole(pickle.PicklingError):
    """A value would come back as another one."""


def is_of_notebook(value: Any) -> bool:
    return getattr(value, "__module__", None) == "__main__"


def is_its_source(function: Any) -> bool:
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


def is_remembering(value: Any) -> bool:
    """Whether it is what `functools.lru_cache` or `functools.cache` makes."""
    return type(value) is type(_class_source)


def remembering_stub(value: Any) -> Any:
    """marimo's stub of a function that remembers, from its decorators on.

    What it remembers it finds out again, as in any run. Pickled it would be by its name
    alone, by which nobody finds it in the next run.
    """
    from marimo._save.stubs import FunctionStub

    function = inspect.unwrap(value)
    if not inspect.isfunction(function) or not is_its_source(function):
        return unsaveable(value)
    stub = FunctionStub(value)
    return stub if stub.code.startswith("@") else unsaveable(value)


def class_stub(kind: type, filename: str | None) -> Any | None:
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


def unsaveable(value: Any) -> Any:
    """What stands for a value that nobody can save, and is told to be of its class."""
    kind = type(value)
    name = {"__module__": kind.__module__, "__reduce__": _not_whole}
    return type(kind.__name__, (), name)()


def _not_whole(value: Any) -> Any:
    raise NotWhole(f"a {type(value).__name__} would come back as another value")
