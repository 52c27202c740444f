"""Functions and classes that marimo restores from their source, as they were in a cell.

There a name that begins with an underscore is the cell's own, and has another one in
the notebook, which the source alone does not say.
"""

from __future__ import annotations

import dis
import functools
import hashlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any

from marimo_cellar._marimo.loaders import cached_function

# What holds functions, and where.
_WRAPPING: Sequence[tuple[type, tuple[str, ...]]] = (
    (FunctionType, ("__wrapped__",)),
    (type(functools.lru_cache(int)), ("__wrapped__",)),
    (property, ("fget", "fset", "fdel")),
    (staticmethod, ("__func__",)),
    (classmethod, ("__func__",)),
    (functools.cached_property, ("func",)),
    (functools.partial, ("func",)),
    (functools.partialmethod, ("func",)),
    (functools.singledispatchmethod, ("func",)),
)
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


def name_privates(
    value: Any, names: Iterable[tuple[str, str]], scope: Mapping[str, Any]
) -> None:
    """Has a function or class, made of its source in a scope, use what its cell defines:
    `names` are those in its code, each with the one in the notebook.

    Raises `ValueError` where the code has no room for a name.
    """
    own = {name: place for name, place in names if name != place}
    if not own:
        return
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        # A class may hold another module's functions as well.
        if isinstance(one, FunctionType) and one.__globals__ is scope:
            one.__code__ = _named(one.__code__, own)
        waiting += _parts(one, value)


def _parts(one: Any, whole: Any) -> Iterable[Any]:
    """What a function or class is made of, in which there may be functions."""
    if isinstance(one, type):
        nested = one.__qualname__.startswith(f"{getattr(whole, '__qualname__', '')}.")
        return list(vars(one).values()) if one is whole or nested else ()
    for kind, parts in _WRAPPING:
        if isinstance(one, kind):
            return [getattr(one, part, None) for part in parts]
    return [cached_function(one)]


def _named(code: CodeType, places: Mapping[str, str]) -> CodeType:
    uses = [one for one in dis.get_instructions(code) if one.opcode in dis.hasname]
    # Of an attribute, which may be called as a variable is.
    others = {one.argval for one in uses if one.opname not in _OF_GLOBALS}
    names = list(code.co_names)
    bytecode = bytearray(code.co_code)
    for one in uses:
        name = one.argval
        if one.opname not in _OF_GLOBALS or name not in places:
            continue
        at = code.co_names.index(name)
        if name not in others:
            names[at] = places[name]
            continue
        if places[name] not in names:
            names.append(places[name])
        steps = names.index(places[name]) - at
        former = one.arg or 0
        argument = former + (steps << _shift(one.opname))
        # A second byte is in an instruction of its own before, and none can be added.
        wide = former > 0xFF
        if argument > (0xFFFF if wide else 0xFF):
            raise ValueError(f"{code.co_name} has too many names to restore {name}")
        bytecode[one.offset + 1] = argument & 0xFF
        if wide:
            bytecode[one.offset - 1] = argument >> 8
    return code.replace(
        co_code=bytes(bytecode),
        co_names=tuple(names),
        co_consts=tuple(
            _named(one, places) if isinstance(one, CodeType) else one
            for one in code.co_consts
        ),
    )


def _shift(opname: str) -> int:
    """The bits of an instruction's argument below those that say which name it is of."""
    return int(opname == "LOAD_GLOBAL" and sys.version_info >= (3, 11))
