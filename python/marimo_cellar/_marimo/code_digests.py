"""All that functions and classes do, as a digest that is the same in each run: what they
call, their defaults and what they close over, too."""

from __future__ import annotations

import dis
import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache, partial
from types import CodeType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

from marimo._ast.app import App, AppEmbedResult
from marimo._ast.variables import unmangle_local
from marimo._runtime.context import safe_get_context
from marimo._save import encode
from marimo._save.encode import primitive_to_bytes
from marimo._save.hash import hash_cell_group

from marimo_cellar._marimo import own
from marimo_cellar._marimo.loaders import cached_function
from marimo_cellar._marimo.named_code import code_named_by
from marimo_cellar._marimo.sources import is_remembering
from marimo_cellar._marimo.told_apart import digest_of_code

_PLAIN = frozenset({str, int, float, bool, bytes, type(None)})
_READ_GLOBAL = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})
# What Python writes into a class that says nothing of what it does.
_OF_CLASSES = frozenset(
    {
        *("__module__", "__dict__", "__weakref__", "__doc__", "__annotations__"),
        *("__firstlineno__", "__static_attributes__", "__qualname__"),
        # Python 3.14 makes the first, and the second once somebody asks for it.
        *("__annotate_func__", "__annotations_cache__"),
    }
)


class CodeDigest:
    """Of `values`, one after the other; `ref` is the variable that it is for, `serialize`
    how marimo hashes variables."""

    def __init__(
        self,
        hasher: Any,
        ref: str,
        serialize: Callable[..., Any],
        values: Iterable[Any],
    ) -> None:
        self._hasher = hasher
        self._ref = ref
        self._serialize = serialize
        self._hash = hashlib.sha256()
        self._parts = 0
        self._seen: set[int] = set()
        for value in values:
            self._look_through(value)

    @property
    def is_more_than_code(self) -> bool:
        """Whether there is more to it than the code of one function."""
        return self._parts > 1

    def digest(self) -> bytes:
        """The SHA-256 of all that was looked through."""
        return self._hash.digest()

    def _look_through(self, value: Any) -> None:
        # No recursion, of which Python allows little.
        waiting = [("", value)]
        while waiting:
            waiting.extend(self._within(*waiting.pop()))

    def _add(self, name: str, data: bytes) -> None:
        self._parts += 1
        for one in (name.encode("utf-8", "surrogatepass"), data):
            self._hash.update(len(one).to_bytes(8, "big") + one)

    def _within(self, name: str, value: Any) -> Iterator[tuple[str, Any]]:
        """What a value does itself is added; what it uses is given."""
        if (function := cached_function(value)) is not None:
            yield name, function
        elif isinstance(value, ModuleType):
            # Of which marimo takes the version, where it is named.
            return
        elif isinstance(value, App):
            for code in value._cell_manager.codes():
                self._add(name, code.encode("utf-8", "surrogatepass"))
        elif isinstance(value, AppEmbedResult):
            for key, held in sorted(value.defs.items()):
                yield f"{name} {key}", held
        elif isinstance(value, partial):
            yield name, value.func
            yield from self._named(name, (*value.args, *sorted(value.keywords.items())))
        elif isinstance(value, MethodType):
            yield name, value.__func__
            yield name, value.__self__
        elif isinstance(value, staticmethod | classmethod) or is_remembering(value):
            yield name, value.__wrapped__
        elif isinstance(value, property):
            yield from self._named(name, (value.fget, value.fset, value.fdel))
        elif isinstance(value, FunctionType):
            if self._is_new(name, value):
                self._add(name, _digest_of(value.__code__))
                if is_own_function(value):
                    yield from self._of_function(value)
        elif isinstance(value, type):
            if self._is_new(name, value):
                self._add(
                    name, f"{own.module_in_key(value)}.{value.__qualname__}".encode()
                )
                if own.is_own(value):
                    yield from self._of_class(value)
        else:
            data, named = self._content(name, value)
            self._add(name, data)
            if own.is_own(type(value)):
                yield name, type(value)
            yield from self._named(name, named)

    def _is_new(self, name: str, value: Any) -> bool:
        if id(value) in self._seen:
            self._add(name, b"again")
            return False
        self._seen.add(id(value))
        return True

    def _of_function(self, function: FunctionType) -> Iterator[tuple[str, Any]]:
        name = function.__name__
        yield from self._named(name, function.__defaults__ or ())
        for key, value in sorted((function.__kwdefaults__ or {}).items()):
            yield f"{name} {key}", value
        names = function.__code__.co_freevars
        for key, cell in zip(names, function.__closure__ or (), strict=True):
            try:
                yield f"{name} {key}", cell.cell_contents
            except ValueError:
                # It is yet to be defined.
                continue
        if (wrapped := vars(function).get("__wrapped__")) is not None:
            yield f"{name} wrapped", wrapped
        # Such as `f.k = 3`, but for what it counts and keeps there itself.
        kept = _attributes_kept_by(function.__code__)
        for key, value in sorted(vars(function).items()):
            if type(value) in _PLAIN and key not in kept:
                yield f"{name}.{key}", value
        # What `functools.singledispatch` chooses from.
        if isinstance(kinds := vars(function).get("registry"), MappingProxyType):
            for kind, chosen in kinds.items():
                yield f"{name} {getattr(kind, '__qualname__', kind)}", chosen
        scope = function.__globals__
        if own.uses_own(function):
            for key in globals_of(function.__code__):
                if key in scope:
                    yield unmangle_local(key).name, scope[key]

    def _of_class(self, kind: type) -> Iterator[tuple[str, Any]]:
        yield from self._named(kind.__name__, kind.__bases__)
        for key, value in sorted(vars(kind).items()):
            if key not in _OF_CLASSES:
                yield f"{kind.__name__} {key}", value

    @staticmethod
    def _named(name: str, values: Any) -> Iterator[tuple[str, Any]]:
        for at, value in enumerate(values):
            yield f"{name} {at}", value

    def _content(self, name: str, value: Any) -> tuple[bytes, list[Any]]:
        """What a variable holds, as far as marimo hashes it: the rest by the code that it
        comes from, since a pickle may be another one each time, or its own by that, which
        has no more of the code in it than the names. So that is given as well."""
        hasher, algorithm = self._hasher, self._hasher.hash_alg.name
        if type(value) in _PLAIN:
            # As marimo would, if it takes them; each call of a function asks for them.
            with suppress(Exception):
                return hashlib.new(algorithm, primitive_to_bytes(value)).digest(), []
        scope, context = {name: value}, safe_get_context()
        with suppress(Exception):
            refs, *_ = hasher.extract_ref_state_and_normalize_scope(
                {name}, scope, context
            )
            left, content, _ = self._serialize(hasher, refs, scope, context)
            if not left:
                return b"".join(content.values()), []
        graph = hasher.graph
        cells = set(graph.definitions.get(name) or graph.definitions.get(self._ref, ()))
        if cells and hasher.cell_id not in cells:
            above = set().union(*(graph.ancestors(cell) for cell in cells))
            return hash_cell_group(cells | above, graph, algorithm), []
        with suppress(Exception):
            data = encode.deterministic_dumps(value, algorithm)
            return data, code_named_by(value) if own.may_be_named_in(data) else []
        kind = type(value)
        return f"{kind.__module__}.{kind.__qualname__}".encode(), code_named_by(value)


@lru_cache(maxsize=2048)
def _digest_of(code: CodeType) -> bytes:
    return digest_of_code(code)


@lru_cache(maxsize=2048)
def globals_of(code: CodeType) -> tuple[str, ...]:
    """The global names that code reads, within its functions too, in order."""
    names = {
        str(one.argval)
        for one in dis.get_instructions(code)
        if one.opname in _READ_GLOBAL
    }
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names.update(globals_of(constant))
    return tuple(sorted(names))


@lru_cache(maxsize=2048)
def _attributes_kept_by(code: CodeType) -> frozenset[str]:
    """The names of attributes that code puts something into, whosever they are."""
    names = {
        str(one.argval)
        for one in dis.get_instructions(code)
        if one.opname == "STORE_ATTR"
    }
    within = (one for one in code.co_consts if isinstance(one, CodeType))
    return frozenset(names.union(*map(_attributes_kept_by, within)))


def is_own_function(function: FunctionType) -> bool:
    """Whether it is of the notebook, or of the module of the call, by what it says or by
    its globals: what a decorator made says that it is of what it wraps."""
    return own.is_own(function) or own.uses_own(function)
