"""What a key has of functions: all that they do.

marimo hashes a function by its own code alone, and takes a cached one for nothing.
Whoever calls one would be served the old answer once something within it was edited: a
function that it calls, a default, what it closes over.
"""

from __future__ import annotations

import dis
import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache, partial
from types import (
    CodeType,
    FunctionType,
    MappingProxyType,
    MethodType,
    ModuleType,
    SimpleNamespace,
)
from typing import Any

from marimo._ast.variables import (
    get_cell_from_local,
    if_local_then_mangle,
    is_mangled_local,
    unmangle_local,
)
from marimo._runtime.context import safe_get_context
from marimo._runtime.exceptions import MarimoRescheduleError
from marimo._runtime.primitives import is_pure_function
from marimo._save.encode import deterministic_dumps
from marimo._save.hash import (
    BlockHasher,
    SerialRefs,
    hash_cell_group,
    hash_module,
)

from marimo_cellar._marimo import own
from marimo_cellar._marimo.loaders import CACHING, cached_function, is_stub
from marimo_cellar._marimo.sources import is_of_notebook, is_remembering

_READ_GLOBAL = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})
# What Python writes into a class that says nothing of what it does.
_OF_CLASSES = frozenset(
    {
        *("__module__", "__dict__", "__weakref__", "__doc__", "__annotations__"),
        *("__firstlineno__", "__static_attributes__", "__qualname__"),
    }
)


def hash_functions_whole() -> None:
    """Has a cell, a block or a cached function depend on all that the functions of its
    notebook do which it uses, cached ones too.

    Of other cells, those that read variables marimo hashes by the code of their cells and
    of those above them, which is all of it. A cached function that comes with a module
    depends on all that functions of that module do.
    """
    own.know_modules()
    hashers: Any = BlockHasher
    serialize: Callable[..., Any] = hashers.serialize_and_dequeue_content_refs

    def serialize_functions(
        hasher: Any, refs: set[str], scope: dict[str, Any], *more: Any
    ) -> Any:
        within: dict[str, Any] = {}
        digests: dict[str, bytes] = {}
        done: set[str] = set()
        unknown: set[str] = set()
        for ref in refs:
            value = scope.get(ref)
            of_another = _is_of_another(hasher, ref)
            if (function := cached_function(value)) is not None:
                within[ref] = function
            elif of_another and _stands_for_cached_function(value):
                # By the code of its cell and of those above it, as what has no bytes.
                unknown.add(ref)
                continue
            else:
                function = value
            if not _is_users(function):
                continue
            pure = is_pure_function(ref, function, scope, hasher.fn_cache, hasher.graph)
            if (
                of_another
                and not pure
                and not _passes_for_marimos(function)
                # Of whose cells marimo takes the code of the nearest alone.
                and not own.is_of_called_module()
            ):
                continue
            whole = _Whole(hasher, ref, serialize)
            whole.look_through(function)
            if whole.is_more_than_code or not pure:
                digests[if_local_then_mangle(ref, hasher.cell_id)] = whole.digest()
                done.add(ref)
        for name, value in own.unseen(scope, _globals_of):
            whole = _Whole(hasher, name, serialize)
            whole.look_through(value)
            digests[name] = whole.digest()
        if within:
            scope = {**scope, **within}
        left, content, stateful = serialize(hasher, refs - done - unknown, scope, *more)
        return SerialRefs(left | unknown, {**content, **digests}, stateful)

    hashers.serialize_and_dequeue_content_refs = serialize_functions


def look_for_stubs_within() -> None:
    """Has a cell that is about to run have what the functions need that it calls, where
    that came from the cache as a stub, as marimo has what it needs itself."""
    from marimo._runtime.executor.lifecycles.cached import CachedLifecycle

    cached: Any = CachedLifecycle
    preflight: Callable[..., None] = cached._preflight_refs

    def preflight_all(lifecycle: Any, cell: Any, namespace: Any) -> None:
        graph = lifecycle._graph
        names = {*cell.refs, *_classes_of(map(namespace.get, cell.refs))}
        refs: set[str] = graph.get_transitive_references(
            # Of a value is needed what it is, and not what it was made of.
            names,
            predicate=lambda name, _: _is_code(namespace.get(name)),
        )
        for name in [one for one in refs if is_mangled_local(one)]:
            refs.discard(name)
            maker = get_cell_from_local(name)
            if is_stub(namespace.get(name)) and maker in graph.cells:
                # Of which marimo knows no maker.
                _need_anew(lifecycle, cell.cell_id, maker)
        needing = SimpleNamespace(cell_id=cell.cell_id, refs=refs)
        preflight(lifecycle, needing, namespace)

    cached._preflight_refs = preflight_all


def _is_code(value: Any) -> bool:
    """Whether it is a function or class, which needs what it uses when it is called."""
    return _is_users(value) or cached_function(value) is not None


def _classes_of(values: Iterable[Any]) -> Iterator[str]:
    """The names of the notebook's classes that some values are of."""
    for kind in map(type, values):
        if is_of_notebook(kind):
            yield kind.__name__


def _need_anew(lifecycle: Any, cell_id: Any, maker: Any) -> None:
    """Has another cell run first, unless it did: as marimo does for what a cell names."""
    if maker == cell_id or maker in lifecycle._invalidated:
        return
    lifecycle._invalidate(maker)
    lifecycle._attempts.pop(cell_id, None)
    lifecycle._exec_starts.pop(cell_id, None)
    raise MarimoRescheduleError(cells_to_rerun={cell_id, maker})


def _stands_for_cached_function(value: Any) -> bool:
    """Whether a cell came from the cache whose function could not."""
    return is_stub(value) and str(getattr(value, "type_name", "")).startswith(
        f"{CACHING}."
    )


def _is_of_another(hasher: Any, ref: str) -> bool:
    cells = hasher.graph.definitions.get(ref, ())
    return bool(cells) and hasher.cell_id not in cells


def _is_users(value: Any) -> bool:
    """Whether it is a function or class of the notebook, or a method that is cached."""
    if isinstance(value, partial):
        return own.is_own(value.func)
    if isinstance(value, FunctionType):
        return _is_own_function(value)
    return (isinstance(value, type) or is_remembering(value)) and own.is_own(value)


def _is_own_function(function: FunctionType) -> bool:
    return own.is_own(function) or own.uses_own(function)


def _passes_for_marimos(value: Any) -> bool:
    """Whether it is what `functools.wraps` makes of a cached function in a notebook, which
    says that it is of marimo's module, and is taken for nothing."""
    return isinstance(value, FunctionType) and value.__module__ == CACHING


class _Whole:
    """All that a function of a notebook does, as a digest that is the same in each run."""

    def __init__(self, hasher: Any, ref: str, serialize: Callable[..., Any]) -> None:
        self._hasher = hasher
        self._ref = ref
        self._serialize = serialize
        self._hash = hashlib.sha256()
        self._parts = 0
        self._seen: set[int] = set()

    @property
    def is_more_than_code(self) -> bool:
        """Whether there is more to it than the code of one function."""
        return self._parts > 1

    def digest(self) -> bytes:
        return self._hash.digest()

    def look_through(self, function: Any) -> None:
        # No recursion, of which Python allows little.
        waiting = [("", function)]
        while waiting:
            name, value = waiting.pop()
            waiting.extend(self._within(name, value))

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
                self._add(name, hash_module(value.__code__))
                if _is_own_function(value):
                    yield from self._of_function(value)
        elif isinstance(value, type):
            if self._is_new(name, value):
                self._add(
                    name, f"{own.module_in_key(value)}.{value.__qualname__}".encode()
                )
                if own.is_own(value):
                    yield from self._of_class(value)
        else:
            self._add(name, self._content(name, value))
            if own.is_own(type(value)):
                yield name, type(value)

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
        # What `functools.singledispatch` chooses from.
        if isinstance(kinds := vars(function).get("registry"), MappingProxyType):
            for kind, chosen in kinds.items():
                yield f"{name} {getattr(kind, '__qualname__', kind)}", chosen
        scope = function.__globals__
        if own.uses_own(function):
            for key in _globals_of(function.__code__):
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

    def _content(self, name: str, value: Any) -> bytes:
        """What a variable holds, as far as marimo hashes it: the rest by the code that it
        comes from, since a pickle may be another one each time, or its own by that."""
        hasher, context = self._hasher, safe_get_context()
        scope = {name: value}
        with suppress(Exception):
            refs, *_ = hasher.extract_ref_state_and_normalize_scope(
                {name}, scope, context
            )
            left, content, _ = self._serialize(hasher, refs, scope, context)
            if not left:
                return b"".join(content.values())
        graph, algorithm = hasher.graph, hasher.hash_alg.name
        cells = set(graph.definitions.get(name) or graph.definitions.get(self._ref, ()))
        if cells and hasher.cell_id not in cells:
            above = set().union(*(graph.ancestors(cell) for cell in cells))
            return hash_cell_group(cells | above, graph, algorithm)
        with suppress(Exception):
            return deterministic_dumps(value, algorithm)
        return f"{type(value).__module__}.{type(value).__qualname__}".encode()


@lru_cache(maxsize=2048)
def _globals_of(code: CodeType) -> tuple[str, ...]:
    """The global names that code reads, within its functions too, in order."""
    names = {
        str(one.argval)
        for one in dis.get_instructions(code)
        if one.opname in _READ_GLOBAL
    }
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names.update(_globals_of(constant))
    return tuple(sorted(names))
