"""Which stored cell is which cell of the notebook as it stands now.

A pure function, the same in TypeScript; `test/fixtures/identity.json` is the
table both run. Each pass looks only at what both sides have left. A cell that
left the notebook is matched after those that are in it, so that a copy of old
code does not take the place of a cell that is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from marimo_cellar.code import code_digest

Reason = Literal["session", "code", "name", "defs", "new"]


@dataclass(frozen=True)
class StoredCell:
    """A cell the database knows. `cell_id` is ours and stable."""

    cell_id: int
    name: str | None
    digest: bytes
    defs: frozenset[str]
    retired: bool = False


@dataclass(frozen=True)
class NotebookCell:
    """A cell of the notebook, in notebook order.

    `known_as` is the `cell_id` that the live kernel already gave to its cell,
    which stays while the code changes under it.
    """

    name: str | None
    digest: bytes
    defs: frozenset[str]
    known_as: int | None = None


@dataclass(frozen=True)
class Match:
    """`cell_id` is None for a new cell."""

    cell_id: int | None
    reason: Reason


EMPTY_DIGEST = code_digest("")


def match_cells(
    before: Sequence[StoredCell], after: Sequence[NotebookCell]
) -> list[Match]:
    """One match for each cell of `after`, in its order.

    `before` must be in order of ordinal.
    """
    stored = sorted(before, key=lambda cell: cell.retired)
    matches: list[Match | None] = [None] * len(after)
    left = {cell.cell_id: cell for cell in stored}

    def take(index: int, cell_id: int, reason: Reason) -> None:
        matches[index] = Match(cell_id, reason)
        del left[cell_id]

    for index, cell in enumerate(after):
        if cell.known_as in left and cell.known_as is not None:
            take(index, cell.known_as, "session")

    def pair(
        reason: Reason,
        of_stored: Callable[[StoredCell], Hashable],
        of_cell: Callable[[NotebookCell], Hashable],
    ) -> None:
        """Pair what has an equal key, in order. A key of None pairs nothing."""
        waiting: dict[Hashable, list[int]] = {}
        for one in left.values():
            waiting.setdefault(of_stored(one), []).append(one.cell_id)
        for index, cell in enumerate(after):
            key = of_cell(cell)
            if matches[index] is None and key is not None and waiting.get(key):
                take(index, waiting[key].pop(0), reason)

    pair(
        "code",
        lambda one: one.digest,
        lambda cell: None if cell.digest == EMPTY_DIGEST else cell.digest,
    )
    pair("name", lambda one: _name(one.name), lambda cell: _name(cell.name))

    for cell_id, index in _by_defs(list(left.values()), after):
        if cell_id in left and matches[index] is None:
            take(index, cell_id, "defs")

    return [match or Match(None, "new") for match in matches]


def _name(name: str | None) -> str | None:
    return None if name == "_" else name


def _by_defs(
    left: Sequence[StoredCell], after: Sequence[NotebookCell]
) -> list[tuple[int, int]]:
    """Pairs of a stored cell and a place in `after` that define a name in common.

    Those to make first come first: with a living cell, then with most names.
    """
    definers: dict[str, list[int]] = {}
    for index, cell in enumerate(after):
        for name in cell.defs:
            definers.setdefault(name, []).append(index)
    pairs = []
    for order, one in enumerate(left):
        shared = Counter(index for name in one.defs for index in definers.get(name, ()))
        pairs += [
            (one.retired, -names, order, index, one.cell_id)
            for index, names in shared.items()
        ]
    return [(cell_id, index) for _, _, _, index, cell_id in sorted(pairs)]
