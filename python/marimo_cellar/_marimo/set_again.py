"""What a cell sets for the whole process, set again where the cell is served."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import partial
from typing import Any

from marimo_cellar._marimo.contexts import place_of, values_in
from marimo_cellar._marimo.looking_up import LookedUp, after_lookup
from marimo_cellar._marimo.printed import unheard

# The statements of a cell that set something, by its code and what gives the values that
# names stand for in it.
SetBy = Callable[[str, Callable[[Iterable[str]], dict[str, Any]]], list[ast.stmt]]


def set_again(set_by: SetBy) -> None:
    """Has what a cell sets set once more where it is served. Where that fails the cell
    runs, as without an entry."""

    def served(one: LookedUp, _: Any) -> None:
        cell_id = one.cell.cell_id
        statements = set_by(one.cell.code, partial(values_in, one.namespace, cell_id))
        if statements:
            # As the cell did: what it printed then is shown anyway.
            with unheard():
                exec(_compiled(statements, cell_id), one.namespace)

    after_lookup(served, must_succeed=True)


def _compiled(statements: list[ast.stmt], cell_id: Any) -> Any:
    module = ast.Module(deepcopy(statements), type_ignores=[])
    for node in ast.walk(module):
        if isinstance(node, ast.Name):
            node.id = place_of(node.id, cell_id)
    return compile(module, "<set again>", "exec", dont_inherit=True)
