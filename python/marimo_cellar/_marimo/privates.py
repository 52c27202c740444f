"""Functions and classes that marimo restores from their source, as they were in a cell.

There a name that begins with an underscore is the cell's own, and has another one in
the notebook, which the source alone does not say.
"""

from __future__ import annotations

import dis
import hashlib
from collections.abc import Callable, Iterable
from types import CodeType, FunctionType
from typing import Any

from marimo_cellar._marimo.loaders import cached_function

_OF_GLOBALS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"})


def give_source(stub: Any) -> None:
    """Has Python find the source of a function that is about to be made of a stub, and
    of those that it makes in turn, such as cached ones, which marimo looks for."""
    from marimo._save.stubs import FunctionStub

    if isinstance(stub, FunctionStub) and not stub.is_cached:
        # It was the file of a cell in another run, or that of an app, where it now has
        # other lines. By its content: a process has many notebooks, each with a function
        # of that name.
        digest = hashlib.sha256(stub.code.encode("utf-8", "surrogatepass"))
        stub.filename = f"<function {digest.hexdigest()[:16]}>"


def name_privates(value: Any, names: Iterable[tuple[str, str]]) -> None:
    """Has a function or class, made of its source, use what its cell defines: `names`
    are those in its code, each with the one in the notebook."""
    own = {name: place for name, place in names if name != place}
    if not own:
        return
    seen: set[int] = set()
    waiting = [cached_function(value) or value]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, FunctionType):
            one.__code__ = _named(one.__code__, own.get)
            waiting += [vars(one).get("__wrapped__")]
        elif isinstance(one, property):
            waiting += [one.fget, one.fset, one.fdel]
        elif isinstance(one, staticmethod | classmethod):
            waiting.append(one.__func__)
        elif isinstance(one, type) and one is value:
            waiting += vars(one).values()


def _named(code: CodeType, name_of: Callable[[str, str], str]) -> CodeType:
    uses: dict[str, set[bool]] = {}
    for one in dis.get_instructions(code):
        if one.argval in code.co_names:
            uses.setdefault(one.argval, set()).add(one.opname in _OF_GLOBALS)
    return code.replace(
        # Not that of an attribute.
        co_names=tuple(
            name_of(name, name) if uses.get(name) == {True} else name
            for name in code.co_names
        ),
        co_consts=tuple(
            _named(one, name_of) if isinstance(one, CodeType) else one
            for one in code.co_consts
        ),
    )
