"""What a key has of functions: all that they do.

marimo hashes a function by its own code alone, and takes a cached one for nothing.
Whoever calls one would be served the old answer once something within it was edited: a
function that it calls, a default, what it closes over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import FunctionType, SimpleNamespace
from typing import Any

from marimo._ast.app import App, AppEmbedResult
from marimo._ast.variables import (
    get_cell_from_local,
    if_local_then_mangle,
    is_mangled_local,
)
from marimo._runtime.exceptions import MarimoRescheduleError
from marimo._runtime.primitives import is_pure_function
from marimo._save.hash import BlockHasher, SerialRefs

from marimo_cellar._marimo import own
from marimo_cellar._marimo.arguments import hash_named_code
from marimo_cellar._marimo.code_digests import CodeDigest, globals_of, is_own_function
from marimo_cellar._marimo.loaders import CACHING, cached_function, is_stub
from marimo_cellar._marimo.sources import is_of_notebook, is_remembering


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
    hash_named_code(serialize)

    def serialize_functions(
        hasher: Any, refs: set[str], scope: dict[str, Any], *more: Any
    ) -> Any:
        within: dict[str, Any] = {}
        digests: dict[str, bytes] = {}
        done: set[str] = set()
        unknown: set[str] = set()
        for ref in refs:
            value = scope.get(ref)
            if (function := cached_function(value)) is not None:
                value = within[ref] = function
            elif _is_of_another(hasher, ref) and _stands_for_cached_function(value):
                # By the code of its cell and of those above it, as what has no bytes.
                unknown.add(ref)
                continue
            digest = _digest_of(hasher, ref, value, scope, serialize)
            if digest is not None:
                digests[if_local_then_mangle(ref, hasher.cell_id)] = digest
                done.add(ref)
        for name, value in own.unseen(scope, globals_of):
            digests[name] = CodeDigest(hasher, name, serialize, [value]).digest()
        if within:
            scope = {**scope, **within}
        left, content, stateful = serialize(hasher, refs - done - unknown, scope, *more)
        return SerialRefs(left | unknown, {**content, **digests}, stateful)

    hashers.serialize_and_dequeue_content_refs = serialize_functions


def _digest_of(
    hasher: Any,
    ref: str,
    value: Any,
    scope: dict[str, Any],
    serialize: Callable[..., Any],
) -> bytes | None:
    """Of all that a variable does which is a function, a class or another notebook; None
    where marimo has all of it, and of anything else."""
    # Another notebook, or what embedding it gave: marimo hashes nothing of its own classes.
    is_notebook = isinstance(value, App | AppEmbedResult)
    if not is_notebook and not _is_users(value):
        return None
    pure = is_pure_function(ref, value, scope, hasher.fn_cache, hasher.graph)
    if (
        _is_of_another(hasher, ref)
        and not pure
        and not is_notebook
        and not _passes_for_marimos(value)
        # Of whose cells marimo takes the code of the nearest alone.
        and not own.is_of_called_module()
    ):
        return None
    whole = CodeDigest(hasher, ref, serialize, [value])
    return whole.digest() if whole.is_more_than_code or not pure else None


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
        return is_own_function(value)
    return (isinstance(value, type) or is_remembering(value)) and own.is_own(value)


def _passes_for_marimos(value: Any) -> bool:
    """Whether it is what `functools.wraps` makes of a cached function in a notebook, which
    says that it is of marimo's module, and is taken for nothing."""
    return isinstance(value, FunctionType) and value.__module__ == CACHING
