"""Python's own parser, which has nothing to say to the user of what others wrote, and what
is asked of its trees."""

from __future__ import annotations

import ast
import warnings
from functools import lru_cache

from marimo_cellar.forks import Lock

_lock = Lock()


def parsed(code: str) -> ast.Module:
    """The tree of some code. Raises what `ast.parse` does.

    It warns of an escape such as "\\d" in a string; marimo does that where it compiles
    the cell. What is ignored is so for the whole process, and two threads that took
    turns in ignoring would leave it so for good: one at a time does it.
    """
    with _lock.native, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(code)


@lru_cache(maxsize=16)
def tree_of(code: str) -> ast.Module | None:
    """The tree of a cell's code, for several who ask one after the other and leave it as
    it is; None where it does not parse."""
    try:
        return parsed(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def name_of(node: ast.expr) -> str:
    """The last name of a variable or attribute: `read_csv` of `pl.read_csv`; "" of anything
    else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
