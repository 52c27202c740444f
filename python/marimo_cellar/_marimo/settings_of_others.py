"""Keys that depend on what other cells have set for the process.

A figure is drawn as `plt.rcParams` has it, and a model trained from where
`torch.manual_seed` has it begin. A cell that only sets such a thing defines nothing that
another one reads, so that marimo's key knows nothing of it: edited, the figure would stay
what it was.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any

from marimo._runtime.context import get_context, safe_get_context
from marimo._save.hash import BlockHasher
from msgspec import Struct

from marimo_cellar._marimo.contexts import values_in
from marimo_cellar._marimo.looking_up import LookedUp, before_lookup
from marimo_cellar.notebook.parsing import tree_of

_MADE = "_cellar_settings"
_LAST = "_cellar_last"


class MadeSetting(Struct, frozen=True):
    """One setting that a cell has made: of which package, what it is called before people,
    what it is a change of, by which it is known again, and a digest of what was set."""

    package: str
    title: str
    of: Any
    digest: bytes


# The settings that a cell has made, by its code and what gives the values that names
# stand for in it.
MadeBy = Callable[[str, Callable[[Iterable[str]], dict[str, Any]]], list[MadeSetting]]
# Whether code that uses some packages comes out otherwise by a setting of one.
IsSubject = Callable[[str, str, frozenset[str]], bool]


def hash_settings_of_others(
    made_by: MadeBy,
    is_subject: IsSubject,
    package_of: Callable[[Any], str | None],
) -> None:
    """Has the key of a cell depend on what others have set before it."""

    def next_is_looked_up(one: LookedUp) -> None:
        context = get_context()
        last = vars(context).pop(_LAST, None)
        vars(context)[_LAST] = one.cell
        if last is not None:
            _note(_made(context), last, one.namespace, made_by)

    before_lookup(next_is_looked_up)

    hashers: Any = BlockHasher
    make = hashers.__init__

    def make_with_settings(
        hasher: Any, module: Any, graph: Any, cell_id: Any, scope: Any, **more: Any
    ) -> None:
        make(hasher, module, graph, cell_id, scope, **more)
        cell = graph.cells.get(cell_id)
        if cell is None or module is not cell.mod:
            return
        with suppress(Exception):
            made = _of_others(cell_id)
            if not made:
                return
            cells = [cell, *_hashed_by_code(hasher)]
            packages = frozenset(_packages(graph, cells, scope, package_of))
            code = "\n".join(one.code for one in cells)
            found = [one for one in made if is_subject(one.package, code, packages)]
            _add(hasher, found)

    hashers.__init__ = make_with_settings


def _made(context: Any) -> dict[Any, list[MadeSetting]]:
    """By cell."""
    found: dict[Any, list[MadeSetting]] = vars(context).setdefault(_MADE, {})
    return found


def _note(
    made: dict[Any, list[MadeSetting]],
    cell: Any,
    namespace: dict[str, Any],
    made_by: MadeBy,
) -> None:
    now = made_by(cell.code, partial(values_in, namespace, cell.cell_id))
    # What a cell does not set any more stays set.
    targets = [one.of for one in now]
    kept = [one for one in made.get(cell.cell_id, ()) if one.of not in targets]
    if kept or now:
        made[cell.cell_id] = [*kept, *now]


def _of_others(cell_id: Any) -> list[MadeSetting]:
    context = safe_get_context()
    if context is None:
        return []
    return [
        one for other, all in _made(context).items() if other != cell_id for one in all
    ]


def _hashed_by_code(hasher: Any) -> list[Any]:
    """The cells above whose values the key has by the code that they come from."""
    waiting = [*hasher.cells_from_refs(hasher.execution_refs)]
    found: set[Any] = set()
    while waiting:
        one = waiting.pop()
        if one not in found and one != hasher.cell_id:
            found.add(one)
            waiting.extend(hasher.graph.parents.get(one, ()))
    return [hasher.graph.cells[one] for one in sorted(found)]


def _packages(
    graph: Any,
    cells: list[Any],
    scope: dict[str, Any],
    package_of: Callable[[Any], str | None],
) -> Iterable[str]:
    """Those that cells import and use, and that what they read is of, or what functions
    read which they read."""
    names: set[str] = set().union(*(one.refs for one in cells))
    names = graph.get_transitive_references(
        names, predicate=lambda name, _: callable(scope.get(name))
    )
    for name in names & scope.keys():
        if package := package_of(scope[name]):
            yield package
    for cell in cells:
        # Of one that only imports, others use it.
        used = _names_used(cell.code) if cell.imports else frozenset()
        for one in cell.imports:
            if one.definition.partition(".")[0] in used:
                yield one.namespace


@lru_cache(maxsize=2048)
def _names_used(code: str) -> frozenset[str]:
    tree = tree_of(code)
    return frozenset(
        one.id
        for one in (ast.walk(tree) if tree is not None else ())
        if isinstance(one, ast.Name)
    )


def _add(hasher: Any, made: list[MadeSetting]) -> None:
    titled: dict[str, set[bytes]] = {}
    for one in made:
        titled.setdefault(one.title, set()).add(one.digest)
    for title, digests in sorted(titled.items()):
        # In whatever order the cells ran.
        digest = hashlib.sha256(b"".join(sorted(digests))).digest()
        for algorithm in (hasher.hash_alg, hasher.exe_alg):
            algorithm.update(title.encode() + digest)
        hashed: dict[str, bytes] = getattr(hasher, "_cellar_hashed", {})
        hasher._cellar_hashed = {**hashed, title: digest}
