"""The user's own modules that a result was made by.

Of a module marimo's hash has the version alone, which a file beside the notebook has
none of: `helper.py` may be another one, and what it made before is served.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from marimo_cellar import _marimo
from marimo_cellar.entries.imported import status_at_import
from marimo_cellar.entries.reads import Read, change_of
from marimo_cellar.entries.workspace import Workspace
from marimo_cellar.notebook.parsing import tree_of

# Which tell themselves which module they are of.
_TELLING = (ModuleType, FunctionType, type)
# A cell that comes from more than that has the first ones kept.
_MOST = 200
_NOTEBOOK = "__main__"


@lru_cache(maxsize=512)
def names_run(code: str, called: bool) -> frozenset[str]:
    """The names that a cell's code uses as it runs: not within the functions that it
    only defines, unless they are `called`, as those are that are cached themselves.

    What its functions are called by elsewhere, uses them there.
    """
    tree = tree_of(code)
    if tree is None:
        return frozenset()
    found = set()
    nodes: list[ast.AST] = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.add(node.id)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not called:
            nodes += [*node.decorator_list, *node.args.defaults]
            nodes += [value for value in node.args.kw_defaults if value is not None]
        else:
            nodes += ast.iter_child_nodes(node)
    return frozenset(found)


def modules_of(
    used: Mapping[str, Any], hashed: Collection[str], workspace: Workspace
) -> list[Read]:
    """The files of the modules whose code runs where these values are used.

    Of functions that are `hashed`, by their own code, that is what they use alone, as far
    as that is not in their own module.
    """
    found: dict[str, Read] = {}
    seen: set[int] = set()
    values: list[Any] = []
    for name, value in used.items():
        if name in hashed and isinstance(value, FunctionType):
            used_by = list(_used_by(value))
            values += used_by
            if value.__defaults__ or value.__kwdefaults__ or value.__closure__:
                values.append(value)
            elif any(not isinstance(one, _TELLING) for one in used_by):
                # A constant of its module.
                values.append(value)
        else:
            values.append(value)
    while values and len(found) < _MOST:
        value = values.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        values += _within(value)
        of = _module_of(value)
        if of == _NOTEBOOK:
            values += _used_in_notebook(value)
            continue
        for module in _with_parents(of):
            if id(module) in seen and module is not value:
                continue
            seen.add(id(module))
            file = _file_of(module, workspace)
            if file is not None:
                found[file.path] = file
                values += vars(module).values()
    return list(found.values())


def changed_since(reads: Iterable[Read], folder: Path) -> str | None:
    """A module that an entry was made by and whose file is another one now, by its path
    from the notebook's `folder`; None where there is none, or none is known."""
    for read in reads:
        # Files that are data have other endings.
        if read.path.endswith(".py") and change_of(read, folder) is not None:
            return read.path
    return None


def _module_of(value: Any) -> str | None:
    """The name of the module that a value's code is in, without asking the value."""
    if isinstance(value, ModuleType):
        name = vars(value).get("__name__")
    elif isinstance(value, type):
        name = vars(value).get("__module__")
    elif isinstance(value, FunctionType):
        name = value.__module__
    else:
        name = vars(type(value)).get("__module__")
    return name if isinstance(name, str) else None


def _within(value: Any) -> Iterator[Any]:
    """What a function is in: a partial one, or what decorators made of it."""
    if isinstance(value, partial):
        yield value.func
    elif (function := _marimo.cached_function(value)) is not None:
        yield function
    elif not isinstance(value, type | ModuleType):
        own = getattr(value, "__dict__", None)
        if isinstance(own, dict) and "__wrapped__" in own:
            yield own["__wrapped__"]


def _used_in_notebook(value: Any) -> Iterator[Any]:
    """What a function or class of the notebook uses, or the class of an instance."""
    if isinstance(value, FunctionType):
        yield from _used_by(value)
        return
    kind = value if isinstance(value, type) else type(value)
    yield from kind.__mro__[1:]
    for each in vars(kind).values():
        # Of a method also behind `@property`, `@classmethod` and the like.
        method = getattr(each, "fget", None) or getattr(each, "__func__", each)
        if isinstance(method, FunctionType):
            yield from _used_by(method)


def _used_by(function: FunctionType) -> Iterator[Any]:
    scope = function.__globals__
    for name in _names_in(function.__code__):
        if name in scope:
            yield scope[name]


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def _with_parents(name: str | None) -> Iterator[ModuleType]:
    """A module and the packages around it, which are run before it is."""
    while name:
        module = sys.modules.get(name)
        if isinstance(module, ModuleType):
            yield module
        name = name.rpartition(".")[0]


def _file_of(module: ModuleType, workspace: Workspace) -> Read | None:
    """A module's file as it was when it was first seen since it was imported: what has
    been edited since is not what runs."""
    path = vars(module).get("__file__")
    if not isinstance(path, str) or not path.endswith(".py") or not workspace.has(path):
        return None
    return workspace.file(path, "opened", status_at_import(module))
