"""Keys that depend on what other cells have done without defining anything.

A figure is drawn as `plt.rcParams` has it, and a model trained from where
`torch.manual_seed` has it begin. A model predicts by what it was fitted to. A cell that sets
such a thing, or fits, defines nothing that another one reads, so that marimo's key knows
nothing of it: edited, what was drawn or predicted would stay what it was.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any

from marimo._runtime.context import get_context, safe_get_context
from marimo._save.hash import BlockHasher
from msgspec import Struct

from marimo_cellar._marimo.contexts import names_read, values_in
from marimo_cellar._marimo.looking_up import LookedUp, before_lookup
from marimo_cellar.notebook.parsing import tree_of

_MADE = "_cellar_settings"
_CHANGED = "_cellar_changed"
_LAST = "_cellar_last"
_PACKAGES = "_cellar_packages"


class MadeSetting(Struct, frozen=True):
    """One setting that a cell has made: of which package, what it is called before people,
    what it is a change of, by which it is known again, and a digest of what was set."""

    package: str
    title: str
    of: Any
    digest: bytes


class _Changing(Struct, frozen=True):
    """What a cell changes of other cells: the names, the cells that define them, and the
    hash of its own key."""

    names: frozenset[str]
    definers: frozenset[str]
    hash: str


# The settings that a cell has made, by its code and what gives the values that names
# stand for in it.
MadeBy = Callable[[str, Callable[[Iterable[str]], dict[str, Any]]], list[MadeSetting]]
# Whether code that uses some packages comes out otherwise by a setting of one.
IsSubject = Callable[[str, str, frozenset[str]], bool]


def hash_side_effects(
    made_by: MadeBy,
    is_subject: IsSubject,
    package_of: Callable[[Any], str | None],
) -> None:
    """Has the key of a cell depend on what others have set before it, and on how they
    have changed what it goes by the code of. What it has the content of says so itself."""

    def next_is_looked_up(one: LookedUp) -> None:
        context = get_context()
        last = vars(context).pop(_LAST, None)
        vars(context)[_LAST] = one.cell
        if last is not None:
            _note(_by_cell(context, _MADE), last, one.namespace, made_by)

    before_lookup(next_is_looked_up)

    hashers: Any = BlockHasher
    make = hashers.__init__

    def make_with_side_effects(
        hasher: Any, module: Any, graph: Any, cell_id: Any, scope: Any, **more: Any
    ) -> None:
        make(hasher, module, graph, cell_id, scope, **more)
        cell = graph.cells.get(cell_id)
        if cell is None or module is not cell.mod:
            return
        with suppress(Exception):
            made, changing = _of_others(_MADE, cell_id), _of_others(_CHANGED, cell_id)
            if not made and not changing:
                return
            above = _hashed_by_code(hasher, cell, scope)
            packages_of = partial(_packages_of, graph, scope, package_of)
            users = list(_with_packages(cell, above, packages_of)) if made else []
            subject = {
                package
                for package in {one.package for all in made for one in all}
                if any(is_subject(package, one.code, used) for one, used in users)
            }
            found = [
                (one.title, one.digest)
                for all in made
                for one in all
                if one.package in subject
            ]
            ids = {str(one.cell_id) for one in above}
            found += [
                (name, one.hash.encode())
                for one in changing
                if not one.definers.isdisjoint(ids)
                for name in one.names
            ]
            _add(hasher, found)

    hashers.__init__ = make_with_side_effects


def note_changes(
    cell_id: str, names: Iterable[str], definers: Iterable[str], hash: str
) -> None:
    """A cell that is about to run changes variables of other cells; or none."""
    context = safe_get_context()
    if context is None:
        return
    changed, found = _by_cell(context, _CHANGED), frozenset(definers)
    changed.pop(cell_id, None)
    if found:
        changed[cell_id] = _Changing(frozenset(names), found, hash)


def _by_cell(context: Any, what: str) -> dict[str, Any]:
    found: dict[str, Any] = vars(context).setdefault(what, {})
    return found


def _note(
    made: dict[str, Any], cell: Any, namespace: dict[str, Any], made_by: MadeBy
) -> None:
    cell_id = str(cell.cell_id)
    now = made_by(cell.code, partial(values_in, namespace, cell.cell_id))
    # What a cell does not set any more stays set.
    targets = [one.of for one in now]
    kept = [one for one in made.get(cell_id, ()) if one.of not in targets]
    if kept or now:
        made[cell_id] = [*kept, *now]


def _of_others(what: str, cell_id: Any) -> list[Any]:
    context = safe_get_context()
    if context is None:
        return []
    noted = _by_cell(context, what)
    return [all for other, all in noted.items() if other != str(cell_id)]


def _hashed_by_code(hasher: Any, cell: Any, scope: dict[str, Any]) -> list[Any]:
    """The cells above whose values the key has by the code that they come from, and those
    whose tables SQL reads, which are no values."""
    graph, no_values = hasher.graph, cell.refs - scope.keys()
    waiting = [
        *hasher.cells_from_refs(hasher.execution_refs),
        *(
            one
            for one in graph.parents.get(cell.cell_id, ())
            if not no_values.isdisjoint(graph.cells[one].defs)
        ),
    ]
    found: set[Any] = set()
    while waiting:
        one = waiting.pop()
        if one not in found and one != hasher.cell_id:
            found.add(one)
            waiting.extend(graph.parents.get(one, ()))
    return [graph.cells[one] for one in sorted(found)]


def _with_packages(
    cell: Any, above: list[Any], packages_of: Callable[[Any], frozenset[str]]
) -> Iterator[tuple[Any, frozenset[str]]]:
    """A cell and those above it, each with the packages that it uses. What those use was
    found as they were looked up themselves: for each cell anew it would take long."""
    known = _by_cell(get_context(), _PACKAGES)
    known[str(cell.cell_id)] = cell, packages_of(cell)
    for one in above:
        of, _ = known.get(str(one.cell_id), (None, None))
        if of is not one:
            known[str(one.cell_id)] = one, packages_of(one)
    for one in (cell, *above):
        yield known[str(one.cell_id)]


def _packages_of(
    graph: Any,
    scope: dict[str, Any],
    package_of: Callable[[Any], str | None],
    cell: Any,
) -> frozenset[str]:
    """Those that a cell imports and uses, and that what it reads is of, or what functions
    read which it reads."""
    found = {package_of(scope[name]) for name in names_read(graph, cell, scope)}
    # Of one that only imports, others use it.
    used = _names_used(cell.code) if cell.imports else frozenset()
    found.update(
        one.namespace
        for one in cell.imports
        if one.definition.partition(".")[0] in used
    )
    return frozenset(package for package in found if package)


@lru_cache(maxsize=2048)
def _names_used(code: str) -> frozenset[str]:
    tree = tree_of(code)
    return frozenset(
        one.id
        for one in (ast.walk(tree) if tree is not None else ())
        if isinstance(one, ast.Name)
    )


def _add(hasher: Any, found: Iterable[tuple[str, bytes]]) -> None:
    digests: dict[str, set[bytes]] = {}
    for name, one in found:
        digests.setdefault(name, set()).add(one)
    for name, of_name in sorted(digests.items()):
        # In whatever order the cells ran.
        digest = hashlib.sha256(b"".join(sorted(of_name))).digest()
        for algorithm in (hasher.hash_alg, hasher.exe_alg):
            algorithm.update(name.encode() + digest)
        hashed: dict[str, bytes] = getattr(hasher, "_cellar_hashed", {})
        hasher._cellar_hashed = {**hashed, name: digest}
