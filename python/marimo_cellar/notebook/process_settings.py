"""What a cell's code sets for the whole process on its way to what it computes, such as
`warnings.filterwarnings("ignore")`: told without running it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from marimo_cellar.notebook.changes import (
    Change,
    changes_in,
    changes_of,
    imports_in,
    may_set,
    sets_up,
)
from marimo_cellar.notebook.parsing import tree_of

# What seeds the random numbers that Python has for the whole process, or NumPy.
SEEDING = frozenset({"seed", "seed_everything", "set_seed", "set_random_seed"})
# Where random numbers begin, those of PyTorch too. Once some are drawn, they do not go on
# from there.
BEGINNING = SEEDING | {"manual_seed", "manual_seed_all"}
# A call of one with an argument: without, it is another beginning in each run.
_SEEDS = re.compile(rf"\b(?:{'|'.join(sorted(SEEDING))})\([^)]")


class Setting(Struct, frozen=True):
    """A statement, which is to be left as it is, what it may set and what it names. None
    for one that, done twice, would do more than once."""

    statement: ast.stmt | None
    changes: tuple[Change, ...]
    names: frozenset[str]


class Settings(Struct, frozen=True):
    """`imports` are the modules that the cell imports itself."""

    all: tuple[Setting, ...] = ()
    imports: frozenset[str] = frozenset()


def seeds(code: str) -> bool:
    """Whether a cell seeds the random numbers of Python or NumPy, to the same in each run."""
    return _SEEDS.search(code) is not None


@lru_cache(maxsize=2048)
def settings_in(code: str, seeding: bool = False) -> Settings:
    """The statements of a cell, outside of its functions, that may set something, and do
    no more; where random numbers begin, if that is asked for."""
    # Which is known from its lookup.
    tree = tree_of(code) if any(map(may_set, changes_in(code).values)) else None
    if tree is None:
        return Settings()
    found = tuple(_settings(tree.body, seeding))
    return Settings(found, imports_in(tree)) if found else Settings()


def _settings(body: list[ast.stmt], seeding: bool) -> Iterator[Setting]:
    for node in body:
        if not sets_up(node) and not _puts(node):
            continue
        changes = tuple(
            one
            for one in changes_of([node])
            if may_set(one) and (seeding or one.method not in BEGINNING)
        )
        if changes:
            names = (one.id for one in ast.walk(node) if isinstance(one, ast.Name))
            counts = any(isinstance(one, ast.AugAssign) for one in ast.walk(node))
            yield Setting(None if counts else node, changes, frozenset(names))


def _puts(node: ast.stmt) -> bool:
    """Whether it puts something into what is there, and names nothing anew."""
    return isinstance(node, ast.Assign) and all(
        isinstance(one, ast.Attribute | ast.Subscript) for one in node.targets
    )
