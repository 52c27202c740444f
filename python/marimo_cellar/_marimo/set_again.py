"""What a cell sets for the whole process, set again where the cell is served."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import partial
from typing import Any

from marimo_cellar._marimo.contexts import place_of, values_in
from marimo_cellar._marimo.printed import unheard

# The statements of a cell that set something, by its code and what gives the values that
# names stand for in it.
SetBy = Callable[[str, Callable[[Iterable[str]], dict[str, Any]]], list[ast.stmt]]


def set_again(set_by: SetBy) -> None:
    """Has what a cell sets set once more where it is served. Where that fails the cell
    runs, as without an entry."""
    from marimo._runtime.executor.lifecycles.cached import CachedLifecycle

    cached: Any = CachedLifecycle
    set_up: Callable[..., Any] = cached.setup

    def set_up_and_set(lifecycle: Any, cell: Any, namespace: dict[str, Any]) -> Any:
        skip = set_up(lifecycle, cell, namespace)
        if skip is None:
            return None
        try:
            values_of = partial(values_in, namespace, cell.cell_id)
            statements = set_by(cell.code, values_of)
            if statements:
                # As the cell did: what it printed then is shown anyway.
                with unheard():
                    exec(_compiled(statements, cell.cell_id), namespace)
        except Exception:
            lifecycle._attempts.pop(cell.cell_id, None)
            # What it reads, and came from the cache as a stub, has to be made first.
            lifecycle._preflight_refs(cell, namespace)
            return None
        return skip

    cached.setup = set_up_and_set


def _compiled(statements: list[ast.stmt], cell_id: Any) -> Any:
    module = ast.Module(deepcopy(statements), type_ignores=[])
    for node in ast.walk(module):
        if isinstance(node, ast.Name):
            node.id = place_of(node.id, cell_id)
    return compile(module, "<set again>", "exec", dont_inherit=True)
