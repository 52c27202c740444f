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
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache, partial
from types import MemberDescriptorType
from typing import Any


class NotWhole(pickle.PicklingError):
    """A value would come back as another one."""


def is_of_notebook(value: Any) -> bool:
    """Whether a class or function says that a notebook defines it."""
    return getattr(value, "__module__", None) == "__main__"


def compile_as_cells() -> None:
    """Has what is made again of its source compiled as cells are. marimo does it in modules
    whose annotations are texts, and so became those of the functions and classes."""
    from marimo._save.stubs import class_stub, function_stub

    for module in (class_stub, function_stub):
        vars(module)["compile"] = partial(compile, dont_inherit=True)


def is_its_source(function: Any) -> bool:
    """Whether its source, run once more, makes the same function.

    Decorators that `functools.wraps` tells of are part of it.
    """
    if function.__name__ == "<lambda>":
        # marimo does not take these for their source.
        return True
    source = inspect.unwrap(function)
    outer, _, _ = source.__qualname__.rpartition(".")
    nested = outer.endswith("<locals>")
    return not (
        source.__closure__
        # A method, whose private names are the class's.
        or (outer and not nested)
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
    return with_texts(stub, value) if stub.code.startswith("@") else unsaveable(value)


def with_texts(stub: Any, function: Any) -> Any:
    """marimo's stub of a function, whose texts are as they are also where it is indented,
    as within an `if`: without the indentation, one of several lines is another."""
    from marimo._save.stubs import FunctionStub

    if isinstance(stub, FunctionStub):
        source = inspect.getsource(function)
        if stub.code == textwrap.dedent(source):
            stub.code = _in_its_place(source)
    return stub


def _in_its_place(source: str) -> str:
    """A statement where it may be indented."""
    return f"if True:\n{source}" if source[:1].isspace() else source


def class_stub(kind: type, filename: str | None) -> Any | None:
    """marimo's stub of a class, from its whole source; None if that is not found."""
    from marimo._save.stubs.class_stub import ClassStub

    if filename is None or kind.__qualname__ != kind.__name__:
        return None
    code = _class_source("".join(linecache.getlines(filename)), kind.__name__)
    if code is None:
        return None
    if _is_changed(kind, code):
        return unsaveable(kind)
    return ClassStub.from_dump((code, kind.__qualname__))


def _is_changed(kind: type, code: str) -> bool:
    """Whether a class got attributes, or other values of them, since its body ran, as
    one has that counts its instances.

    Of one that a decorator, a metaclass or a base may have given some, nobody can tell.
    """
    tree = ast.parse(code)
    node = next(one for one in ast.walk(tree) if isinstance(one, ast.ClassDef))
    if node.decorator_list or type(kind) is not type or _is_given_more(kind):
        return False
    module = compile(tree, "<class>", "exec")
    body = next(
        (one for one in module.co_consts if getattr(one, "co_name", "") == node.name),
        None,
    )
    if body is None:
        return False
    now = {name: value for name, value in vars(kind).items() if name[:2] != "__"}
    if any(
        name not in body.co_names and not isinstance(value, MemberDescriptorType)
        for name, value in now.items()
    ):
        return True
    return any(
        name in now and not _is_equal(now[name], value)
        for name, value in _plain_values(node)
    )


def _is_given_more(kind: type) -> bool:
    bases = kind.__mro__[1:-1]
    return tuple in bases or any("__init_subclass__" in vars(base) for base in bases)


def _plain_values(node: ast.ClassDef) -> Iterator[tuple[str, Any]]:
    """What a class's body gives a name once, and without computing it."""
    names = Counter(
        one.id
        for one in ast.walk(node)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    )
    for one in node.body:
        targets = one.targets if isinstance(one, ast.Assign) else [None]
        target = one.target if isinstance(one, ast.AnnAssign) else targets[0]
        if len(targets) == 1 and isinstance(target, ast.Name) and names[target.id] == 1:
            with suppress(ValueError, TypeError, SyntaxError, RecursionError):
                yield target.id, ast.literal_eval(getattr(one, "value", None) or "")


def _is_equal(one: Any, other: Any) -> bool:
    try:
        return type(one) is type(other) and bool(one == other)
    except Exception:
        return False


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
    return _in_its_place("".join(cell.splitlines(True)[first - 1 : node.end_lineno]))


def unsaveable(value: Any) -> Any:
    """What stands for a value that nobody can save, and is told to be of its class."""
    kind = type(value)
    name = {"__module__": kind.__module__, "__reduce__": _not_whole}
    return type(kind.__name__, (), name)()


def _not_whole(value: Any) -> Any:
    raise NotWhole(f"a {type(value).__name__} would come back as another value")
